// A way to the database that can be cut: connections through it are refused, broken off, or left without an answer.

import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

export type DatabasePath = {
  /** The database's URL by this way. */
  url: string
  /** Breaks what is open and refuses what comes. */
  cut(): void
  /** Lets nothing through in either direction, and says nothing: half-open, as behind a dead router. */
  silence(): void
  /** Lets new connections through again. Those that were silenced stay silent. */
  mend(): void
  close(): Promise<void>
}

export async function openDatabasePath(databaseUrl: string): Promise<DatabasePath> {
  const target = new URL(databaseUrl)
  const pairs = new Set<[Socket, Socket]>()
  let state: 'open' | 'cut' | 'silent' = 'open'
  const server = createServer((near) => {
    if (state === 'cut') return void near.resetAndDestroy()
    const far = connect(Number(target.port), target.hostname)
    const pair: [Socket, Socket] = [near, far]
    pairs.add(pair)
    for (const [from, to] of [pair, pair.toReversed() as [Socket, Socket]]) {
      from.on('error', () => {})
      from.on('close', () => {
        pairs.delete(pair)
        to.destroy()
      })
    }
    if (state === 'silent') return
    near.pipe(far)
    far.pipe(near)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = new URL(databaseUrl)
  url.hostname = '127.0.0.1'
  url.port = String((server.address() as AddressInfo).port)
  const each = (act: (pair: [Socket, Socket]) => void) => {
    for (const pair of [...pairs]) act(pair)
  }
  return {
    url: url.href,
    cut() {
      state = 'cut'
      each(([near]) => near.resetAndDestroy())
    },
    silence() {
      state = 'silent'
      each(([near, far]) => {
        near.unpipe(far)
        far.unpipe(near)
        near.pause()
        far.pause()
      })
    },
    mend() {
      state = 'open'
    },
    async close() {
      each(([near, far]) => {
        near.destroy()
        far.destroy()
      })
      server.close()
      await once(server, 'close')
    },
  }
}
