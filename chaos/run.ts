// One run: a gateway of several processes on one Postgres, a publisher, a receiver, and the faults of a seeded plan. Promise:
// whatever happens, no process and no folder is left.

import { type ChildProcess, fork } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { chmodSync, mkdirSync, rmSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { type ApiAccess, ask, expectSuccess } from '../harness/api-client.ts'
import { type GatewayProcess, startGatewayProcess } from '../harness/gateway-process.ts'
import { openHalfOpenProxy } from '../harness/half-open-proxy.ts'
import { openCertificateAuthority } from '../src/dev/certificate-authority.ts'
import { freePort } from '../src/dev/free-port.ts'
import { parseSchedule } from '../src/domain/retry-schedule.ts'
import { check, type Findings, type MetFault } from './check.ts'
import { type BlackHole, createController, type Restart } from './controller.ts'
import { layOutEndpoints, type RunEndpoint } from './endpoints.ts'
import type { RunOptions } from './options.ts'
import { BEHIND_PROXY, drawPlan, type Plan } from './plan.ts'
import type { FromPublisher, ToPublisher } from './publisher.ts'
import type { FromReceiver, ToReceiver } from './receiver.ts'
import { openRunDatabase, type RunDatabase } from './run-database.ts'

/** Short, so that a run ends soon, and without jitter, so that the time of each retry can be checked. */
const RUN_SCHEDULE = '200ms,500ms,1s,2s,4s,8s'

const CALM_MS = 8_000
const READY_MS = 60_000
const DRAIN_MS = 180_000
/** More than the contract gives a process to leave, for slow machines. */
const LEAVE_MS = 20_000

export type Run = {
  readonly plan: Plan
  readonly faults: readonly MetFault[]
  readonly restarts: readonly Restart[]
  readonly blackHoles: readonly BlackHole[]
  readonly findings: Findings
  readonly publisher: { readonly refused: number; readonly duplicates: number }
  /** Unix ms. */
  readonly publishedMs: { readonly from: number; readonly to: number }
  /** From the last acknowledgement or the end of the last fault to the last delivery, ms; null: some did not end. */
  readonly drainMs: number | null
  readonly memoryMb: number
  /** Ends of gateway processes that the run did not cause, such as `worker 2: 69`. */
  readonly unexpectedEnds: readonly string[]
  /** How each process left at the end, when it was asked to. */
  readonly leaves: readonly { readonly name: string; readonly code: number | string; readonly tookMs: number }[]
}

type Tell = (line: string) => void

/** Makes the run. `tell` gets a line for each step. Throws if the run itself fails. */
export async function run(options: RunOptions, tell: Tell): Promise<Run> {
  const folder = await mkdtemp(join(tmpdir(), 'sivo-chaos-'))
  // Postgres may run as another user.
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
  // If the run ends here with an error, nothing waits for these promises any more.
  for (const left of [publishedAt, faultsDone]) left.catch(() => {})
  const [{ refused, duplicates }] = await Promise.all([published, faultsDone])
  const to = await publishedAt
  tell(`${options.events} events are acknowledged, every fault is over; waiting until all is delivered`)

  const quietSince = Date.now()
  const drained = await untilDrained(database, DRAIN_MS)
  const drainMs = drained === null ? null : drained - quietSince
  const memoryMb = memory.stop()
  // A process that is just starting would not notice the signal.
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

/** Prints the few lines of the log of Postgres that say what a session did when it crashed. */
function tellOfCrash(tell: Tell): (line: string) => void {
  let left = 0
  return (line) => {
    if (line.includes('Failed process was running')) left = 6
    if (left-- > 0) tell(line)
  }
}

/** Makes tenants and endpoints through the API, as an operator would. Returns their ids and secrets. */
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
          ordering: endpoint.ordering,
        },
      },
    )
    const made = expectSuccess<{ endpoint: { id: string }; signingSecret: string }>(createEndpoint)
    endpoints.push({ ...endpoint, id: made.endpoint.id })
    secrets[endpoint.path] = made.signingSecret
  }
  return { tenantIds, endpoints, secrets }
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

/** Starts a file of this folder as a process that exchanges messages. */
function openChild<To extends object, From extends { kind: string }>(file: string, closers: (() => unknown)[]) {
  const child: ChildProcess = fork(fileURLToPath(new URL(file, import.meta.url)), { stdio: ['ignore', 2, 2, 'ipc'] })
  const ended = new Promise<never>((_, reject) => {
    child.once('exit', (code, signal) => reject(new Error(`${file} ended with ${code ?? signal}.`)))
  })
  ended.catch(() => {})
  closers.push(() => child.kill('SIGKILL'))
  return {
    /** Sends a message and resolves with the next answer of that kind. `others` is called with other messages. */
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
