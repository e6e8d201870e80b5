// Starts a server of another language or project as a receiver, with a certificate that the gateway trusts.

import { type ChildProcess, spawn } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import type { House } from '../../support/house.ts'
import { workFolder } from '../programs.ts'

/** The files of a certificate for 127.0.0.1. */
export async function certificateFiles(
  house: House,
  part: string,
): Promise<{ folder: string; cert: string; key: string }> {
  const folder = await workFolder(part)
  const issued = house.authority.issue(['localhost', '127.0.0.1'])
  const [cert, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')]
  await writeFile(cert, issued.cert)
  await writeFile(key, issued.key, { mode: 0o600 })
  return { folder, cert, key }
}

export type Server = { stop(): Promise<void> }

/** Starts a program and waits until it accepts connections at this port. Rejects with its output if it ends before. */
export async function startServer(
  program: string,
  args: readonly string[],
  { port, cwd, env = {} }: { port: number; cwd?: string; env?: Record<string, string> },
): Promise<Server> {
  const child: ChildProcess = spawn(program, args, { cwd, env: { ...process.env, ...env }, stdio: 'pipe' })
  let output = ''
  for (const stream of [child.stdout!, child.stderr!]) stream.on('data', (chunk) => (output += chunk))
  let ended = false
  const end = new Promise<void>((resolve) => child.once('close', () => resolve())).then(() => {
    ended = true
  })
  for (let i = 0; !(await accepts(port)); i++) {
    if (ended || i > 200) throw new Error(`${program} does not listen at ${port}.\n${output.slice(-4_000)}`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  return {
    async stop() {
      child.kill('SIGTERM')
      const late = setTimeout(() => child.kill('SIGKILL'), 3_000)
      await end
      clearTimeout(late)
    },
  }
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}
