// One signed POST. Promise: `send` never throws and never takes longer than the deadline. The deadline covers everything:
// waiting for a free connection, DNS, connect, TLS, request, the whole reply. `send` follows no redirect, unpacks nothing, keeps
// at most 16 KiB of the reply, and talks only to addresses that were checked (guarded-connect.ts).
//
// A request that was written to a kept-alive connection at the moment the receiver closed it is sent once more, on a
// new connection and within the same deadline. That is safe because delivery is at least once and the event id is the
// same: a receiver that did get the first one recognises the second. Without it, every idle time-out of a receiver
// would cost a retry and five seconds.

import { Pool } from 'undici'
import type { Failure, SendResult } from '../domain/outcome.ts'
import type { Network } from '../domain/values/network-address.ts'
import { Attempt, nothingSent, type SendRequest } from './attempt.ts'
import { createConnector } from './guarded-connect.ts'
import { createLookup } from './guarded-lookup.ts'
import { createHeaderCheck, createUrlReader } from './request-form.ts'
import { createRoster } from './roster.ts'
import { KEEP_ALIVE_MAX_MS, SendingClient, type Shared } from './sending-client.ts'

export type { SendRequest } from './attempt.ts'

export type SenderOptions = {
  /** The whole attempt. */
  timeoutMs: number
  allowedNetworks: readonly Network[]
  allowedPorts: readonly number[]
  /** `ip:port` or `ip`; absent or empty: the system's. */
  dnsServers?: readonly string[]
  /** PEM certificates of further authorities. */
  ca?: readonly string[]
  connectionsPerOrigin?: number
  maxReplyBytes?: number
}

export type SenderStats = { inFlight: number; connections: number; origins: number; lookupsInFlight: number }

export type Sender = {
  /** Never rejects: every failure is a SendResult. */
  send(request: SendRequest): Promise<SendResult>
  stats(): SenderStats
  /** Ends what is in the air (as aborted) and closes all connections. */
  close(): Promise<void>
}

/** An origin without attempts for this long has no open connection left. */
const ORIGIN_IDLE_MS = KEEP_ALIVE_MAX_MS + 1_000

const NOT_HTTPS: Failure = { code: 'blocked_address', message: 'Only https: URLs are delivered to.' }

type Origin = { pool: Pool; inFlight: number; idleSince: number }

/** Opens a sender: its connections, its DNS cache and its TLS sessions. */
export function createSender({
  timeoutMs,
  allowedNetworks,
  allowedPorts,
  dnsServers,
  ca,
  connectionsPerOrigin = 64,
  maxReplyBytes = 16_384,
}: SenderOptions): Sender {
  const lookup = createLookup({ servers: dnsServers })
  const connect = createConnector({ lookup, allowedNetworks, allowedPorts, ca })
  const shared: Shared = { connect, stats: { connections: 0 }, timeoutMs, maxReplyBytes }
  const readUrl = createUrlReader()
  const checkHeaders = createHeaderCheck()
  const origins = new Map<string, Origin>()
  const inFlight = createRoster<Attempt>()
  let closed = false

  function originOf(name: string): Origin {
    const known = origins.get(name)
    if (known) return known
    const pool = new Pool(name, {
      connections: connectionsPerOrigin,
      // Otherwise everything waits for the first connection to tell whether it speaks HTTP/2.
      allowH2: false,
      connect: unused,
      factory: (url) => new SendingClient(url, shared),
    })
    const origin = { pool, inFlight: 0, idleSince: 0 }
    origins.set(name, origin)
    return origin
  }

  // One listener for each signal, not for each attempt: a listener that was removed holds on to those added after it, and
  // through them to their attempts, until the next full collection.
  const heeded = new WeakSet<AbortSignal>()

  function heed(signal: AbortSignal): void {
    if (heeded.has(signal)) return
    heeded.add(signal)
    const abort = () => {
      for (const attempt of inFlight.all()) if (attempt.request.signal === signal) attempt.abort()
    }
    signal.addEventListener('abort', abort, { once: true })
  }

  // One timer watches all attempts with the usual deadline. (One for each would be a tenth of what the gateway itself does
  // for an attempt.)
  let deadlineTimer: NodeJS.Timeout | null = null

  function watchDeadlines(): void {
    deadlineTimer = null
    const now = performance.now()
    let leastMs = Number.POSITIVE_INFINITY
    for (const attempt of inFlight.all()) {
      if (attempt.timer) continue
      const leftMs = attempt.startedAt + timeoutMs - now
      if (leftMs <= 0) attempt.expire()
      else leastMs = Math.min(leastMs, leftMs)
    }
    if (leastMs <= timeoutMs) deadlineTimer = setTimeout(watchDeadlines, Math.ceil(leastMs)).unref()
  }

  const sweeper = setInterval(() => {
    const idleBefore = performance.now() - ORIGIN_IDLE_MS
    for (const [name, { pool, inFlight, idleSince }] of origins) {
      if (inFlight > 0 || idleSince > idleBefore) continue
      origins.delete(name)
      void pool.destroy()
    }
  }, ORIGIN_IDLE_MS)
  sweeper.unref()

  function send(request: SendRequest): Promise<SendResult> {
    return new Promise((resolve) => {
      const url = readUrl(request.url)
      if (!url) return resolve(nothingSent(NOT_HTTPS))
      if (closed || request.signal?.aborted) return resolve(nothingSent())
      const headerIssue = checkHeaders(request.headers)
      if (headerIssue) return resolve(nothingSent({ code: 'connect_failed', message: headerIssue }))
      const origin = originOf(url.origin)
      if (request.signal) heed(request.signal)
      const attempt: Attempt = new Attempt(request, url, shared, (result) => {
        inFlight.delete(attempt)
        origin.inFlight--
        origin.idleSince = performance.now()
        resolve(result)
      })
      inFlight.add(attempt)
      origin.inFlight++
      if (request.deadlineMs !== undefined) attempt.expireIn(request.deadlineMs)
      else deadlineTimer ??= setTimeout(watchDeadlines, timeoutMs).unref()
      attempt.begin(origin.pool)
    })
  }

  return {
    send,
    stats: () => ({
      inFlight: inFlight.size,
      connections: shared.stats.connections,
      origins: origins.size,
      lookupsInFlight: lookup.stats().inFlight,
    }),
    async close() {
      closed = true
      clearInterval(sweeper)
      if (deadlineTimer) clearTimeout(deadlineTimer)
      for (const attempt of inFlight.all()) attempt.abort()
      const pools = [...origins.values()].map(({ pool }) => pool.destroy())
      origins.clear()
      lookup.close()
      await Promise.all(pools)
    },
  }
}

/** The pool never connects by itself: each of its clients brings its own guarded connect. */
function unused(): never {
  throw new Error('expected the guarded connect of the client, got the one of the pool')
}
