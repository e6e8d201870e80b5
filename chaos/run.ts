// One run: a whole gateway of several processes on one Postgres, a publisher, a receiver, and everything that can go
// wrong with them, from a seeded plan. Promise: whatever happens, nothing of it stays behind: no process, no folder.

import { type ChildProcess, fork } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { chmodSync, mkdirSync, rmSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { type ApiAccess, ask, expectSuccess } from '../harness/api-client.ts'
import { freePort } from '../harness/free-port.ts'
import { type GatewayProcess, startGatewayProcess } from '../harness/gateway-process.ts'
import { type HalfOpenProxy, openHalfOpenProxy } from '../harness/half-open-proxy.ts'
import { openCertificateAuthority } from '../src/dev/certificate-authority.ts'
import { toPublicId } from '../src/domain/id.ts'
import { parseSchedule } from '../src/domain/retry-schedule.ts'
import { check, type Findings, type InFlight, type MetFault } from './check.ts'
import { layOutEndpoints, type RunEndpoint } from './endpoints.ts'
import type { RunOptions } from './options.ts'
import { BEHIND_PROXY, drawPlan, type Fault, type Plan } from './plan.ts'
import type { FromPublisher, ToPublisher } from './publisher.ts'
import type { FromReceiver, ToReceiver } from './receiver.ts'
import { openRunDatabase, type RunDatabase } from './run-database.ts'

/** Short, so that a run drains fast; without jitter, so that each retry's time can be checked. */
const RUN_SCHEDULE = '200ms,500ms,1s,2s,4s,8s'

const CALM_MS = 8_000
const READY_MS = 60_000
const DRAIN_MS = 180_000
/** A gateway process has so long to leave by contract; the rest is the machine's. */
const LEAVE_MS = 20_000
/** So long a fault waits for somebody to meet, and so long all of them together. */
const MEET_MS = 20_000
const HOLD_MS = 90_000
/** So long a death may go unnoticed before nobody waits for it any more. */
const NOTICE_MS = 30_000

export type BlackHole = {
  /** Until the process worked again over connections that answer. */
  readonly workingMs: number
}

export type Restart = { readonly downMs: number; readonly upMs: number }

export type Run = {
  readonly plan: Plan
  readonly faults: readonly MetFault[]
  readonly restarts: readonly Restart[]
  readonly blackHoles: readonly BlackHole[]
  readonly findings: Findings
  readonly publisher: { readonly refused: number; readonly duplicates: number }
  /** Unix ms. */
  readonly publishedMs: { readonly from: number; readonly to: number }
  /** From the last acknowledgement or the end of the last fault to the last delivery. null: it did not drain. */
  readonly drainMs: number | null
  readonly memoryMb: number
  /** Ends of a gateway process that nobody had asked for, such as `worker 2: 69`. */
  readonly unexpectedEnds: readonly string[]
  /** How each process left when asked to at the end. */
  readonly leaves: readonly { readonly name: string; readonly code: number | string; readonly tookMs: number }[]
}

type Tell = (line: string) => void

/** Runs it all. `tell` gets a line per step. Throws when the run itself could not be made. */
export async function run(options: RunOptions, tell: Tell): Promise<Run> {
  const folder = await mkdtemp(join(tmpdir(), 'sivo-chaos-'))
  // Postgres may run as another user than this one.
  chmodSync(folder, 0o755)
  const closers: (() => Promise<unknown> | unknown)[] = []
  const remove = () => rmSync(folder, { recursive: true, force: true })
  if (options.keep) tell(`everything of this run stays in ${folder}`)
  else {
    closers.push(remove)
    process.once('exit', remove)
  }
  const close = async () => {
    for (const closer of closers.splice(0).reverse()) await Promise.resolve(closer()).catch(() => {})
  }
  const interrupted = new Promise<never>((_, reject) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
      process.once(signal, () => reject(new Error(`Ended by ${signal}.`)))
  })
  try {
    return await Promise.race([runIn(folder, options, tell, closers), interrupted])
  } finally {
    await close()
  }
}

