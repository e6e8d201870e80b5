// Opens the parts of a process in order, and closes them in the reverse order: heartbeat, databases (databases.ts), notifier,
// change feed, the work of a worker (worker.ts), publisher. It wires the parts and does nothing else.

import { randomBytes, randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import type { Logger } from 'pino'
import type { Registry } from 'prom-client'
import packageJson from '../package.json' with { type: 'json' }
import type { ReadyConfig } from './config.ts'
import type { Context } from './context.ts'
import { openDatabases, openPrimary } from './databases.ts'
import { createClock } from './domain/clock.ts'
import { createIdSource } from './domain/values/id.ts'
import type { Lanes } from './gateway/deliver/lanes.ts'
import { createPublisher, type PublishContext } from './gateway/publish/publisher.ts'
import { noteVersion } from './gateway/recover/deployed-versions.ts'
import { type Heartbeat, openHeartbeat } from './gateway/recover/heartbeat.ts'
import { keepWatchingPartitions } from './gateway/retention/watch-partitions.ts'
import { createOwnIndex, type OwnIndex } from './gateway/search/index-own-events.ts'
import { readBacklog } from './gateway/statistics/backlog.ts'
import { addGauges } from './gauges.ts'
import { type ChangeFeed, openChangeFeed } from './live/feed.ts'
import { createNotifier } from './live/notifier.ts'
import { createFaultLog } from './log.ts'
import { createMetrics } from './metrics.ts'
import { createParts, type Parts } from './parts.ts'
import { createVault } from './vault.ts'
import { openWorker, type Work } from './worker.ts'

const VERSION = packageJson.version

export type App = {
  readonly ctx: PublishContext
  readonly feed: ChangeFeed
  readonly heartbeat: Heartbeat
  readonly ownIndex: OwnIndex
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

/** Only a process that traces loads what tracing needs, which is a seventh of all modules. */
async function openTraces({ role }: ReadyConfig, url: string, instance: string) {
  const { openTracing } = await import('./tracing.ts')
  return openTracing({ url, version: VERSION, role, instance })
}

async function openParts({ config, log, ca, narrate = false }: AppOptions, parts: Parts): Promise<App> {
  const firstId = randomUUID()
  let working: Work | null = null
  const metrics = createMetrics(() => working?.lanes.stats().inTheAir ?? 0)
  const faults = createFaultLog(log)
  const clock = createClock(() => performance.now(), Date.now())
  const access = openPrimary(config, { firstId, metrics, log })
  const beating = openHeartbeat({
    access,
    firstId,
    role: config.role,
    host: hostname(),
    version: VERSION,
    clock,
    log,
  })
  const openedHeartbeat = beating.catch(() => null)
  parts.add('heartbeat', async () => (await openedHeartbeat)?.close())
  const { hot, db, replica, pools } = openDatabases({ config, access, metrics, faults, clock, log }, parts)
  const noted = noteVersion(db, VERSION).catch((error: unknown) =>
    log.warn({ err: error }, 'gateway.version_not_noted'),
  )
  parts.add('note of the version', () => noted)
  // Prisma gets ready while the heartbeat waits for the database.
  const heartbeat = await beating
  const tracing = config.tracesUrl === null ? null : await openTraces(config, config.tracesUrl, firstId)
  if (tracing) parts.add('tracing', tracing.close)
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
    pools: working ? { ...pools, jobs: working.jobPool } : pools,
    silentForMs: heartbeat.silentForMs,
    subscriberCount: feed.subscriberCount,
    lanes: () => working?.stats() ?? null,
    readBacklog: () => readBacklog(hot),
    replicaLagSeconds: replica?.lagSeconds ?? null,
    onFailure: (error) => faults('metrics.backlog_not_read', error),
    monotonicMs: clock.monotonicMs,
  })
  const ownIndex = createOwnIndex(ctx)
  parts.add('index of own events', ownIndex.keepRounds())
  const publisher = createPublisher({
    ctx,
    metrics,
    ownIndex,
    nearby: () => lanes && { processId: heartbeat.processId(), wake: lanes.wake, offer: lanes.offer },
    onFlushed: notifier.ring,
  })
  parts.add('publisher', () => publisher.idle())
  let closed: Promise<void> | null = null
  return {
    ctx: { ...ctx, publisher },
    feed,
    heartbeat,
    ownIndex,
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
