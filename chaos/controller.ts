// Carries out the plan of a run: waits until a fault has a process to meet, lets it happen, and notes what was in the air.

import { setTimeout as delay } from 'node:timers/promises'
import type { GatewayProcess } from '../harness/gateway-process.ts'
import type { HalfOpenProxy } from '../harness/half-open-proxy.ts'
import { toPublicId } from '../src/domain/values/id.ts'
import type { InFlight, MetFault } from './check.ts'
import { BEHIND_PROXY, type Fault, type Plan } from './plan.ts'
import type { RunDatabase } from './run-database.ts'

/** How long a fault waits for a process to meet, and how long all faults wait together. */
const MEET_MS = 20_000
const HOLD_MS = 90_000
/** How long the run waits for the gateway to notice a death. */
const NOTICE_MS = 30_000
const ASK_AGAIN_MS = 15_000
const BEAT_WITHIN_MS = 60_000

export type BlackHole = {
  /** From the silence until the process worked again over connections that answer. */
  readonly workingMs: number
}

export type Restart = { readonly downMs: number; readonly upMs: number }

export type ControllerParts = {
  readonly database: RunDatabase
  /** By process; the others reach the database directly. */
  readonly proxies: readonly HalfOpenProxy[]
  readonly processes: readonly GatewayProcess[]
  readonly tell: (line: string) => void
}

export type Controller = {
  readonly faults: readonly MetFault[]
  readonly restarts: readonly Restart[]
  readonly blackHoles: readonly BlackHole[]
  /** Resolves when the last fault is over; every process runs again then. */
  carryOut(plan: Plan): Promise<void>
}

/** The parts of a run, and what happened to them so far. */
type Stage = ControllerParts & {
  readonly faults: MetFault[]
  readonly restarts: Restart[]
  readonly blackHoles: BlackHole[]
  /** The ids of each process as last seen, for when the database cannot be asked. */
  readonly ids: Map<number, string[]>
  readonly noticing: Promise<void>[]
  /** The database restarts once at a time. */
  restarting: Promise<unknown>
}

export function createController(parts: ControllerParts): Controller {
  const stage: Stage = {
    ...parts,
    faults: [],
    restarts: [],
    blackHoles: [],
    ids: new Map(),
    noticing: [],
    restarting: Promise.resolve(),
  }
  return {
    faults: stage.faults,
    restarts: stage.restarts,
    blackHoles: stage.blackHoles,
    async carryOut(plan) {
      const startedMs = performance.now()
      const met: Promise<void>[] = []
      // The clock of the plan stands still while a fault waits: on a slow machine the plan takes longer.
      let heldMs = 0
      for (const fault of plan.faults) {
        const waitMs = startedMs + heldMs + fault.atMs - performance.now()
        if (waitMs > 0) await delay(waitMs)
        if (!fault.blind) heldMs += await untilMeetable(stage, fault, Math.min(MEET_MS, HOLD_MS - heldMs))
        const meeting = meet(stage, fault)
        meeting.catch(() => {})
        met.push(meeting)
      }
      await Promise.all(met)
      await Promise.all(stage.noticing)
    },
  }
}

function meet(stage: Stage, fault: Fault): Promise<void> {
  switch (fault.kind) {
    case 'kill':
      return kill(stage, fault.process)
    case 'pause':
      return pause(stage, fault.process, fault.forMs)
    case 'terminate':
      return terminate(stage, fault.process)
    case 'database-restart':
      return restart(stage, fault.forMs)
    case 'black-hole':
      return blackHole(stage, fault.forMs)
    case 'silence':
      return silence(stage, fault)
    default: {
      const never: never = fault
      throw new Error(`Unknown fault ${JSON.stringify(never)}`)
    }
  }
}

async function kill(stage: Stage, process: number): Promise<void> {
  const { processes, faults, noticing, tell } = stage
  const holders = await learnIds(stage, process)
  const survivors = survivorsOf(stage, process)
  const beganMs = Date.now()
  const died = processes[process]!.signal('SIGKILL')
  const inFlight = await inFlightOf(stage, holders)
  const fault: MetFault = { kind: 'kill', process, beganMs, endedMs: null, inFlight, survivors, deadMs: null }
  faults.push(fault)
  noticing.push(notice(stage, fault, holders))
  tell(`kill ${processes[process]!.name}${died ? '' : ', which is just being restarted'}: ${inFlight.length} in flight`)
}

/** Waits until the gateway takes these for dead. */
async function notice({ database }: Stage, fault: MetFault, holders: readonly string[]): Promise<void> {
  while (holders.length && fault.deadMs === null && Date.now() < fault.beganMs + NOTICE_MS) {
    const [row] = await database
      .query<{ ms: number | null }>(
        'select extract(epoch from min(died_at))::float8 * 1000 as ms from worker_process where id = any ($1)',
        [holders],
      )
      .catch(() => [])
    fault.deadMs = row?.ms ?? null
    await delay(200)
  }
}

async function pause(stage: Stage, process: number, forMs: number): Promise<void> {
  const { processes, faults, tell } = stage
  const survivors = survivorsOf(stage, process)
  const holders = await learnIds(stage, process)
  const { pid } = processes[process]!
  const beganMs = Date.now()
  processes[process]!.signal('SIGSTOP')
  const inFlight = await inFlightOf(stage, holders)
  tell(`pause ${processes[process]!.name} for ${forMs} ms: ${inFlight.length} in flight`)
  await delay(forMs)
  // If it was killed in the meantime, its successor was never stopped.
  if (processes[process]!.pid === pid) processes[process]!.signal('SIGCONT')
  faults.push({ kind: 'pause', process, beganMs, endedMs: Date.now(), inFlight, survivors, deadMs: null })
}