async function runIn(folder: string, options: RunOptions, tell: Tell, closers: (() => unknown)[]): Promise<Run> {
  const horizonMs = Math.max(CALM_MS + 1_000, (options.events / options.rate) * 1_000)
  const plan = drawPlan({ ...options, calmMs: CALM_MS, horizonMs })
  tell(`seed ${options.seed}: plan ${plan.hash}, ${plan.faults.length} faults in ${Math.round(horizonMs / 1_000)} s`)
  tell(`retry schedule ${RUN_SCHEDULE} (short, so that the run drains fast)`)
  mkdirSync(join(folder, 'logs'))
  mkdirSync(join(folder, 'postgres'))

  const quiet = () => {}
  const database = await openRunDatabase({
    dataDir: join(folder, 'postgres'),
    processes: options.workers + 1,
    log: { debug: tellOfCrash(tell), info: quiet, warn: tell, error: tell },
  })
  closers.push(database.close)
  // The API process and one worker reach the database through proxies.
  const proxies = await Promise.all([0, BEHIND_PROXY].map(() => openHalfOpenProxy(database.port)))
  for (const proxy of proxies) closers.push(proxy.close)
  const authority = await openCertificateAuthority(join(folder, 'authority'))
  const acknowledgedPath = join(folder, 'acknowledged.tsv')
  const receivedPath = join(folder, 'received.tsv')

  const receiver = openChild<ToReceiver, FromReceiver>('receiver.ts', closers)
  const { port: receiverPort } = await receiver.ask(
    {
      kind: 'open',
      settings: { certificate: authority.issue(['localhost']), ledger: receivedPath, seed: options.seed },
    },
    'open',
  )

  const apiPort = await freePort()
  const api: ApiAccess = { url: `http://127.0.0.1:${apiPort}/graphql`, key: `sivo_${randomBytes(24).toString('hex')}` }
  const secretsKey = randomBytes(32).toString('base64')
  const startProcess = (process: number) =>
    startGatewayProcess({
      name: process === 0 ? 'api' : `worker ${process}`,
      logPath: join(folder, 'logs', process === 0 ? 'api.log' : `worker-${process}.log`),
      env: {
        SIVO_ROLE: process > 0 ? 'worker' : options.together ? 'all' : 'api',
        PORT: String(process === 0 ? apiPort : 0),
        DATABASE_URL: database.urlFor(process, proxies[process]?.port),
        SIVO_DATA_DIR: folder,
        SIVO_OPERATOR_KEY: api.key,
        SIVO_SECRETS_KEY: secretsKey,
        SIVO_RETRY_SCHEDULE: RUN_SCHEDULE,
        SIVO_RETRY_JITTER: '0',
        SIVO_ALLOWED_NETWORKS: '127.0.0.0/8,::1/128',
        NODE_EXTRA_CA_CERTS: authority.certificatePath,
        LOG_LEVEL: 'info',
      },
    })
  const processes: GatewayProcess[] = []
  for (let i = 0; i <= options.workers; i++) {
    const started = startProcess(i)
    processes.push(started)
    closers.push(started.end)
  }
  await Promise.all(processes.map((each) => each.ready(READY_MS)))
  tell(
    `an API process${options.together ? ', which delivers too,' : ''} and ${options.workers} worker processes are ready`,
  )

  const { tenantIds, endpoints, secrets } = await configure(api, options, receiverPort)
  await receiver.ask({ kind: 'secrets', secrets }, 'flushed')
  const memory = watchMemory(processes)
  closers.push(memory.stop)

  const controller = createController({ database, proxies, processes, tell })
  const publisher = openChild<ToPublisher, FromPublisher>('publisher.ts', closers)
  const from = Date.now()
  const faultsDone = controller.carryOut(plan)
  const { seed, events, rate } = options
  const published = publisher.ask(
    { kind: 'publish', settings: { api, tenantIds, ledger: acknowledgedPath, seed, events, rate } },
    'done',
    (message) => {
      if (message.kind === 'failed') throw new Error(`The publisher gave up: ${message.message}`)
    },
  )
  const publishedAt = published.then(() => Date.now())
  // A run that is broken off here leaves them behind, and nobody waits for them any more.
  for (const left of [publishedAt, faultsDone]) left.catch(() => {})
  const [{ refused, duplicates }] = await Promise.all([published, faultsDone])
  const to = await publishedAt
  tell(`${options.events} events are acknowledged, every fault is over; waiting until all is delivered`)

  const quietSince = Date.now()
  const drained = await untilDrained(database, DRAIN_MS)
  const drainMs = drained === null ? null : drained - quietSince
  const memoryMb = memory.stop()
  // One that is just being restarted would not hear the signal yet.
  await Promise.all(processes.map((each) => each.ready(READY_MS)))
  const leaves = await Promise.all(
    processes.map(async (each) => ({ name: each.name, ...(await each.leave(LEAVE_MS)) })),
  )
  await receiver.ask({ kind: 'flush' }, 'flushed')
  tell('checking')
  const findings = await check({
    database,
    endpoints,
    tenantIds,
    acknowledgedPath,
    receivedPath,
    faults: controller.faults,
    scheduleMs: parseSchedule(RUN_SCHEDULE) as number[],
  })
  return {
    plan,
    faults: controller.faults,
    restarts: controller.restarts,
    blackHoles: controller.blackHoles,
    findings,
    publisher: { refused, duplicates },
    publishedMs: { from, to },
    drainMs,
    memoryMb,
    unexpectedEnds: processes.flatMap(({ name, unexpectedEnds }) => unexpectedEnds.map((how) => `${name}: ${how}`)),
    leaves,
  }
}

