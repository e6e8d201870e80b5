// The tasks of graphile-worker and their runner. A task parses its payload and makes one call; it never waits for a receiver.
// The runner ends when the database goes away. A loop starts another one until the database is back, and unlocks the jobs
// that the previous runner had fetched. A runner reads the ids of its tasks once. Where they were deleted since, as graphile-worker's
// own `cleanup` does with those that have no job at the time, it would fetch no job ever again: it is ended, and another one starts.

import { EventEmitter } from 'node:events'
import {
  Logger as GraphileLogger,
  type Runner,
  run,
  type Task,
  type TaskList,
  type WorkerEvents,
} from 'graphile-worker'
import type pg from 'pg'
import type { Logger } from 'pino'
import type { Context } from '../context.ts'
import { makePartitions } from '../database/partitions.ts'
import { JOBS, type JobName, type JobPayload } from '../database/queue.ts'
import { replaceForeignStamps } from '../database/stamps.ts'
import { cancelUnwanted } from '../gateway/admin/cancel-unwanted.ts'
import { sweepDeletedEndpoint, sweepDeletedEndpoints } from '../gateway/admin/sweep-deleted-endpoint.ts'
import type { Lanes } from '../gateway/deliver/lanes.ts'
import { forgetTestSignatures } from '../gateway/deliver/test-signature.ts'
import { forgetTestSteps } from '../gateway/deliver/test-steps.ts'
import { purgeIdempotencyKeys } from '../gateway/publish/purge-idempotency-keys.ts'
import { dropExpiredPartitions } from '../gateway/retention/drop-partitions.ts'
import { eraseLateReplies } from '../gateway/retention/erase-events.ts'
import { eraseTenants } from '../gateway/retention/erase-tenant.ts'
import { forgetLeftovers } from '../gateway/retention/forget-leftovers.ts'
import { forgetPayloads } from '../gateway/retention/forget-payloads.ts'
import { packPartitions } from '../gateway/retention/pack-partitions.ts'
import type { BulkRetries } from '../gateway/retry/bulk-retry-worker.ts'
import { forgetStatistics } from '../gateway/statistics/statistics.ts'
import { backOffMs, repeat } from '../waiting.ts'

const CRONTAB = `
# Partitions are made weeks ahead; a day without is no harm.
17 3 * * * make-partitions ?fill=1d
# What is older than the retention. The events of a week go an hour after its deliveries.
31 * * * * drop-partitions
# Indexes of weeks that are over, for at most some minutes.
3 * * * * pack-partitions
# Payloads of tenants that keep them for a shorter time.
37 * * * * forget-payloads
# What was published for a tenant while it was erased.
13 * * * * erase-tenants
# What a restored dump brought along. Each start of the runner asks for it too.
11 * * * * replace-foreign-stamps
# What was in flight as its endpoint was deleted.
23 * * * * sweep-deleted-endpoints
# Idempotency keys are kept for at least a day.
41 * * * * purge-idempotency-keys
# Sums that no window of the statistics reaches any more.
53 * * * * forget-statistics
# Steps of tests that are long over.
7 * * * * forget-test-steps
# Links, sessions, bulk retries and jobs that nobody needs any more.
47 * * * * forget-leftovers
`

/** How often the ids of the tasks are looked at, ms. */
const LOOK_EVERY_MS = 2_000
const MAKE_TASKS = `
insert into graphile_worker._private_tasks (identifier)
select name from unnest($1::text[]) as name where name not in (select identifier from graphile_worker._private_tasks)
on conflict do nothing`
const TASK_IDS = 'select id from graphile_worker._private_tasks where identifier = any ($1::text[])'

export type JobRunner = {
  /** Whether jobs are being fetched; false while the runner waits for the database. */
  isRunning(): boolean
  close(): Promise<void>
}

export type JobRunnerOptions = {
  readonly ctx: Context
  readonly lanes: Lanes
  readonly processId: () => string
  readonly bulkRetries: BulkRetries
  /** A separate pool: graphile-worker and Prisma must not share one. */
  readonly pool: pg.Pool
  readonly setPoolIds: (poolIds: readonly string[]) => void
}

