// The bell that says "something changed": one connection that listens on a channel. It carries nothing and may miss
// rings while it is away, so it also rings by itself whenever it has been connected anew. A connection that died without
// a word is noticed within six seconds: a question goes out every three, and three are left for the answer.

import net from 'node:net'
import pg from 'pg'
import type { Logger } from 'pino'
import { BELL_CHANNEL } from '../database/queue.ts'

export type Bell = { close(): Promise<void> }

const CHECK_EVERY_MS = 3_000
const ANSWER_WITHIN_MS = 3_000
const CONNECT_WITHIN_MS = 5_000
const BACKOFF_MS = [100, 200, 500, 1_000, 2_000]

/** Listens until closed, reconnecting for as long as it takes. `onRing` must not throw. */
export function openBell(options: {
  databaseUrl: string
  applicationName: string
  log: Logger
  onRing: () => void
}): Bell {
  const { databaseUrl, applicationName, log, onRing } = options
  const closing = new AbortController()

  const listenOnce = async (onListening: () => void): Promise<void> => {
    const socket = new net.Socket()
    const client = new pg.Client({
      connectionString: databaseUrl,
      application_name: applicationName,
      stream: () => socket,
      keepAlive: true,
      keepAliveInitialDelayMillis: 5_000,
    })
    const gone = new AbortController()
    const close = () => gone.abort(new Error('The feed was closed.'))
    closing.signal.addEventListener('abort', close)
    client.on('error', (error) => gone.abort(error))
    client.on('end', () => gone.abort(new Error('The connection ended.')))
    client.on('notification', onRing)
    try {
      await within(CONNECT_WITHIN_MS, client.connect())
      await within(ANSWER_WITHIN_MS, client.query(`listen ${BELL_CHANNEL}`))
      onListening()
      onRing()
      for (;;) {
        await pause(CHECK_EVERY_MS, gone.signal)
        gone.signal.throwIfAborted()
        await within(ANSWER_WITHIN_MS, client.query('select 1'))
      }
    } finally {
      closing.signal.removeEventListener('abort', close)
      // A connection whose other end is silent cannot be ended politely.
      void client.end().catch(() => {})
      socket.destroy()
    }
  }

  const listenForever = async () => {
    let failures = 0
    while (!closing.signal.aborted) {
      try {
        await listenOnce(() => {
          if (failures > 0) log.info({ failures }, 'changes.listening_again')
          failures = 0
        })
      } catch (error) {
        if (closing.signal.aborted) return
        if (failures === 0) log.warn({ err: error }, 'changes.listener_lost')
        await pause(BACKOFF_MS[Math.min(failures, BACKOFF_MS.length - 1)]!, closing.signal)
        failures++
      }
    }
  }

  const ended = listenForever()
  return {
    async close() {
      closing.abort()
      await ended
    },
  }
}

/** The promise's value, or an error when it takes longer than `ms`. The work itself goes on. */
export async function within<T>(ms: number, promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`The database did not answer within ${ms} ms.`)), ms)
  })
  promise.catch(() => {})
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}

/** Resolves after `ms`, or at once when the signal is aborted. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve()
    const done = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    signal.addEventListener('abort', done)
  })
}
