// Listens for the rings that say "something changed" (notifier.ts): one connection on one channel. A ring has no content.
// Rings are lost while the connection is away, so the listener also rings by itself after each connect. A dead connection
// is noticed within six seconds: a question goes out every three seconds and must be answered within three.

import type { Logger } from 'pino'
import { type DatabaseAccess, openConnection } from '../database/pools.ts'
import { CHANGES_CHANNEL } from '../database/queue.ts'
import { backOffMs, pause, within } from '../waiting.ts'

export type Listener = { close(): Promise<void> }

const CHECK_EVERY_MS = 3_000
const ANSWER_WITHIN_MS = 3_000

/** Listens until closed, reconnecting for as long as it takes. `onRing` must not throw. */
export function openListener(options: { access: DatabaseAccess; log: Logger; onRing: () => void }): Listener {
  const { access, log, onRing } = options
  const closing = new AbortController()

  const listenOnce = async (onListening: () => void): Promise<void> => {
    const client = await openConnection(access, 'listen')
    const gone = new AbortController()
    const close = () => gone.abort(new Error('The feed was closed.'))
    closing.signal.addEventListener('abort', close)
    if (closing.signal.aborted) close()
    client.on('error', (error) => gone.abort(error))
    client.on('end', () => gone.abort(new Error('The connection ended.')))
    client.on('notification', onRing)
    try {
      await within(ANSWER_WITHIN_MS, client.query(`listen ${CHANGES_CHANNEL}`))
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
      client.stream.destroy()
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
        await pause(backOffMs(failures), closing.signal)
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
