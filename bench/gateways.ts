// The gateway processes of a run, and what they cost.

import { mkdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { type GatewayProcess, startGatewayProcess } from '../harness/gateway-process.ts'
import type { BenchOptions } from './options.ts'
import { cpuMs, residentMb } from './usage.ts'

export type Gateways = {
  /** An API process and this many workers, or with 0 one process that does everything; `--workers` has the last word. */
  start(layout: { workers: number }): Promise<void>
  stop(): Promise<void>
  /** Ends them now. Where profiles are written they leave by themselves: only then a profile is complete. */
  end(): Promise<unknown>
  /** CPU milliseconds of all processes so far, also of those that were stopped. */
  cpuMs(): number
  /** Resident memory of the largest process in MB. */
  largestMb(): number
}

export type GatewaysOptions = {
  readonly options: BenchOptions
  readonly folder: string
  readonly env: Record<string, string>
  /** The port of the API. */
  readonly port: number
  /** The folder of the tree whose gateway is started; absent: this one. */
  readonly root?: string | undefined
}

const READY_MS = 60_000
const LEAVE_MS = 20_000

export function createGateways({ options, folder, env, port, root }: GatewaysOptions): Gateways {
  let processes: GatewayProcess[] = []
  let spentMs = 0
  let starts = 0
  return {
    async start(layout) {
      const workers = options.workers ?? layout.workers
      const roles = workers === 0 ? ['all'] : ['api', ...Array<string>(workers).fill('worker')]
      starts++
      processes = roles.map((role, i) =>
        startGatewayProcess({
          name: `${role} ${i}`,
          root,
          logPath: join(folder, `gateway-${i}.log`),
          env: {
            ...env,
            ...(options.profiles ? { NODE_OPTIONS: profilingTo(options.profiles, `${starts}-${role}-${i}`) } : {}),
            SIVO_ROLE: role,
            PORT: String(i === 0 ? port : 0),
          },
        }),
      )
      await Promise.all(processes.map((each) => each.ready(READY_MS)))
    },
    async stop() {
      spentMs += sumOf(processes, cpuMs)
      await Promise.all(processes.map((each) => each.leave(LEAVE_MS)))
      processes = []
    },
    end: () => Promise.all(processes.map((each) => (options.profiles ? each.leave(LEAVE_MS) : each.end()))),
    cpuMs: () => spentMs + sumOf(processes, cpuMs),
    largestMb: () => Math.max(0, ...processes.map(({ pid }) => (pid && residentMb(pid)) || Number.NaN)),
  }
}

/** NaN when one of the processes cannot be asked. */
export function sumOf(processes: readonly { pid: number | null }[], of: (pid: number) => number | null): number {
  return processes.reduce((total, { pid }) => total + ((pid && of(pid)) || Number.NaN), 0)
}

function profilingTo(folder: string, name: string): string {
  const dir = resolve(folder)
  mkdirSync(dir, { recursive: true })
  return `--cpu-prof --cpu-prof-dir=${dir} --cpu-prof-name=${name}.cpuprofile`
}
