// Runs `npm run cells -- …` as an operator does: a process of its own, which may be interrupted at a step.

import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const CLI = fileURLToPath(new URL('../../src/cli/cells.ts', import.meta.url))
const INTERRUPT = new URL('interrupt.ts', import.meta.url).href
const LOOK_EVERY_MS = 100

export type CommandOptions = {
  readonly env: Readonly<Record<string, string>>
  readonly args: readonly string[]
  /** SIGSTOP: it goes on when `onStep` is done. */
  readonly at?: { readonly step: string; readonly signal: 'SIGKILL' | 'SIGSTOP'; readonly afterMs: number }
  /** Called when it has said the step of `at`. */
  readonly onStep?: () => Promise<void>
}

/** `stepMs`: when it first said each line, ms after its start. `peakMb`: the most memory that it had. */
export type CommandRun = {
  readonly ended: number | string
  readonly lines: readonly string[]
  readonly said: string
  readonly stepMs: ReadonlyMap<string, number>
  readonly tookMs: number
  readonly peakMb: number
}

export async function runCells({ env, args, at, onStep = async () => {} }: CommandOptions): Promise<CommandRun> {
  const startedMs = performance.now()
  const child = spawn(process.execPath, ['--import', INTERRUPT, CLI, ...args], {
    env: {
      PATH: process.env['PATH'],
      HOME: process.env['HOME'],
      ...env,
      ...(at && { SIVO_DRILL_STEP: at.step, SIVO_DRILL_SIGNAL: at.signal, SIVO_DRILL_AFTER_MS: String(at.afterMs) }),
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const lastWord = () => void child.kill('SIGKILL')
  process.once('exit', lastWord)
  const lines: string[] = []
  const stepMs = new Map<string, number>()
  let rest = ''
  let said = ''
  let beside = Promise.resolve()
  child.stdout.setEncoding('utf8')
  child.stdout.on('data', (chunk: string) => {
    const parts = (rest + chunk).split('\n')
    rest = parts.pop()!
    for (const line of parts) {
      lines.push(line)
      if (stepMs.has(line)) continue
      stepMs.set(line, performance.now() - startedMs)
      if (line !== at?.step) continue
      beside = onStep().then(() => {
        if (at.signal === 'SIGSTOP') child.kill('SIGCONT')
      })
    }
  })
  child.stderr.setEncoding('utf8')
  child.stderr.on('data', (chunk: string) => {
    said += chunk
  })
  let peakMb = 0
  const looking = setInterval(() => {
    peakMb = Math.max(peakMb, peakOf(child.pid))
  }, LOOK_EVERY_MS)
  const ended = await new Promise<number | string>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code, signal) => resolve(signal ?? code ?? 0))
  })
  clearInterval(looking)
  process.off('exit', lastWord)
  await beside
  return { ended, lines, said, stepMs, tookMs: performance.now() - startedMs, peakMb }
}

function peakOf(pid: number | undefined): number {
  try {
    return Math.round(Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1_024)
  } catch {
    return 0
  }
}