async function terminate(stage: Stage, process: number): Promise<void> {
  const { database, processes, faults, tell } = stage
  const survivors = survivorsOf(stage, process)
  const holders = await learnIds(stage, process)
  const beganMs = Date.now()
  const sessions = await database.terminateSessions(process).catch(() => 0)
  const inFlight = await inFlightOf(stage, holders)
  faults.push({ kind: 'terminate', process, beganMs, endedMs: null, inFlight, survivors, deadMs: null })
  tell(`terminate ${sessions} sessions of ${processes[process]!.name}: ${inFlight.length} in flight`)
}

function restart(stage: Stage, forMs: number): Promise<void> {
  const turn = stage.restarting.then(async () => {
    const survivors = survivorsOf(stage, null)
    const before = await inFlightOf(stage, null)
    const beganMs = Date.now()
    const { downMs, upMs } = await stage.database.restart(forMs)
    const after = await inFlightOf(stage, null)
    const inFlight = [...new Map([...before, ...after].map((each) => [each.deliveryId, each])).values()]
    stage.restarts.push({ downMs, upMs })
    const when = { beganMs, endedMs: upMs, deadMs: null }
    stage.faults.push({ kind: 'database-restart', process: null, ...when, inFlight, survivors })
    stage.tell(`the database was away for ${upMs - downMs} ms: ${inFlight.length} in flight`)
  })
  stage.restarting = turn.catch(() => {})
  return turn
}

async function blackHole(stage: Stage, forMs: number): Promise<void> {
  const { proxies, faults, blackHoles, tell } = stage
  const process = BEHIND_PROXY
  const proxy = proxies[process]!
  const survivors = survivorsOf(stage, process)
  const holders = await learnIds(stage, process)
  const beganMs = Date.now()
  proxy.refuseNew()
  proxy.silence()
  const inFlight = await inFlightOf(stage, holders)
  tell(
    `the connections of worker ${process} fall silent, and for ${forMs} ms new ones too: ${inFlight.length} in flight`,
  )
  await delay(forMs)
  proxy.admit()
  faults.push({ kind: 'black-hole', process, beganMs, endedMs: Date.now(), inFlight, survivors, deadMs: null })
  const again = await untilBeats(stage, beganMs)
  if (again !== null) blackHoles.push({ workingMs: again - beganMs })
}

/** Nothing is in flight because of it: whatever the connection carried, nothing may be sent twice. */
async function silence(stage: Stage, { process, statement, lost }: Extract<Fault, { kind: 'silence' }>): Promise<void> {
  const { proxies, processes, faults, tell } = stage
  const survivors = survivorsOf(stage, process)
  const sprung = proxies[process]!.silenceAt(statement, lost).then(() => Date.now())
  const beganMs = await Promise.race([sprung, delay(MEET_MS, null)])
  const connection = `the connection of ${processes[process]!.name} that carries ${statement}`
  if (beganMs === null) return tell(`${connection} did not come by in ${MEET_MS} ms`)
  faults.push({ kind: 'silence', process, beganMs, endedMs: null, inFlight: [], survivors, deadMs: null })
  tell(`${connection} falls silent, its ${lost} is lost`)
}

/** Unix ms of the first beat through a connection that was opened since; null when none came in a minute. */
async function untilBeats({ database }: Stage, sinceMs: number): Promise<number | null> {
  const deadline = Date.now() + BEAT_WITHIN_MS
  while (Date.now() < deadline) {
    const rows = await database
      .query<{ ok: boolean }>(
        `select true as ok from pg_stat_activity a join worker_process w on starts_with(a.application_name, 'sivo ' || w.instance)
         where a.usename = $1 and a.backend_start > to_timestamp($2::float8 / 1000) and w.died_at is null
           and w.beat_at > to_timestamp($2::float8 / 1000) + interval '500 ms' limit 1`,
        [`process_${BEHIND_PROXY}`, sinceMs],
      )
      .catch(() => [])
    if (rows.length) return Date.now()
    await delay(100)
  }
  return null
}

/** Waits, at most `patienceMs`, until there is a process to meet and another one to take over; returns the ms it took. */
async function untilMeetable(stage: Stage, fault: Fault, patienceMs: number): Promise<number> {
  const sinceMs = performance.now()
  const target = 'process' in fault ? fault.process : fault.kind === 'black-hole' ? BEHIND_PROXY : null
  const isMeetable = () =>
    (target === null || stage.processes[target]!.isReady) &&
    survivorsOf(stage, target).length > 0 &&
    stage.database.isUp
  while (!isMeetable() && performance.now() - sinceMs < patienceMs) await delay(50)
  return performance.now() - sinceMs
}

async function learnIds({ database, ids }: Stage, process: number): Promise<string[]> {
  const found = await database.processIds(process).catch(() => ids.get(process) ?? [])
  ids.set(process, found)
  return found
}

/** What these processes, or all of them, hold a live lease on. A database that is away is asked again. */
async function inFlightOf({ database }: Stage, processIds: readonly string[] | null): Promise<InFlight[]> {
  const deadline = Date.now() + ASK_AGAIN_MS
  for (;;) {
    try {
      const rows = await database.query<{ id: string; attempt: number }>(
        `select id, attempt_count + 1 as attempt from delivery
         where status = 'PENDING' and lease_until > now() and ($1::uuid[] is null or lease_by = any ($1))`,
        [processIds],
      )
      return rows.map(({ id, attempt }) => ({ deliveryId: toPublicId('delivery', id), attempt }))
    } catch (error) {
      if (Date.now() > deadline) throw error
      await delay(50)
    }
  }
}

/** The workers that are ready, except this one. */
function survivorsOf({ processes }: Stage, process: number | null): number[] {
  return processes.flatMap((each, i) => (i > 0 && i !== process && each.isReady ? [i] : []))
}
