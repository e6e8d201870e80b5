// Everything a process is made of, opened in order and closed in reverse: pools, vault, liveness, group commits, change
// feed, and with the worker's role sender, lanes, jobs and reconciler.

import { randomBytes, randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import { PrismaPg } from '@prisma/adapter-pg'
import type { Logger } from 'pino'
import type { Registry } from 'prom-client'
import packageJson from '../package.json' with { type: 'json' }
import type { Config } from './config.ts'
import type { Context } from './context.ts'
import { type DatabaseAccess, openAccess, openHotDatabase, openPool } from './database/pools.ts'
import { createClock } from './domain/clock.ts'
import { attemptsPerCycle } from './domain/delivery.ts'
import { createIdSource, toPublicId } from './domain/id.ts'
import type { StoreCall, StoreResult } from './domain/new-event.ts'
import { createSender } from './egress/send-request.ts'
import { createLanes, type Lanes } from './gateway/deliver/lanes.ts'
import { type Recorded, type Result, recordAttempts, withoutReply } from './gateway/deliver/record-attempts.ts'
import { createEndpointTargets } from './gateway/deliver/targets.ts'
import { createTestSteps } from './gateway/deliver/test-steps.ts'
import { createBatcher } from './gateway/fairness/batcher.ts'
import { storeEvents } from './gateway/publish/store-events.ts'
import { type Liveness, openLiveness } from './gateway/recover/heartbeat.ts'
import { reconcile, type WakeMemory } from './gateway/recover/reconcile.ts'
import { workOnBulkRetries } from './gateway/retry/bulk-retry.ts'
import { foldStatistics } from './gateway/statistics/statistics.ts'
import { PrismaClient } from './generated/prisma/client.ts'
import { startJobs } from './jobs/index.ts'
import { type ChangeFeed, openChangeFeed } from './live/feed.ts'
import { createNotifier, type Notifier } from './live/notifier.ts'
import { createFaultLog } from './log.ts'
import { createMetrics, type Metrics } from './metrics.ts'
import { createParts, type Parts } from './parts.ts'
import { createVault } from './vault.ts'

const VERSION = packageJson.version

/** A configuration whose database and keys are known. */
export type ReadyConfig = Config & {
  readonly databaseUrl: string
  readonly operatorKey: string
  readonly secretsKey: Buffer
}

export type App = {
  readonly ctx: Context
  readonly feed: ChangeFeed
  readonly liveness: Liveness
  /** null in the role `api`. */
  readonly lanes: Lanes | null
  readonly registry: Registry
  /** Stops claiming and lets what is in the air end, and be recorded, until the deadline. */
  stopWorking(deadlineMs: number): Promise<void>
  /** Stops working and closes everything; rejects with a CloseFailure, after all of it, when a part did not close. */
  close(deadlineMs: number): Promise<void>
}

export type AppOptions = {
  readonly config: ReadyConfig
  readonly log: Logger
  /** PEM certificates of further authorities that receivers may use. */
  readonly ca?: readonly string[]
  /** Also say what went well, one line per attempt. */
  readonly narrate?: boolean
}

/** Twice this many: one pool waits for the disk, one does not. */
const HOT_CONNECTIONS = 8
const ADMIN_CONNECTIONS = 10
const JOB_CONNECTIONS = 6
const RECONCILE_MS = 500
const FOLD_STATISTICS_MS = 5_000
const MAX_IN_THE_AIR = 512
const MAX_BATCH_ROWS = 500
const MAX_BATCH_BYTES = 8_000_000
const LEAST_EVENT_WEIGHT = MAX_BATCH_BYTES / MAX_BATCH_ROWS
/** A tenant with so many events (or the bytes of so many) in one statement rests after it, alone from so many calls on. */
const TIRING_EVENTS = 16
/** How long a publish waits for a database that is away before it is refused. */
const PUBLISH_PATIENCE_MS = 2_000
/** Under load results wait so long for company: each statement costs as much as thirty results in it. */
const RECORD_LINGER_MS = 20
const RECORD_LINGER_AFTER = 20
/** A result is worth writing only while its lease lives. */
const RECORD_PATIENCE_MS = 18_000

/** Opens a process' parts for its role; when one does not open, those before it are closed. The database must be migrated. */
export async function openApp(options: AppOptions): Promise<App> {
  const parts = createParts()
  try {
    return await openParts(options, parts)
  } catch (error) {
    await parts.close().catch((failure) => options.log.error({ err: failure }, 'gateway.close_failed'))
    throw error
  }
}

async function openParts({ config, log, ca, narrate = false }: AppOptions, parts: Parts): Promise<App> {
  const instance = randomUUID()
  let lanes: Lanes | null = null
  const metrics = createMetrics(() => lanes?.stats().inTheAir ?? 0)
  const access = openAccess({
    url: config.databaseUrl,
    applicationName: `sivo ${instance}`,
    log,
    onDropped: (kind, reason) => metrics.connectionsDropped.inc({ kind, reason }),
  })
  const clock = createClock(() => performance.now(), Date.now())

  const liveness = await openLiveness({
    access,
    instance,
    role: config.role,
    host: hostname(),
    version: VERSION,
    clock,
    log,
  })
  parts.add('heartbeat', () => liveness.close())

  const hot = openHotDatabase(access, HOT_CONNECTIONS)
  parts.add('delivery pools', () => hot.close())
  const adminPool = openPool(access, 'admin', ADMIN_CONNECTIONS)
  parts.add('admin pool', () => adminPool.end())
  const db = new PrismaClient({ adapter: new PrismaPg(adminPool, { schema: access.schema }) })
  parts.add('Prisma', () => db.$disconnect())

  const faults = createFaultLog(log)
  const notifier = createNotifier({
    database: hot.unsynced,
    clock,
    onFailure(error) {
      metrics.ringsFailed.inc()
      faults('notifier.ring_failed', error)
    },
  })
  parts.add('notifier', () => notifier.close())

  const publisher = createBatcher<StoreCall, StoreResult>({
    flush: (calls, repeated) =>
      storeEvents(hot, calls, {
        repeated,
        maxAttempts: attemptsPerCycle(config.retrySchedule),
        nearby: lanes ? { id: instance, wake: lanes.wake, offer: lanes.offer } : undefined,
      }).finally(notifier.ring),
    // A batch is bounded in events as in bytes.
    weigh: (call) => call.events.reduce((bytes, event) => bytes + Math.max(event.bodyBytes, LEAST_EVENT_WEIGHT), 0),
    owner: (call) => call.tenantId,
    patience: retryUntil(PUBLISH_PATIENCE_MS),
    monotonicMs: clock.monotonicMs,
    maxItems: MAX_BATCH_ROWS,
    maxBytes: MAX_BATCH_BYTES,
    parallel: 2,
    coolDown: { fromBytes: TIRING_EVENTS * LEAST_EVENT_WEIGHT, fromItems: TIRING_EVENTS },
  })
  parts.add('publisher', () => publisher.idle())

  const ctx: Context = {
    config,
    log,
    clock,
    newId: createIdSource(() => clock.now().getTime(), randomBytes),
    random: Math.random,
    db,
    hot,
    vault: createVault([config.secretsKey, ...config.formerSecretsKeys]),
    storeEvents: async (call) => {
      const stored = await publisher.submit(call)
      if (!('conflict' in stored))
        metrics.eventsPublished.inc(stored.filter((event) => 'id' in event && !event.duplicate).length)
      return stored
    },
  }
  const feed = openChangeFeed({
    access,
    hot,
    log,
    clock,
  })
  parts.add('change feed', () => feed.close())

  const work = createParts()
  let stopped: Promise<void> | null = null
  let closed: Promise<void> | null = null
  const stopWorking = (deadlineMs: number) => {
    stopped ??= work.close(deadlineMs)
    return stopped
  }
  parts.add('work', stopWorking)
  if (config.role !== 'api')
    lanes = openWorker({ ctx, access, lanesId: instance, liveness, notifier, metrics, narrate, ca }, work)
  return {
    ctx,
    feed,
    liveness,
    lanes,
    registry: metrics.registry,
    stopWorking,
    close(deadlineMs) {
      closed ??= parts.close(deadlineMs)
      return closed
    },
  }
}

type WorkerParts = {
  readonly ctx: Context
  readonly access: DatabaseAccess
  readonly lanesId: string
  readonly liveness: Liveness
  readonly notifier: Notifier
  readonly metrics: Metrics
  readonly narrate: boolean
  readonly ca?: readonly string[] | undefined
}

/** Begins to work. What it opens becomes a part of `work`. */
function openWorker(
  { ctx, access, lanesId, liveness, notifier, metrics, narrate, ca }: WorkerParts,
  work: Parts,
): Lanes {
  const { config, hot, log, clock } = ctx
  // Its jobs are wake-ups: one that a crash takes back or doubles does no harm.
  const pool = openPool(access, 'jobs', JOB_CONNECTIONS)
  work.add('job pool', () => pool.end())
  const sender = createSender({
    timeoutMs: config.attemptTimeoutMs,
    allowedNetworks: config.allowedNetworks,
    allowedPorts: config.allowedPorts,
    dnsServers: config.dnsServers,
    ca,
  })
  work.add('sender', () => sender.close())
  const recorder = createBatcher<Result, Recorded>({
    flush: (results) => recordAttempts(hot, results).finally(notifier.ring),
    weigh: (result) => 1_000 + (result.attempt?.sent.reply?.body.length ?? 0),
    owner: (result) => result.delivery.tenantId,
    patience: retryUntil(RECORD_PATIENCE_MS),
    monotonicMs: clock.monotonicMs,
    rescue: withoutReply,
    maxItems: MAX_BATCH_ROWS,
    maxBytes: MAX_BATCH_BYTES,
    // Nobody waits for a record as they do for an acknowledgement.
    parallel: 1,
    linger: { ms: RECORD_LINGER_MS, after: RECORD_LINGER_AFTER },
  })
  const testSteps = createTestSteps(ctx)
  work.add('test steps', () => testSteps.idle())
  const lanes = createLanes({
    ctx,
    tools: {
      send: sender.send,
      clock,
      random: ctx.random,
      policy: { schedule: config.retrySchedule, jitter: config.retryJitter },
      userAgent: `Sivo-Webhooks/${VERSION}`,
      onTestStep: testSteps.note,
    },
    targets: createEndpointTargets(hot, ctx.vault, (endpointId, error) =>
      log.error({ endpointId, err: error }, 'endpoint.secret_unreadable'),
    ),
    recorder,
    processId: liveness.processId,
    maxInTheAir: MAX_IN_THE_AIR,
    onSettled: (result, recorded) => {
      countSettled(metrics, result, recorded)
      logSettled(log, result, { recorded, narrate })
    },
  })
  const bulkRetries = workOnBulkRetries(ctx)
  const jobs = startJobs({ ctx, lanes, lanesId, bulkRetries, pool, setPoolIds: liveness.setPoolIds })
  work.add(
    'lanes and jobs',
    (deadlineMs) => lanes.close(deadlineMs),
    () => jobs.close(),
  )
  const stopFolding = repeat(FOLD_STATISTICS_MS, async () => {
    await foldStatistics(hot).catch((error) => log.warn({ err: error }, 'statistics.fold_failed'))
  })
  work.add('rounds', keepReconciling({ ctx, liveness, metrics, lanes }), stopFolding, () => bulkRetries.close())
  return lanes
}

function keepReconciling({
  ctx,
  liveness,
  metrics,
  lanes,
}: Pick<WorkerParts, 'ctx' | 'liveness' | 'metrics'> & { lanes: Lanes }): () => Promise<void> {
  const memory: WakeMemory = new Map()
  return repeat(RECONCILE_MS, async () => {
    try {
      const done = await reconcile(ctx, { processId: liveness.processId(), memory, nowMs: ctx.clock.monotonicMs() })
      if (!done) return
      metrics.died.inc(done.died.length)
      metrics.woken.inc(done.woken.length)
      // The jobs are for the others; the net must hold here without anybody who fetches them.
      for (const overdue of done.woken) lanes.wake({ ...overdue, fromStart: true })
      if (done.died.length) ctx.log.warn({ processIds: done.died }, 'process.died')
      if (done.woken.length) ctx.log.debug({ endpoints: done.woken.length }, 'reconciler.woke')
    } catch (error) {
      ctx.log.warn({ err: error }, 'reconciler.failed')
    }
  })
}

/** Does the work again and again, with so many ms between; gives what ends it. The work must not throw. */
function repeat(everyMs: number, work: () => Promise<void>): () => Promise<void> {
  let closed = false
  let timer: NodeJS.Timeout
  let round: Promise<void> = Promise.resolve()
  const schedule = () => {
    timer = setTimeout(() => {
      round = work().then(() => {
        if (!closed) schedule()
      })
    }, everyMs)
  }
  schedule()
  return async () => {
    closed = true
    clearTimeout(timer)
    await round
  }
}

/** Patience for a database that is away: a try every 200 ms until so many ms have passed. */
function retryUntil(limitMs: number): (waitedMs: number) => Promise<boolean> {
  const waitMs = 200
  return async (waitedMs) => {
    if (waitedMs + waitMs > limitMs) return false
    await new Promise((resolve) => setTimeout(resolve, waitMs))
    return true
  }
}

function countSettled(metrics: Metrics, { delivery, attempt, outcome, step }: Result, recorded: Recorded): void {
  if (!recorded) {
    metrics.stale.inc()
    return
  }
  if (attempt && outcome) {
    metrics.attempts.inc({ error_code: outcome.errorCode ?? 'none' })
    metrics.attemptSeconds.observe(attempt.sent.latencyMs / 1000)
    metrics.dueSeconds.observe(Math.max(0, attempt.startedAt.getTime() - delivery.dueAt.getTime()) / 1000)
  }
  if (step.status !== 'PENDING') metrics.settled.inc({ status: step.status })
}

/** One line per attempt, and one per dead letter. */
function logSettled(
  log: Logger,
  { delivery, attempt, outcome, step, nextAttemptAt }: Result,
  { recorded, narrate }: { recorded: Recorded; narrate: boolean },
): void {
  const wentWell = recorded && outcome?.errorCode === null
  if (wentWell && !narrate && !log.isLevelEnabled('debug')) return
  const ids = {
    deliveryId: toPublicId('delivery', delivery.id),
    eventId: toPublicId('event', delivery.eventId),
    endpointId: toPublicId('endpoint', delivery.endpointId),
    tenantId: toPublicId('tenant', delivery.tenantId),
  }
  if (!recorded) {
    log.warn(ids, 'delivery.result_stale')
    return
  }
  if (attempt && outcome) {
    const line = {
      ...ids,
      eventType: delivery.eventType,
      attempt: attempt.number,
      statusCode: outcome.statusCode,
      errorCode: outcome.errorCode,
      latencyMs: attempt.sent.latencyMs,
      nextAttemptAt,
    }
    if (outcome.errorCode) log.info(line, 'delivery.attempt_refused')
    else log[narrate ? 'info' : 'debug'](line, 'delivery.succeeded')
  }
  if (step.status === 'DEAD_LETTERED') log.warn({ ...ids, reason: step.reason }, 'delivery.dead_lettered')
  if (step.disableEndpoint) log.warn({ ...ids, reason: step.disableEndpoint }, 'endpoint.disabled')
}