/** Runs jobs until it is closed, also after outages of the database. */
export function startJobs({ ctx, lanes, processId, bulkRetries, pool, setPoolIds }: JobRunnerOptions): JobRunner {
  let runner: Runner | null = null
  let closed = false
  const closing = new AbortController()
  let poolIds: string[] = []

  const implement =
    <Name extends JobName>(name: Name, work: (payload: JobPayload<Name>) => Promise<unknown> | unknown): Task =>
    async (payload) => {
      await work(JOBS[name].parse(payload) as JobPayload<Name>)
    }
  const taskList: TaskList = {
    deliver: implement('deliver', (payload) => {
      if (payload.told !== processId()) lanes.wake(payload)
    }),
    'sweep-deleted-endpoint': implement('sweep-deleted-endpoint', ({ endpointId }) =>
      sweepDeletedEndpoint(ctx, endpointId),
    ),
    'sweep-deleted-endpoints': implement('sweep-deleted-endpoints', () => sweepDeletedEndpoints(ctx)),
    'cancel-unwanted': implement('cancel-unwanted', ({ endpointId }) => cancelUnwanted(ctx, endpointId)),
    'retry-dead-letters': implement('retry-dead-letters', () => bulkRetries.wake()),
    'make-partitions': implement('make-partitions', () => makePartitions(pool)),
    'drop-partitions': implement('drop-partitions', () => dropExpiredPartitions(ctx, { pool })),
    'pack-partitions': implement('pack-partitions', () => packPartitions(ctx, { pool, signal: closing.signal })),
    'forget-payloads': implement('forget-payloads', () => forgetPayloads(ctx)),
    'erase-late-replies': implement('erase-late-replies', ({ eventIds }) => eraseLateReplies(ctx, eventIds)),
    'erase-tenants': implement('erase-tenants', () => eraseTenants(ctx)),
    'replace-foreign-stamps': implement('replace-foreign-stamps', async () => {
      const replaced = await replaceForeignStamps(ctx.hot)
      if (replaced > 0) ctx.log.warn({ rows: replaced }, 'database.was_restored')
    }),
    'purge-idempotency-keys': implement('purge-idempotency-keys', () => purgeIdempotencyKeys(ctx)),
    'forget-statistics': implement('forget-statistics', () => forgetStatistics(ctx)),
    'forget-test-steps': implement('forget-test-steps', async () => {
      await forgetTestSteps(ctx)
      await forgetTestSignatures(ctx)
    }),
    'forget-leftovers': implement('forget-leftovers', () => forgetLeftovers(ctx)),
  } satisfies Record<JobName, Task>

  async function start(): Promise<Runner> {
    const events: WorkerEvents = new EventEmitter()
    events.on('pool:create', ({ workerPool }) => {
      poolIds = [...poolIds, workerPool.id]
      setPoolIds(poolIds)
    })
    return run({
      events,
      pgPool: pool,
      taskList,
      crontab: CRONTAB,
      concurrency: 8,
      noHandleSignals: true,
      logger: graphileLogger(ctx.log),
      preset: {
        worker: {
          pollInterval: 1_000,
          maxPoolSize: pool.options.max,
          localQueue: { size: 200 },
          // With -1, stopping resolves before the last completion is written.
          completeJobBatchDelay: 0,
          failJobBatchDelay: 0,
          gracefulShutdownAbortTimeout: 15_000,
        },
      },
    })
  }

  async function unlockPredecessors(): Promise<void> {
    if (poolIds.length === 0) return
    await pool.query('select graphile_worker.force_unlock_workers($1)', [poolIds])
    poolIds = []
  }

  async function readTaskIds(): Promise<number[]> {
    const { rows } = await pool.query<{ id: number }>(TASK_IDS, [Object.keys(JOBS)])
    return rows.map(({ id }) => id)
  }

  /** Ends the runner when an id that a task had before its start is gone; returns what stops the looking. */
  function watchTasks(watched: Runner, known: readonly number[]): () => Promise<void> {
    return repeat(LOOK_EVERY_MS, async () => {
      try {
        const ids = new Set(await readTaskIds())
        if (watched !== runner || known.every((id) => ids.has(id))) return
        ctx.log.warn('jobs.tasks_were_deleted')
        await watched.stop()
      } catch {
        // Without the database the runner ends by itself, and a runner that is stopping cannot be stopped again.
      }
    })
  }

  async function supervise(failures: number): Promise<void> {
    while (!closed) {
      try {
        await unlockPredecessors()
        await pool.query(MAKE_TASKS, [Object.keys(JOBS)])
        const taskIds = await readTaskIds()
        runner = await start()
        // The database that is back may be one that was restored.
        await runner.addJob('replace-foreign-stamps', {}, { jobKey: 'replace-foreign-stamps' })
        if (closed) return void (await runner.stop())
        failures = 0
        const stopWatching = watchTasks(runner, taskIds)
        await runner.promise.finally(stopWatching)
      } catch (error) {
        ctx.log.warn({ err: error }, 'jobs.runner_failed')
      }
      runner = null
      if (closed) return
      const waitMs = backOffMs(failures)
      failures++
      ctx.log.warn({ waitMs }, 'jobs.runner_restarts')
      await new Promise((resolve) => setTimeout(resolve, waitMs))
    }
  }

  const supervised = supervise(0)
  return {
    isRunning: () => runner !== null && !closed,
    async close() {
      closed = true
      closing.abort()
      await runner?.stop().catch((error: unknown) => ctx.log.warn({ err: error }, 'jobs.stop_failed'))
      await supervised
      if (poolIds.length) await untilUnlocked(pool, poolIds)
    },
  }
}

/** Waits, at most two seconds, until no job is locked: stopping may resolve before the last completion is written. */
async function untilUnlocked(pool: pg.Pool, poolIds: readonly string[]): Promise<void> {
  for (let i = 0; i < 20; i++) {
    const { rows } = await pool
      .query('select 1 from graphile_worker.jobs where locked_by = any ($1) limit 1', [poolIds])
      .catch(() => ({ rows: [] }))
    if (rows.length === 0) return
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

function graphileLogger(log: Logger) {
  return new GraphileLogger(() => (level, message, meta) => {
    const line = { ...(meta?.['error'] instanceof Error ? { err: meta['error'] } : {}) }
    if (level === 'error') log.warn(line, `jobs: ${message}`)
    else log.debug(line, `jobs: ${message}`)
  })
}
