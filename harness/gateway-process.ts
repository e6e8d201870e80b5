// A gateway process under a supervisor, as in a deployment: whatever ends it, the supervisor starts it again soon.

import { type ChildProcess, spawn } from 'node:child_process'
import { createWriteStream, existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { backOffMs } from '../src/waiting.ts'

export type GatewayProcess = {
  readonly name: string
  /** null between an end and the next start. */
  readonly pid: number | null
  /** It is running and has logged that it is ready. */
  readonly isReady: boolean
  /** Ends that were not asked for: exit codes and signals. */
  readonly unexpectedEnds: readonly string[]
  /** Resolves when it logs that it is ready, also after a restart. */
  ready(timeoutMs: number): Promise<void>
  /** Returns false if there is no process to signal. An end by this SIGKILL counts as asked for. */
  signal(name: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT'): boolean
  /** Resident memory in MB; null if it cannot be read. */
  memoryMb(): number | null
  /** Asks it to leave by SIGTERM. Resolves with its exit code, or the name of a signal, and the time it took. */
  leave(deadlineMs: number): Promise<{ code: number | string; tookMs: number }>
  /** Ends it now. It is not started again. */
  end(): Promise<void>
}

const ROOT = fileURLToPath(new URL('..', import.meta.url))
/** The supervisor waits this long before it starts the process again, plus the back-off. */
const RESTART_MS = 200
const READY = '"gateway.ready"'

export type GatewayProcessOptions = {
  readonly name: string
  readonly env: Record<string, string>
  /** The file for its output. */
  readonly logPath: string
  /** The folder of the tree whose gateway is started; absent: this one. */
  readonly root?: string | undefined
  /** The command that runs it, such as `ip netns exec NAME`; it must become the process. Absent: none. */
  readonly within?: readonly string[] | undefined
}

/** As in deploy/ and in scripts/bootstrap.mjs. */
const GATEWAY_FLAGS = ['--max-semi-space-size=32']

/** Starts the gateway with this environment, with the Node of its tree. */
export function startGatewayProcess({
  name,
  env,
  logPath,
  root = ROOT,
  within = [],
}: GatewayProcessOptions): GatewayProcess {
  const log = createWriteStream(logPath, { flags: 'a' })
  const unexpectedEnds: string[] = []
  const whenReady = new Set<() => void>()
  let child: ChildProcess | null = null
  let isReady = false
  let wasKilled = false
  let finished = false
  let failures = 0
  let timer: NodeJS.Timeout | null = null
  let ended: Promise<number | string> = Promise.resolve(0)

  function start(): void {
    wasKilled = false
    isReady = false
    const [program, ...args] = [...within, nodeOf(root), ...GATEWAY_FLAGS, entryOf(root)]
    const started = spawn(program!, args, {
      // Without the caller's settings, so that a run is the same everywhere.
      env: { PATH: process.env['PATH'], HOME: process.env['HOME'], ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    child = started
    started.stdout!.on('data', (chunk: Buffer) => {
      if (!log.writableEnded) log.write(chunk)
      if (isReady || !chunk.includes(READY)) return
      isReady = true
      failures = 0
      for (const resolve of whenReady) resolve()
      whenReady.clear()
    })
    started.stderr!.on('data', (chunk: Buffer) => {
      if (!log.writableEnded) log.write(chunk)
    })
    ended = new Promise((resolve) => {
      const end = (how: number | string) => {
        child = null
        if (!log.writableEnded) log.write(`--- ended: ${how}\n`)
        resolve(how)
        if (finished) return
        if (!wasKilled) unexpectedEnds.push(String(how))
        const waitMs = RESTART_MS + backOffMs(failures)
        failures++
        timer = setTimeout(start, waitMs)
      }
      started.once('exit', (code, signal) => end(code ?? signal ?? 0))
      started.once('error', (error) => {
        if (started.pid === undefined) end(error.message)
      })
    })
  }
  // When this process ends, it ends the gateway process too.
  const lastWord = () => child?.kill('SIGKILL')
  process.once('exit', lastWord)
  process.setMaxListeners(0)
  start()

  return {
    name,
    get pid() {
      return child?.pid ?? null
    },
    get isReady() {
      return isReady && child !== null
    },
    unexpectedEnds,
    ready(timeoutMs) {
      if (isReady && child) return Promise.resolve()
      return new Promise((resolve, reject) => {
        const late = setTimeout(
          () => reject(new Error(`${name} was not ready after ${timeoutMs} ms. Its log is ${logPath}.`)),
          timeoutMs,
        )
        whenReady.add(() => {
          clearTimeout(late)
          resolve()
        })
      })
    },
    signal(signal) {
      if (!child) return false
      if (signal === 'SIGKILL') wasKilled = true
      return child.kill(signal)
    },
    memoryMb: () => (child?.pid ? residentMb(child.pid) : null),
    async leave(deadlineMs) {
      finished = true
      if (timer) clearTimeout(timer)
      const askedMs = performance.now()
      const leaving = child
      leaving?.kill('SIGTERM')
      const late = setTimeout(() => leaving?.kill('SIGKILL'), deadlineMs)
      const code = await ended
      clearTimeout(late)
      process.off('exit', lastWord)
      log.end()
      return { code, tookMs: Math.round(performance.now() - askedMs) }
    },
    async end() {
      finished = true
      if (timer) clearTimeout(timer)
      child?.kill('SIGCONT')
      child?.kill('SIGKILL')
      await ended
      process.off('exit', lastWord)
      log.end()
    },
  }
}

/** Trees of earlier releases have the second one alone. */
function entryOf(root: string): string {
  return ['src/main.mjs', 'src/main.ts'].map((path) => join(root, path)).find(existsSync)!
}

function nodeOf(root: string): string {
  const own = join(root, 'node_modules/node/bin/node')
  return root !== ROOT && existsSync(own) ? own : process.execPath
}

function residentMb(pid: number): number | null {
  try {
    const kilobytes = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
    return kilobytes === undefined ? null : Math.round(Number(kilobytes) / 1024)
  } catch {
    return null
  }
}