/** What Postgres was doing when it broke is a detail of its log, of some lines. */
function tellOfCrash(tell: Tell): (line: string) => void {
  let left = 0
  return (line) => {
    if (line.includes('Failed process was running')) left = 6
    if (left-- > 0) tell(line)
  }
}

/** Tenants, endpoints and their secrets, made through the API as an operator would. */
async function configure(
  api: ApiAccess,
  options: RunOptions,
  receiverPort: number,
): Promise<{
  tenantIds: string[]
  endpoints: (RunEndpoint & { id: string })[]
  secrets: Record<string, string>
}> {
  const tenantIds: string[] = []
  for (let i = 0; i < options.tenants; i++) {
    const { createTenant } = await ask<{ createTenant: { __typename: string } }>(
      api,
      `mutation ($name: String!) {
        createTenant(input: { name: $name }) { __typename ... on CreateTenantSuccess { tenant { id } } }
      }`,
      { name: `Tenant ${i + 1}` },
    )
    tenantIds.push(expectSuccess<{ tenant: { id: string } }>(createTenant).tenant.id)
  }
  const endpoints: (RunEndpoint & { id: string })[] = []
  const secrets: Record<string, string> = {}
  for (const endpoint of layOutEndpoints(options)) {
    const { createEndpoint } = await ask<{ createEndpoint: { __typename: string } }>(
      api,
      `mutation ($input: CreateEndpointInput!) {
        createEndpoint(input: $input) {
          __typename
          ... on CreateEndpointSuccess { endpoint { id } signingSecret }
          ... on ValidationError { message }
        }
      }`,
      {
        input: {
          tenantId: tenantIds[endpoint.tenant],
          name: `Endpoint ${endpoint.index + 1}`,
          url: `https://localhost:${receiverPort}${endpoint.path}`,
          eventTypes: endpoint.eventTypes,
          maxInFlight: endpoint.maxInFlight,
        },
      },
    )
    const made = expectSuccess<{ endpoint: { id: string }; signingSecret: string }>(createEndpoint)
    endpoints.push({ ...endpoint, id: made.endpoint.id })
    secrets[endpoint.path] = made.signingSecret
  }
  return { tenantIds, endpoints, secrets }
}

type ControllerParts = {
  readonly database: RunDatabase
  /** By process; the others reach the database directly. */
  readonly proxies: readonly HalfOpenProxy[]
  readonly processes: readonly GatewayProcess[]
  readonly tell: Tell
}

