// Ports for programs that are told where to listen, and for what nobody answers.

import { randomInt } from 'node:crypto'
import { createServer } from 'node:net'

// Systems give ports from 32768 on (Linux) or 49152 on (macOS, Windows) to who names none. A port below is taken by
// nobody by chance between this answer and its use.
const [FIRST, AFTER_LAST] = [20_000, 32_000]
let next = randomInt(FIRST, AFTER_LAST)

/** A port at which nothing listens on the loopback interface. Each call gives another one. */
export async function freePort(): Promise<number> {
  for (let tries = FIRST; tries < AFTER_LAST; tries++) {
    const port = next
    next = next + 1 < AFTER_LAST ? next + 1 : FIRST
    if (await isFree(port)) return port
  }
  throw new Error(`Expected a free port from ${FIRST} to ${AFTER_LAST - 1}, got none. End programs that listen there.`)
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}
