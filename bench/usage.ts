// CPU time and memory of processes, as the system counts them.

import { readdirSync, readFileSync } from 'node:fs'

/** The clock ticks per second of /proc; 100 on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100

/** CPU milliseconds that a process has used; null if the system does not tell. */
export function cpuMs(pid: number): number | null {
  const times = cpuTimes(pid)
  return times === null ? null : ((times.own + times.ofReapedChildren) * 1_000) / TICKS_PER_SECOND
}

/** The same for a process and all its children, also those that have ended. */
export function familyCpuMs(pid: number): number | null {
  const parent = cpuMs(pid)
  if (parent === null) return null
  return childrenOf(pid).reduce((sum, child) => sum + (cpuMs(child) ?? 0), parent)
}

/** Resident memory in MB; null if the system does not tell. */
export function residentMb(pid: number): number | null {
  const kilobytes = /VmRSS:\s+(\d+)/.exec(read(`/proc/${pid}/status`) ?? '')?.[1]
  return kilobytes === undefined ? null : Number(kilobytes) / 1_024
}

function cpuTimes(pid: number): { own: number; ofReapedChildren: number } | null {
  // The name of the program is in brackets and may contain any character.
  const fields = read(`/proc/${pid}/stat`)
    ?.replace(/^.*\) /s, '')
    .split(' ')
    .map(Number)
  if (!fields) return null
  return { own: fields[11]! + fields[12]!, ofReapedChildren: fields[13]! + fields[14]! }
}

function childrenOf(pid: number): number[] {
  return readdirSync('/proc').flatMap((name) => {
    if (!/^\d+$/.test(name)) return []
    const parent = read(`/proc/${name}/stat`)
      ?.replace(/^.*\) /s, '')
      .split(' ')[1]
    return Number(parent) === pid ? [Number(name)] : []
  })
}

function read(path: string): string | null {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return null
  }
}
