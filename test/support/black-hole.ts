// A port whose queue of unaccepted connections is full: the next SYN is never answered.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import { vi } from 'vitest'

const SCRIPT = `
  const server = require('node:net').createServer()
  const [host, port] = process.argv.slice(1)
  server.listen({ port: Number(port), host, backlog: 1 }, () => {
    require('node:fs').writeSync(1, String(server.address().port))
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
  })`

export type BlackHole = { port: number; close(): Promise<void> }

export async function openBlackHole({ host = '127.0.0.1', port = 0 } = {}): Promise<BlackHole> {
  const child = spawn(process.execPath, ['-e', SCRIPT, host, String(port)], { stdio: ['ignore', 'pipe', 'inherit'] })
  const bound = Number(String((await once(child.stdout, 'data'))[0]))
  const fillers = Array.from({ length: 6 }, () => connect({ host, port: bound }).on('error', () => {}))
  await vi.waitFor(() => {
    if (fillers.filter(({ connecting }) => !connecting).length < 2) throw new Error('the queue is not full yet')
  })
  return {
    port: bound,
    async close() {
      for (const socket of fillers) socket.destroy()
      child.kill('SIGKILL')
      await once(child, 'exit')
    },
  }
}
