// The streams that are open on this process, over sockets and as server-sent events. They are counted per credential, and the
// credential is checked every few seconds. They end when it is revoked or has expired, and when the server stops.

import type { Logger } from 'pino'
import { STREAM_CHECK_MS } from '../http/limits.ts'
import type { Authenticator, Credential } from './authenticate.ts'

export type StreamEnd = 'credential-ended' | 'closing'

export type OpenStream = {
  readonly credential: Credential
  readonly credentialId: string
  readonly kind: 'socket' | 'events'
  /** Called once. */
  readonly end: (why: StreamEnd) => void
  /** Called at every look. */
  readonly look?: () => void
}

export type OpenStreams = {
  /** Counts a stream and watches over it; gives what takes it out again, or null when there are `most` already. */
  open(stream: OpenStream, most: number): (() => void) | null
  count(kind: OpenStream['kind']): number
  endAll(kind: OpenStream['kind']): void
  close(): void
}

export function createOpenStreams(options: {
  authenticator: Authenticator
  log: Logger
  checkMs?: number
}): OpenStreams {
  const { authenticator, log, checkMs = STREAM_CHECK_MS } = options
  const streams = new Set<OpenStream>()

  const end = (stream: OpenStream, why: StreamEnd) => {
    if (streams.delete(stream)) stream.end(why)
  }

  /** One question for each credential, also when it has many streams. */
  const check = async () => {
    const byCredential = Map.groupBy(streams, ({ credentialId }) => credentialId)
    for (const group of byCredential.values()) {
      for (const stream of group) stream.look?.()
      try {
        if ((await authenticator.viewerNow(group[0]!.credential)) === null)
          for (const stream of group) end(stream, 'credential-ended')
      } catch (error) {
        // The database is away. Nothing flows until it is back, and then the next look decides.
        log.debug({ err: error }, 'stream.credential_unchecked')
      }
    }
  }
  let checking = false
  const timer = setInterval(() => {
    if (checking) return
    checking = true
    check().finally(() => {
      checking = false
    })
  }, checkMs)
  timer.unref()

  return {
    open(stream, most) {
      let same = 0
      for (const other of streams) if (other.kind === stream.kind && other.credentialId === stream.credentialId) same++
      if (same >= most) return null
      streams.add(stream)
      return () => void streams.delete(stream)
    },
    count: (kind) => [...streams].filter((stream) => stream.kind === kind).length,
    endAll(kind) {
      for (const stream of [...streams]) if (stream.kind === kind) end(stream, 'closing')
    },
    close: () => clearInterval(timer),
  }
}
