// The line of a run: the promises, the findings, and whether the promises hold.

import { ARRIVALS_MS, type Findings, type MetFault } from './check.ts'
import type { RunOptions } from './options.ts'
import type { Run } from './run.ts'

/** Recovery from a kill this soon after a restart of the database, or before it, waits for the database. */
const NEAR_RESTART_MS = 10_000
/** The process that takes over must live this long. */
const TAKE_OVER_MS = 5_000
const RATE_WINDOW_MS = 1_000
const RATE_BEFORE_MS = 5_000
const FULL_SHARE = 0.9
/** Unexplained deliveries that the report shows in full. */
const MOST_SHOWN = 10
/** The difference of two clocks of one machine, and the way between two processes. */
const EARLY_TOLERANCE_MS = 5

/** The findings of the run as plain data. `pass` is false if an invariant or the bound on duplicates is broken. */
export function report(options: RunOptions, run: Run) {
  const { findings, faults } = run
  const inFlightAtFaults = faults.reduce((sum, { inFlight }) => sum + inFlight.length, 0)
  const kills = faults.filter(({ kind }) => kind === 'kill')
  const covered = kills.filter((fault) => isCovered(fault, run))
  const timesOf = (some: readonly MetFault[]) => some.flatMap((fault) => findings.recoveries.get(fault) ?? [])
  const ofKind = (kind: string) => timesOf(faults.filter((fault) => fault.kind === kind))
  const broken = Object.entries({
    ...findings.invariants,
    lost: findings.lost,
    duplicatesBeyondInFlight: Math.max(0, findings.duplicates - inFlightAtFaults),
    notAcknowledged: options.events - findings.acknowledged,
    notDrained: run.drainMs === null ? 1 : 0,
    leftBadly: run.leaves.filter(({ code }) => code !== 0).length,
  }).filter(([, count]) => count > 0)
  return {
    seed: options.seed,
    planHash: run.plan.hash,
    faults: countKinds(faults),
    acknowledged: findings.acknowledged,
    deliveries: findings.deliveries,
    delivered: findings.delivered,
    deadLettered: findings.deadLettered,
    lost: findings.lost,
    succeededWithout2xx: findings.invariants.succeededWithout2xx,
    duplicates: findings.duplicates,
    inFlightAtFaults,
    recoveryMs: { ...quantiles(timesOf(covered)), deliveries: timesOf(covered).length },
    noticedMs: quantiles(covered.flatMap(({ beganMs, deadMs }) => (deadMs === null ? [] : [deadMs - beganMs]))),
    recoveryUncoveredMs: { max: most(timesOf(kills.filter((fault) => !covered.includes(fault)))) },
    frozen: { max: most(ofKind('pause')) },
    databaseBack: { fullRateMs: most(run.restarts.map(({ downMs, upMs }) => fullRateMs(run, downMs, upMs))) },
    blackHole: { max: most([...ofKind('black-hole'), ...run.blackHoles.map(({ workingMs }) => workingMs)]) },
    publishRefused: run.publisher.refused,
    publishedMs: run.publishedMs.to - run.publishedMs.from,
    drainMs: run.drainMs,
    retriesEarly: findings.retryDelaysMs.filter(({ most: ms }) => ms < -EARLY_TOLERANCE_MS).length,
    retryEarliestMs: most(findings.retryDelaysMs.map(({ most: ms }) => -ms)),
    retryLateP99Ms: quantile(latenesses(findings, false), 0.99),
    retryCaughtLateP99Ms: quantile(latenesses(findings, true), 0.99),
    memoryMb: { max: run.memoryMb },
    leaveMs: { max: most(run.leaves.map(({ tookMs }) => tookMs)) },
    unexpectedEnds: run.unexpectedEnds,
    duplicatesUnexplained: findings.unexplained.reduce((sum, { acceptedMs }) => sum + acceptedMs.length - 1, 0),
    unexplained: findings.unexplained.slice(0, MOST_SHOWN),
    invariants: findings.invariants,
    broken: Object.fromEntries(broken),
    pass: broken.length === 0,
  }
}

/** How late retries were, ms. `caught`: only those whose delivery a fault held in the air; else all others. */
function latenesses({ retryDelaysMs }: Findings, caught: boolean): number[] {
  return retryDelaysMs.filter((each) => each.caught === caught).map(({ least }) => least)
}

/** Whether the database was there, and another worker without a fault that could take over. */
function isCovered({ beganMs, survivors }: MetFault, { restarts, faults }: Run): boolean {
  const isNearRestart = restarts.some(
    ({ downMs, upMs }) => beganMs > downMs - TAKE_OVER_MS && beganMs < upMs + NEAR_RESTART_MS,
  )
  const isSpared = (worker: number) =>
    !faults.some(
      (other) =>
        other.process === worker &&
        other.beganMs < beganMs + TAKE_OVER_MS &&
        (other.endedMs ?? other.beganMs) > beganMs - TAKE_OVER_MS,
    )
  return !isNearRestart && survivors.some(isSpared)
}

/** The time from when the database takes connections to the first second with as many requests as before, ms. */
function fullRateMs({ findings: { arrivals } }: Run, downMs: number, upMs: number): number {
  const between = (fromMs: number, toMs: number) => {
    let count = 0
    for (let bucket = Math.ceil(fromMs / ARRIVALS_MS); bucket < Math.floor(toMs / ARRIVALS_MS); bucket++)
      count += arrivals.get(bucket) ?? 0
    return count / (Math.floor(toMs / ARRIVALS_MS) - Math.ceil(fromMs / ARRIVALS_MS))
  }
  const before = between(downMs - RATE_BEFORE_MS, downMs)
  for (let fromMs = upMs; fromMs < upMs + 120_000; fromMs += ARRIVALS_MS)
    if (between(fromMs, fromMs + RATE_WINDOW_MS + ARRIVALS_MS) >= FULL_SHARE * before) return fromMs - upMs
  return 120_000
}

function countKinds(faults: readonly MetFault[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const { kind } of faults) counts[kind] = (counts[kind] ?? 0) + 1
  return counts
}

function quantiles(values: readonly number[]) {
  return { p50: quantile(values, 0.5), p99: quantile(values, 0.99), max: most(values) }
}

function quantile(values: readonly number[], share: number): number | null {
  if (values.length === 0) return null
  const sorted = [...values].sort((a, b) => a - b)
  return Math.round(sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)]!)
}

function most(values: readonly number[]): number | null {
  return values.length ? Math.round(values.reduce((a, b) => Math.max(a, b))) : null
}
