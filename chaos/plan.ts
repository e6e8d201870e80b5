// The faults of a run and their times. Promise: the same seed and counts give the same plan, to the millisecond. The plan does
// not depend on the machine; what a process does when a fault meets it depends on the run.

import { createHash } from 'node:crypto'

export type FaultCounts = {
  readonly kills: number
  readonly databaseRestarts: number
  readonly pauses: number
  readonly terminations: number
  readonly blackHoles: number
  readonly silences: number
}

export type PlanOptions = FaultCounts & {
  readonly seed: number
  readonly workers: number
  /** No fault begins before this time, so that the rate without faults is known. */
  readonly calmMs: number
  /** The last fault begins before this time. */
  readonly horizonMs: number
}

/**
 * `atMs` counts from the first publish; `forMs` is the duration of the fault. Process 0 has the API, 1 … n are workers. A
 * `blind` fault comes at its time. The others wait, on a slow machine, until there is a process to meet and another one to
 * take over.
 */
export type Fault = { readonly blind: boolean } /** SIGKILL. */ & (
  | { readonly kind: 'kill'; readonly atMs: number; readonly process: number }
  /** SIGSTOP, and SIGCONT at the end. */
  | { readonly kind: 'pause'; readonly atMs: number; readonly process: number; readonly forMs: number }
  /** pg_terminate_backend of every session of the process. */
  | { readonly kind: 'terminate'; readonly atMs: number; readonly process: number }
  /** Postgres ends at once and starts again. */
  | { readonly kind: 'database-restart'; readonly atMs: number; readonly forMs: number }
  /** The open database connections of worker 1 fall silent; new ones can be made after `forMs`. */
  | { readonly kind: 'black-hole'; readonly atMs: number; readonly forMs: number }
  /** The next connection that carries this statement falls silent, alone: its question or its answer is lost. */
  | {
      readonly kind: 'silence'
      readonly atMs: number
      readonly process: number
      readonly statement: string
      readonly lost: 'question' | 'answer'
    }
)

export type Plan = { readonly faults: readonly Fault[]; readonly hash: string }

/** The worker whose database connections all fall silent at a black hole. */
export const BEHIND_PROXY = 1

/** What a connection may carry when it falls silent, and which process has such connections. */
const SILENCED = [
  { process: BEHIND_PROXY, statement: 'record-delivered' },
  { process: BEHIND_PROXY, statement: 'claim-deliveries' },
  { process: 0, statement: 'store-' },
  { process: 0, statement: 'find-api-key' },
  { process: BEHIND_PROXY, statement: 'get_job' },
  { process: BEHIND_PROXY, statement: 'update worker_process' },
] as const

const API_SHARE = 0.15
const BLIND_SHARE = 0.2
const SHORT_PAUSE_MS = [2_000, 5_000] as const
const LONG_PAUSE_MS = [13_000, 16_000] as const
const DOWN_MS = [300, 3_000] as const
const SILENT_MS = [0, 8_000] as const
/** No other fault begins this soon after a restart, so that the time to full rate can be measured. */
const QUIET_AFTER_RESTART_MS = 8_000
/** A process is not killed again while it is starting, because the kill would meet nothing. */
const KILLED_ANEW_MS = 5_000

/** Draws the plan. */
export function drawPlan(options: PlanOptions): Plan {
  const random = createRandom(options.seed)
  const between = ([least, most]: readonly [number, number]) => Math.round(least + random() * (most - least))
  const isBlind = () => random() < BLIND_SHARE
  const anyProcess = () => (random() < API_SHARE ? 0 : 1 + Math.floor(random() * options.workers))
  const span = options.horizonMs - options.calmMs
  const restarts = Array.from(
    { length: options.databaseRestarts },
    // Spread evenly: each in the first half of its part of the time.
    (_, i): Fault => ({
      kind: 'database-restart',
      blind: false,
      atMs: Math.round(options.calmMs + (span * (i + random() / 2)) / options.databaseRestarts),
      forMs: between(DOWN_MS),
    }),
  )
  const otherTime = () => {
    for (;;) {
      const atMs = options.calmMs + Math.round(random() * span)
      const isQuiet = restarts.some((restart) => atMs >= restart.atMs && atMs < restart.atMs + QUIET_AFTER_RESTART_MS)
      // One in eight falls into the outage nevertheless.
      if (!isQuiet || random() < 1 / 8) return atMs
    }
  }
  const kills: (Fault & { kind: 'kill' })[] = []
  for (let tries = 0; kills.length < options.kills; tries++) {
    const kill = { kind: 'kill' as const, blind: isBlind(), atMs: otherTime(), process: anyProcess() }
    const isAnew = kills.some(
      (other) => other.process === kill.process && Math.abs(other.atMs - kill.atMs) < KILLED_ANEW_MS,
    )
    if (!isAnew || tries > 10 * options.kills) kills.push(kill)
  }
  const times = (count: number, draw: (i: number) => Fault) => Array.from({ length: count }, (_, i) => draw(i))
  const faults = [
    ...restarts,
    ...kills,
    ...times(options.pauses, (i) => ({
      kind: 'pause',
      blind: isBlind(),
      atMs: otherTime(),
      process: anyProcess(),
      forMs: between(i % 2 ? SHORT_PAUSE_MS : LONG_PAUSE_MS),
    })),
    ...times(options.terminations, () => ({
      kind: 'terminate',
      blind: isBlind(),
      atMs: otherTime(),
      process: anyProcess(),
    })),
    ...times(options.blackHoles, () => ({
      kind: 'black-hole',
      blind: isBlind(),
      atMs: otherTime(),
      forMs: between(SILENT_MS),
    })),
    ...times(options.silences, (i) => ({
      kind: 'silence',
      blind: isBlind(),
      atMs: otherTime(),
      ...SILENCED[(options.seed + i) % SILENCED.length]!,
      lost: random() < 0.5 ? 'question' : 'answer',
    })),
  ].sort((a, b) => a.atMs - b.atMs)
  const hash = createHash('sha256').update(JSON.stringify(faults)).digest('hex').slice(0, 16)
  return { faults, hash }
}

/** Numbers in [0, 1), the same for the same seed (mulberry32). */
export function createRandom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
