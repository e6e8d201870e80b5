// A TCP proxy that can behave like a broken network. Promise: a silent connection carries nothing. Both ends keep it, and
// neither of them is told, as when a cable is pulled.

import { connect, createServer, type Socket } from 'node:net'

export type HalfOpenProxy = {
  readonly port: number
  /** The number of connections that carry data now. */
  readonly openCount: number
  /** From now on the open connections carry nothing. They stay silent. */
  silence(): void
  /**
   * The next connection whose client sends a chunk with this text falls silent, alone: before the server gets the chunk,
   * or after it. Resolves when that has happened.
   */
  silenceAt(text: string, lost: 'question' | 'answer'): Promise<void>
  /** Silences the connections whose client has sent this text. Returns the number of them. */
  silenceWhere(text: string): number
  /** New connections are accepted and carry nothing, until `admit`. */
  refuseNew(): void
  admit(): void
  /** Calls this with each chunk from the client. `false` breaks the connection after the server got the chunk. */
  watch(look: ((chunk: Buffer) => boolean) | null): void
  close(): Promise<void>
}

const SAID_LENGTH = 8_192

/** Listens on a free port of the loopback interface and forwards connections to `targetPort`. */
export async function openHalfOpenProxy(targetPort: number): Promise<HalfOpenProxy> {
  /** `said`: what the client sent first, of each chunk no more than tells what it is. */
  type Pair = { client: Socket; server: Socket | null; silent: boolean; said: string }
  type Trap = { text: string; lost: 'question' | 'answer'; sprung: () => void }
  const pairs = new Set<Pair>()
  let admits = true
  let trap: Trap | null = null
  let look: ((chunk: Buffer) => boolean) | null = null

  const listener = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    const pair: Pair = { client, server: null, silent: !admits, said: '' }
    pairs.add(pair)
    client.on('error', () => {})
    // Data of a silent connection is read and dropped, as in a broken network.
    client.on('data', (chunk) => {
      if (pair.silent || !pair.server) return
      if (pair.said.length < SAID_LENGTH) pair.said += chunk.toString('latin1', 0, SAID_LENGTH)
      if (trap && chunk.includes(trap.text)) {
        const { lost, sprung } = trap
        trap = null
        pair.silent = true
        if (lost === 'answer') pair.server.write(chunk)
        return sprung()
      }
      const goesOn = look?.(chunk) ?? true
      if (!goesOn) pair.silent = true
      pair.server.write(chunk, () => {
        if (!goesOn) client.destroy()
      })
    })
    client.once('close', () => {
      // The far end of a silent connection is not told.
      if (!pair.silent) pair.server?.destroy()
      if (!pair.silent || !pair.server) pairs.delete(pair)
    })
    client.once('end', () => {
      if (!pair.silent) pair.server?.end()
    })
    if (pair.silent) return
    const server = connect({ port: targetPort, host: '127.0.0.1', noDelay: true, allowHalfOpen: true })
    pair.server = server
    server.on('error', () => {})
    server.on('data', (chunk) => {
      if (!pair.silent) client.write(chunk)
    })
    server.once('end', () => {
      if (!pair.silent) client.end()
    })
    server.once('close', () => {
      if (!pair.silent) client.destroy()
      if (!pair.silent || client.destroyed) pairs.delete(pair)
    })
  })
  await new Promise<void>((resolve, reject) => {
    listener.once('error', reject)
    listener.listen(0, '127.0.0.1', resolve)
  })
  return {
    port: (listener.address() as { port: number }).port,
    get openCount() {
      return [...pairs].filter((pair) => !pair.silent).length
    },
    silence() {
      for (const pair of pairs) pair.silent = true
    },
    silenceAt(text, lost) {
      return new Promise((sprung) => {
        trap = { text, lost, sprung }
      })
    },
    silenceWhere(text) {
      const found = [...pairs].filter(({ silent, said }) => !silent && said.includes(text))
      for (const pair of found) pair.silent = true
      return found.length
    },
    refuseNew() {
      admits = false
    },
    admit() {
      admits = true
    },
    watch(next) {
      look = next
    },
    async close() {
      const closed = new Promise<void>((resolve) => listener.close(() => resolve()))
      for (const { client, server } of pairs) {
        client.destroy()
        server?.destroy()
      }
      await closed
    },
  }
}
