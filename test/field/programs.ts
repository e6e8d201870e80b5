// The programs that the field suite drives: compilers, package managers, servers. What a part needs from a registry is
// fetched by its own client and kept under .field/, which git ignores.

import { spawn, spawnSync } from 'node:child_process'
import { mkdir } from 'node:fs/promises'
import { join, resolve } from 'node:path'

const ROOT = resolve(import.meta.dirname, '../..')

/** Whether all of these programs are on this machine: `test.skipIf(!has('java', 'mvn'))`. */
export function has(...programs: string[]): boolean {
  return programs.every((program) => spawnSync('which', [program]).status === 0)
}

/** A folder for what a part is built of; it is kept from run to run. */
export async function workFolder(part: string): Promise<string> {
  const folder = join(ROOT, '.field', part)
  await mkdir(folder, { recursive: true })
  return folder
}

export type Ran = { readonly stdout: string; readonly stderr: string }

/** Runs a program to its end. Rejects with its output when it fails or takes longer than `timeoutMs`. */
export function run(
  program: string,
  args: readonly string[],
  options: { cwd?: string; env?: Record<string, string>; input?: string; timeoutMs?: number } = {},
): Promise<Ran> {
  const { cwd = ROOT, env = {}, input = '', timeoutMs = 300_000 } = options
  return new Promise((done, failed) => {
    const child = spawn(program, args, {
      cwd,
      env: { ...process.env, ...env },
      timeout: timeoutMs,
      killSignal: 'SIGKILL',
    })
    let stdout = ''
    let stderr = ''
    child.stdout.on('data', (chunk) => (stdout += chunk))
    child.stderr.on('data', (chunk) => (stderr += chunk))
    child.once('error', failed)
    child.once('close', (code, signal) => {
      if (code === 0) return done({ stdout, stderr })
      const how = signal ? `was ended by ${signal} (its limit is ${timeoutMs} ms)` : `exited with ${code}`
      failed(new Error(`${program} ${args.join(' ')} ${how}.\n${stdout.slice(-4_000)}\n${stderr.slice(-4_000)}`))
    })
    child.stdin.on('error', () => {})
    child.stdin.end(input)
  })
}
