// Opens what a process with the role of a worker needs beside the rest: the sender, the lanes, the jobs and the rounds that
// recover, add up statistics and retry in bulk. It wires the parts and does nothing else.

import type pg from 'pg'
import type { Context } from './context.ts'
import { type DatabaseAccess, openPool } from './database/pools.ts'
import { CONNECTIONS } from './databases.ts'
import { createMailer } from './egress/send-mail.ts'
import { createSender } from './egress/send-request.ts'
import { keepExpiring } from './gateway/deliver/expire-deliveries.ts'
import { keepLines } from './gateway/deliver/keep-lines.ts'
import { createLanes, type Lanes } from './gateway/deliver/lanes.ts'
import { createRecorder } from './gateway/deliver/recorder.ts'
import { reportSettled } from './gateway/deliver/settled.ts'
import { createEndpointTargets } from './gateway/deliver/targets.ts'
import { createTestSteps } from './gateway/deliver/test-steps.ts'
import { keepHealth } from './gateway/health/keep-health.ts'
import { keepTelling } from './gateway/notices/keep-telling.ts'
import type { Heartbeat } from './gateway/recover/heartbeat.ts'
import { keepReconciling } from './gateway/recover/reconcile.ts'
import { workOnBulkRetries } from './gateway/retry/bulk-retry-worker.ts'
import { keepIndexing } from './gateway/search/index-events.ts'
import { startJobs } from './jobs/index.ts'
import type { Metrics } from './metrics.ts'
import type { Parts } from './parts.ts'

const MAX_IN_THE_AIR = 512

export type WorkerOptions = {
  readonly ctx: Context
  readonly access: DatabaseAccess
  readonly heartbeat: Heartbeat
  readonly metrics: Metrics
  readonly version: string
  /** PEM certificates of further authorities that receivers may use. */
  readonly ca?: readonly string[] | undefined
  /** Log attempts that went well too. */
  readonly narrate: boolean
  /** Tells the change feeds that something was recorded. */
  readonly ring: () => void
}

/** The work of a process. */
export type Work = {
  readonly lanes: Lanes
  /** For the gauges. `recording`: results that wait to be recorded. */
  stats(): { lanes: number; hungry: number; recording: number; slots: number }
  readonly jobPool: pg.Pool
  /** What keeps this process from delivering, such as `jobs: the runner restarts`; empty: it delivers. */
  whatFails(): string[]
}

/** Begins to work. What it opens becomes a part of `work`. */
export function openWorker(options: WorkerOptions, work: Parts): Work {
  const { ctx, access, heartbeat, metrics, version, ring } = options
  const { config, hot, log, clock, random } = ctx
  const { processId, sessionEndedAtMs, mayBeTakenForDead, setPoolIds } = heartbeat
  const jobPool = openPool(access, 'jobs', CONNECTIONS.jobs)
  work.add('job pool', () => jobPool.end())
  const sender = createSender({
    timeoutMs: config.attemptTimeoutMs,
    allowedNetworks: config.allowedNetworks,
    allowedPorts: config.allowedPorts,
    dnsServers: config.dnsServers,
    ca: options.ca,
  })
  work.add('sender', () => sender.close())
  const mailer = config.smtp && createMailer({ ...config.smtp, ca: options.ca })
  if (mailer) work.add('mailer', () => mailer.close())
  const testSteps = createTestSteps(ctx)
  work.add('test steps', () => testSteps.idle())
  const recorder = createRecorder({ hot, clock, metrics, orderHoldMs: config.orderHoldMs, onFlushed: ring })
  const lanes = createLanes({
    ctx,
    tools: {
      send: sender.send,
      clock,
      random,
      policy: { schedule: config.retrySchedule, jitter: config.retryJitter },
      tracing: ctx.tracing,
      userAgent: `Sivo-Webhooks/${version}`,
      onTestStep: testSteps.note,
    },
    targets: createEndpointTargets(hot, ctx.vault, (endpointId, error) =>
      log.error({ endpointId, err: error }, 'endpoint.secret_unreadable'),
    ),
    recorder,
    metrics,
    processId,
    sessionEndedAtMs,
    mayBeTakenForDead,
    maxInTheAir: MAX_IN_THE_AIR,
    onSettled: reportSettled({ metrics, log, narrate: options.narrate }),
  })
  const bulkRetries = workOnBulkRetries(ctx)
  const jobs = startJobs({ ctx, lanes, processId, bulkRetries, pool: jobPool, setPoolIds })
  work.add(
    'lanes and jobs',
    (deadlineMs) => lanes.close(deadlineMs),
    () => jobs.close(),
  )
  const stopReconciling = keepReconciling({ ctx, metrics, processId, wake: lanes.wake })
  work.add(
    'rounds',
    stopReconciling,
    keepHealth(ctx, ring),
    keepExpiring(ctx),
    keepLines(ctx),
    keepIndexing(ctx),
    keepTelling(ctx, { mail: mailer?.send ?? null, post: sender.send }),
    () => bulkRetries.close(),
  )
  return {
    lanes,
    jobPool,
    stats: () => ({ ...lanes.stats(), recording: recorder.waiting, slots: MAX_IN_THE_AIR }),
    whatFails() {
      const silentSeconds = Math.round(heartbeat.silentForMs() / 1_000)
      return [
        ...(jobs.isRunning() ? [] : ['jobs: the runner waits for the database or stops']),
        ...(mayBeTakenForDead() ? [`heartbeat: the database took none for ${silentSeconds} s`] : []),
      ]
    },
  }
}
