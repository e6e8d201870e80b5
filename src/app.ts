// Opens everything that a process is made of, in order, and closes it in the reverse order: its heartbeat, pools, notifier
// and change feed, the work of a worker (worker.ts), and the publisher. It wires the parts and does nothing else.

import { randomBytes, randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import { PrismaPg } from '@prisma/adapter-pg'
import type pg from 'pg'
import type { Logger } from 'pino'
import type { Registry } from 'prom-client'
import packageJson from '../package.json' with { type: 'json' }
import type { Config } from './config.ts'
import type { Context } from './context.ts'
import { openAccess, openHotDatabase, openPool } from './database/pools.ts'
import { openReplica, type Replica } from './database/replica.ts'
import { type Clock, createClock } from './domain/clock.ts'
import { createIdSource } from './domain/id.ts'
import type { Lanes } from './gateway/deliver/lanes.ts'
import { createPublisher, type PublishContext } from './gateway/publish/publisher.ts'
import { noteVersion } from './gateway/recover/deployed-versions.ts'
import { type Heartbeat, openHeartbeat } from './gateway/recover/heartbeat.ts'
import { keepWatchingPartitions } from './gateway/retention/watch-partitions.ts'
import { readBacklog } from './gateway/statistics/backlog.ts'
import { addGauges } from './gauges.ts'
import { PrismaClient } from './generated/prisma/client.ts'
import { type ChangeFeed, openChangeFeed } from './live/feed.ts'
import { createNotifier } from './live/notifier.ts'
import { createFaultLog, type FaultLog } from './log.ts'
import { createMetrics, type Metrics } from './metrics.ts'
import { createParts, type Parts } from './parts.ts'
import { openTracing } from './tracing.ts'
import { createVault } from './vault.ts'
import { JOB_CONNECTIONS, openWorker, type Work } from './worker.ts'

const VERSION = packageJson.version

/** A configuration whose database and keys are known. */
export type ReadyConfig = Config & {
  readonly databaseUrl: string
  readonly operatorKey: string
  readonly secretsKey: Buffer
}

/** Where the database is, as `openAccess` takes it. */
export function databaseOf({ databaseUrl, databaseDirectUrl, databaseSchema }: ReadyConfig): {
  url: string
  schema: string
} {
  return { url: databaseDirectUrl ?? databaseUrl, schema: databaseSchema }
}

export type App = {
  readonly ctx: PublishContext
  readonly feed: ChangeFeed
  readonly heartbeat: Heartbeat
  /** null in the role `api`. */
  readonly lanes: Lanes | null
  /** What keeps a process with the role of a worker from delivering; empty: it delivers. null in the role `api`. */
  whatKeepsFromDelivering(): string[] | null
  readonly registry: Registry
  /** Stops claiming and lets the attempts in the air end, and be recorded, until the deadline. */
  stopWorking(deadlineMs: number): Promise<void>
  /** Stops working and closes everything; rejects with a CloseFailure, after all of it, when a part did not close. */
  close(deadlineMs: number): Promise<void>
}

export type AppOptions = {
  readonly config: ReadyConfig
  readonly log: Logger
  /** PEM certificates of further authorities that receivers may use. */
  readonly ca?: readonly string[]
  /** Log attempts that went well too. */
  readonly narrate?: boolean
}

/** Connections by purpose: publishes, records and reads of the feed; claims and rings; lists and administration. */
const CONNECTIONS = { hot: 5, unsynced: 4, admin: 5, replica: 5 } as const
/** Beside the pools: the heartbeat, the listener, and the look at a connection that does not answer. */
const SINGLE_CONNECTIONS = 3
/** The most connections that a process of any role opens to the database; those to a replica are beside them. */
export const MOST_CONNECTIONS =
  SINGLE_CONNECTIONS + JOB_CONNECTIONS + CONNECTIONS.hot + CONNECTIONS.unsynced + CONNECTIONS.admin

/** Opens the parts of a process; when one does not open, those before it are closed. The database must be migrated. */
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
  const firstId = randomUUID()
  let working: Work | null = null
  const metrics = createMetrics(() => working?.lanes.stats().inTheAir ?? 0)
  const access = openAccess({
    ...databaseOf(config),
    applicationName: `sivo ${firstId}`,
    log,
    onDropped: (kind, reason) => metrics.connectionsDropped.inc({ kind, reason }),
    onWaited: (pool, seconds) => metrics.poolWaitSeconds.observe({ pool }, seconds),
  })
  const clock = createClock(() => performance.now(), Date.now())
  const heartbeat = await openHeartbeat({
    access,
    firstId,
    role: config.role,
    host: hostname(),
    version: VERSION,
    clock,
    log,
  })
  parts.add('heartbeat', () => heartbeat.close())

  const hot = openHotDatabase(access, CONNECTIONS)
  parts.add('delivery pools', () => hot.close())
  const adminPool = openPool(access, 'admin', CONNECTIONS.admin)
  parts.add('admin pool', () => adminPool.end())
  const db = new PrismaClient({ adapter: new PrismaPg(adminPool, { schema: access.schema }) })
  parts.add('Prisma', () => db.$disconnect())
  await noteVersion(db, VERSION).catch((error: unknown) => log.warn({ err: error }, 'gateway.version_not_noted'))
  const tracing =
    config.tracesUrl === null
      ? null
      : openTracing({ url: config.tracesUrl, version: VERSION, role: config.role, instance: firstId })
  if (tracing) parts.add('tracing', tracing.close)
  const faults = createFaultLog(log)
  const replica = openLists(
    { config, primaryPool: adminPool, primaryDb: db, metrics, faults, clock, log },
    firstId,
    parts,
  )
  const ctx: Context = {
    tracing,
    replica,
    config,
    log,
    clock,
    newId: createIdSource(() => clock.now().getTime(), randomBytes),
    random: Math.random,
    db,
    hot,
    vault: createVault([config.secretsKey, ...config.formerSecretsKeys]),
  }

  parts.add('watch of partitions', keepWatchingPartitions(ctx, metrics))
  const notifier = createNotifier({
    database: hot.unsynced,
    clock,
    onFailure(error) {
      metrics.ringsFailed.inc()
      faults('notifier.ring_failed', error)
    },
  })
  parts.add('notifier', () => notifier.close())
  const feed = openChangeFeed({
    access,
    hot,
    log,
    clock,
    onDropped: (changes) => metrics.changesDropped.inc(changes),
  })
  parts.add('change feed', () => feed.close())

  const work = createParts()
  let stopped: Promise<void> | null = null
  const stopWorking = (deadlineMs: number) => {
    stopped ??= work.close(deadlineMs)
    return stopped
  }
  parts.add('work', stopWorking)
  if (config.role !== 'api')
    working = openWorker({ ctx, access, heartbeat, metrics, version: VERSION, ca, narrate, ring: notifier.ring }, work)
  const lanes = working?.lanes ?? null

  addGauges({
    registry: metrics.registry,
    pools: {
      hot: hot.pool,
      unsynced: hot.unsyncedPool,
      admin: adminPool,
      ...(working ? { jobs: working.jobPool } : {}),
    },
    silentForMs: heartbeat.silentForMs,
    subscriberCount: feed.subscriberCount,
    lanes: () => working?.stats() ?? null,
    readBacklog: () => readBacklog(hot),
    replicaLagSeconds: replica?.lagSeconds ?? null,
    onFailure: (error) => faults('metrics.backlog_not_read', error),
    monotonicMs: clock.monotonicMs,
  })
  const publisher = createPublisher({
    ctx,
    metrics,
    nearby: () => lanes && { processId: heartbeat.processId(), wake: lanes.wake, offer: lanes.offer },
    onFlushed: notifier.ring,
  })
  parts.add('publisher', () => publisher.idle())
  let closed: Promise<void> | null = null
  return {
    ctx: { ...ctx, publisher },
    feed,
    heartbeat,
    lanes,
    whatKeepsFromDelivering: () => (stopped ? ['process: stopping'] : (working?.whatFails() ?? null)),
    registry: metrics.registry,
    stopWorking,
    close(deadlineMs) {
      closed ??= parts.close(deadlineMs)
      return closed
    },
  }
}

