// The programs of docs/live.md, over a restart of the gateway.

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { expect } from 'vitest'
import { openLiveGateway } from './live-gateway.ts'

export type LiveProgram = { readonly name: string; readonly command: string; readonly args: readonly string[] }

/** Runs the programs side by side. Each must print every delivery that changes before, while and after the gateway is gone. */
export async function expectAllOverRestart(programs: readonly LiveProgram[], folder: string): Promise<void> {
  const gateway = await openLiveGateway()
  const running = programs.map((program) => startProgram(program, folder, { url: gateway.url, key: gateway.key }))
  try {
    const seenBy = (ids: readonly string[]) =>
      running.filter(({ printed }) => ids.every((id) => printed().includes(id))).map(({ name }) => name)
    const names = programs.map(({ name }) => name)
    // A stream that is open may not have its cursor yet; what changes before that is not in it.
    await expect.poll(() => seenBy(['deliveries']), { timeout: 30_000 }).toEqual(names)
    const ids = await gateway.deliver(3)
    await expect.poll(() => seenBy(ids), { timeout: 20_000 }).toEqual(names)
    await gateway.stop()
    ids.push(...(await gateway.deliver(3)))
    await gateway.start()
    ids.push(...(await gateway.deliver(3)))
    await expect.poll(() => seenBy(ids), { timeout: 30_000 }).toEqual(names)
    for (const { printed } of running) expect(printed()).not.toContain('"resyncRequired":true')
  } finally {
    await Promise.all(running.map(({ stop }) => stop()))
    await gateway.close()
  }
}

/** Each program must end with exit code 1 and print the refusal when its key is not known. */
export async function expectRefusals(programs: readonly LiveProgram[], folder: string): Promise<void> {
  const gateway = await openLiveGateway()
  try {
    for (const program of programs) {
      const { ended, said } = startProgram(program, folder, { url: gateway.url, key: 'sivo_unknown' })
      expect(await ended, `${program.name}: ${said()}`).toBe(1)
      expect(said(), program.name).toContain('UNAUTHENTICATED')
    }
  } finally {
    await gateway.close()
  }
}

function startProgram({ name, command, args }: LiveProgram, cwd: string, { url, key }: { url: string; key: string }) {
  // A group of its own: the shell's program starts others.
  const child: ChildProcess = spawn(command, args, {
    cwd,
    detached: true,
    env: { ...process.env, SIVO_URL: url, SIVO_KEY: key },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let printed = ''
  let said = ''
  child.stdout!.on('data', (chunk) => (printed += chunk))
  child.stderr!.on('data', (chunk) => (said += chunk))
  const ended = once(child, 'close').then(([code]) => code as number | null)
  return {
    name,
    ended,
    printed: () => printed,
    said: () => said,
    async stop() {
      if (child.exitCode === null) process.kill(-child.pid!, 'SIGKILL')
      await ended
    },
  }
}