/** Carries out the plan, and notes what was in the air at each fault. */
function createController({ database, proxies, processes, tell }: ControllerParts) {
  const faults: MetFault[] = []
  const restarts: Restart[] = []
  const blackHoles: BlackHole[] = []
  /** The names each process took leases under when last seen, for a database that cannot be asked now. */
  const names = new Map<number, string[]>()
  const noticing: Promise<void>[] = []
  let restarting: Promise<unknown> = Promise.resolve()

  async function learnNames(process: number): Promise<string[]> {
    const found = await database.processIds(process).catch(() => names.get(process) ?? [])
    names.set(process, found)
    return found
  }

  /** Live leases of these names, or of all; what cannot be asked now is asked once the database is back. */
  async function inFlightOf(processIds: readonly string[] | null): Promise<InFlight[]> {
    const deadline = Date.now() + 15_000
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

  /** The workers that are ready, but for this one. */
  function survivorsOf(process: number | null): number[] {
    return processes.flatMap((each, i) => (i > 0 && i !== process && each.isReady ? [i] : []))
  }

  /** Waits, but not longer, until the fault meets somebody and somebody else can take over; the ms it took. */
  async function untilMeetable(fault: Fault, patienceMs: number): Promise<number> {
    const sinceMs = performance.now()
    const target = 'process' in fault ? fault.process : fault.kind === 'black-hole' ? BEHIND_PROXY : null
    const isMeetable = () =>
      (target === null || processes[target]!.isReady) && survivorsOf(target).length > 0 && database.isUp
    while (!isMeetable() && performance.now() - sinceMs < patienceMs) await delay(50)
    return performance.now() - sinceMs
  }

  async function meet(fault: Fault): Promise<void> {
    switch (fault.kind) {
      case 'kill':
        return kill(fault.process)
      case 'pause':
        return pause(fault.process, fault.forMs)
      case 'terminate':
        return terminate(fault.process)
      case 'database-restart':
        return restart(fault.forMs)
      case 'black-hole':
        return blackHole(fault.forMs)
      case 'silence':
        return silence(fault)
      default: {
        const never: never = fault
        throw new Error(`Unknown fault ${JSON.stringify(never)}`)
      }
    }
  }

  async function kill(process: number): Promise<void> {
    const holders = await learnNames(process)
    const survivors = survivorsOf(process)
    const beganMs = Date.now()
    const died = processes[process]!.signal('SIGKILL')
    const inFlight = await inFlightOf(holders)
    const fault: MetFault = { kind: 'kill', process, beganMs, endedMs: null, inFlight, survivors, deadMs: null }
    faults.push(fault)
    noticing.push(notice(fault, holders))
    tell(
      `kill ${processes[process]!.name}${died ? '' : ', which is just being restarted'}: ${inFlight.length} in flight`,
    )
  }

  /** Waits until the gateway takes these for dead. */
  async function notice(fault: MetFault, holders: readonly string[]): Promise<void> {
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

  async function pause(process: number, forMs: number): Promise<void> {
    const survivors = survivorsOf(process)
    const holders = await learnNames(process)
    const { pid } = processes[process]!
    const beganMs = Date.now()
    processes[process]!.signal('SIGSTOP')
    const inFlight = await inFlightOf(holders)
    tell(`pause ${processes[process]!.name} for ${forMs} ms: ${inFlight.length} in flight`)
    await delay(forMs)
    // Killed meanwhile, its successor was never stopped.
    if (processes[process]!.pid === pid) processes[process]!.signal('SIGCONT')
    faults.push({ kind: 'pause', process, beganMs, endedMs: Date.now(), inFlight, survivors, deadMs: null })
  }

  async function terminate(process: number): Promise<void> {
    const survivors = survivorsOf(process)
    const holders = await learnNames(process)
    const beganMs = Date.now()
    const sessions = await database.terminateSessions(process).catch(() => 0)
    const inFlight = await inFlightOf(holders)
    faults.push({ kind: 'terminate', process, beganMs, endedMs: null, inFlight, survivors, deadMs: null })
    tell(`terminate ${sessions} sessions of ${processes[process]!.name}: ${inFlight.length} in flight`)
  }

  async function restart(forMs: number): Promise<void> {
    const turn = restarting.then(async () => {
      const survivors = survivorsOf(null)
      const before = await inFlightOf(null)
      const beganMs = Date.now()
      const { downMs, upMs } = await database.restart(forMs)
      const after = await inFlightOf(null)
      const inFlight = [...new Map([...before, ...after].map((each) => [each.deliveryId, each])).values()]
      restarts.push({ downMs, upMs })
      faults.push({
        kind: 'database-restart',
        process: null,
        beganMs,
        endedMs: upMs,
        inFlight,
        survivors,
        deadMs: null,
      })
      tell(`the database was away for ${upMs - downMs} ms: ${inFlight.length} in flight`)
    })
    restarting = turn.catch(() => {})
    return turn
  }

  async function blackHole(forMs: number): Promise<void> {
    const survivors = survivorsOf(BEHIND_PROXY)
    const holders = await learnNames(BEHIND_PROXY)
    const beganMs = Date.now()
    const proxy = proxies[BEHIND_PROXY]!
    proxy.refuseNew()
    proxy.silence()
    const inFlight = await inFlightOf(holders)
    tell(
      `worker ${BEHIND_PROXY} hears nothing of the database, for ${forMs} ms not even anew: ${inFlight.length} in flight`,
    )
    await delay(forMs)
    proxy.admit()
    faults.push({
      kind: 'black-hole',
      process: BEHIND_PROXY,
      beganMs,
      endedMs: Date.now(),
      inFlight,
      survivors,
      deadMs: null,
    })
    const again = await untilBeats(beganMs)
    if (again !== null) blackHoles.push({ workingMs: again - beganMs })
  }

  /** Nothing is in flight because of it: whatever it carried, nothing may be sent twice. */
  async function silence({ process, statement, lost }: Extract<Fault, { kind: 'silence' }>): Promise<void> {
    const survivors = survivorsOf(process)
    const sprung = proxies[process]!.silenceAt(statement, lost).then(() => Date.now())
    const beganMs = await Promise.race([sprung, delay(MEET_MS, null)])
    const of = `the connection of ${processes[process]!.name} that carries ${statement}`
    if (beganMs === null) return tell(`${of} did not come by in ${MEET_MS} ms`)
    faults.push({ kind: 'silence', process, beganMs, endedMs: null, inFlight: [], survivors, deadMs: null })
    tell(`${of} falls silent, its ${lost} is lost`)
  }

  /** Unix ms of the first beat through a connection that was opened since; null when none came in a minute. */
  async function untilBeats(sinceMs: number): Promise<number | null> {
    const deadline = Date.now() + 60_000
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

  return {
    faults,
    restarts,
    blackHoles,
    /** Resolves when the last fault is over; every process runs again then. */
    async carryOut(plan: Plan): Promise<void> {
      const startedMs = performance.now()
      const met: Promise<void>[] = []
      // The plan's clock stands still while a fault waits: on a slow machine the plan takes longer.
      let heldMs = 0
      for (const fault of plan.faults) {
        const waitMs = startedMs + heldMs + fault.atMs - performance.now()
        if (waitMs > 0) await delay(waitMs)
        if (!fault.blind) heldMs += await untilMeetable(fault, Math.min(MEET_MS, HOLD_MS - heldMs))
        const meeting = meet(fault)
        meeting.catch(() => {})
        met.push(meeting)
      }
      await Promise.all(met)
      await Promise.all(noticing)
    },
  }
}

async function untilDrained(database: RunDatabase, patienceMs: number): Promise<number | null> {
  const deadline = Date.now() + patienceMs
  while (Date.now() < deadline) {
    const rows = await database
      .query(`select 1 from delivery where status = 'PENDING' limit 1`)
      .catch(() => ['the database is away'])
    if (rows.length === 0) return Date.now()
    await delay(100)
  }
  return null
}

function watchMemory(processes: readonly GatewayProcess[]): { stop(): number } {
  let most = 0
  const timer = setInterval(() => {
    for (const each of processes) most = Math.max(most, each.memoryMb() ?? 0)
  }, 500)
  return {
    stop() {
      clearInterval(timer)
      return most
    },
  }
}

/** A process of this folder that is told and tells. */
function openChild<To extends object, From extends { kind: string }>(file: string, closers: (() => unknown)[]) {
  const child: ChildProcess = fork(fileURLToPath(new URL(file, import.meta.url)), { stdio: ['ignore', 2, 2, 'ipc'] })
  const ended = new Promise<never>((_, reject) => {
    child.once('exit', (code, signal) => reject(new Error(`${file} ended with ${code ?? signal}.`)))
  })
  ended.catch(() => {})
  closers.push(() => child.kill('SIGKILL'))
  return {
    /** Tells it, and resolves with its next message of that kind; `others` sees the rest. */
    ask<Kind extends From['kind']>(
      message: To,
      kind: Kind,
      others?: (message: From) => void,
    ): Promise<Extract<From, { kind: Kind }>> {
      const answer = new Promise<Extract<From, { kind: Kind }>>((resolve, reject) => {
        const hear = (came: From) => {
          if (came.kind === kind) {
            child.off('message', hear)
            resolve(came as Extract<From, { kind: Kind }>)
            return
          }
          try {
            others?.(came)
          } catch (error) {
            reject(error)
          }
        }
        child.on('message', hear)
      })
      child.send(message)
      return Promise.race([answer, ended])
    },
  }
}