type ListsOptions = {
  readonly config: ReadyConfig
  readonly primaryPool: pg.Pool
  readonly primaryDb: PrismaClient
  readonly metrics: Metrics
  readonly faults: FaultLog
  readonly clock: Clock
  readonly log: Logger
}

/** The replica for lists, where one is configured and this process serves. It may be away now and come later. */
function openLists(options: ListsOptions, firstId: string, parts: Parts): Replica<PrismaClient> | null {
  const { config, primaryPool, primaryDb, metrics, faults, clock, log } = options
  if (config.databaseReplicaUrl === null || config.role === 'worker') return null
  const access = openAccess({
    url: config.databaseReplicaUrl,
    schema: config.databaseSchema,
    applicationName: `sivo ${firstId}`,
    log,
    onDropped: (kind, reason) => metrics.connectionsDropped.inc({ kind, reason }),
  })
  const pool = openPool(access, 'admin', CONNECTIONS.replica)
  parts.add('replica pool', () => pool.end())
  const db = new PrismaClient({ adapter: new PrismaPg(pool, { schema: access.schema }) })
  parts.add('Prisma of the replica', () => db.$disconnect())
  const replica = openReplica({
    pool,
    db,
    primaryPool,
    primaryDb,
    clock,
    onUnused: (error) => faults('replica.unused', error),
    onRead: (from) => metrics.listReads.inc({ from }),
  })
  parts.add('replica', replica.close)
  return replica
}
