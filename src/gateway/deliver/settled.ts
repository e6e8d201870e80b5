// What an attempt that was recorded leaves behind: metrics, and a line in the log.

import type { Logger } from 'pino'
import { reasonForLog } from '../../domain/outcome.ts'
import { traceIdOf } from '../../domain/trace.ts'
import { toPublicId } from '../../domain/values/id.ts'
import type { Metrics } from '../../metrics.ts'
import type { Recorded, Result } from './record-attempts.ts'

export type SettledOptions = {
  readonly metrics: Metrics
  readonly log: Logger
  /** Log attempts that went well too. */
  readonly narrate: boolean
}

/** Counts and logs the result of an attempt. `recorded` false: another process had the lease, so nothing was written. */
export function reportSettled({ metrics, log, narrate }: SettledOptions): (result: Result, recorded: Recorded) => void {
  return (result, recorded) => {
    if (!recorded) {
      metrics.stale.inc()
      log.warn(idsOf(result), 'delivery.result_stale')
      return
    }
    count(metrics, result)
    const wentWell = result.outcome?.errorCode === null
    if (!wentWell || narrate || log.isLevelEnabled('debug')) tell(log, result, narrate)
  }
}

function count(metrics: Metrics, { delivery, attempt, outcome, step }: Result): void {
  if (attempt && outcome) {
    metrics.attempts.inc({ error_code: outcome.errorCode ?? 'none' })
    metrics.attemptSeconds.observe(attempt.sent.latencyMs / 1000)
    metrics.dueSeconds.observe(Math.max(0, attempt.startedAt.getTime() - delivery.dueAt.getTime()) / 1000)
  }
  if (step.status !== 'PENDING') metrics.settled.inc({ status: step.status })
}

/** One line for the attempt, one for a dead letter, and one for an endpoint that is gone. */
function tell(log: Logger, result: Result, narrate: boolean): void {
  const { delivery, attempt, outcome, step, nextAttemptAt } = result
  const ids = idsOf(result)
  if (attempt && outcome) {
    const line = {
      ...ids,
      eventType: delivery.eventType,
      attempt: attempt.number,
      statusCode: outcome.statusCode,
      errorCode: outcome.errorCode,
      latencyMs: attempt.sent.latencyMs,
      nextAttemptAt,
      ...(delivery.traceContext && { traceId: traceIdOf(delivery.traceContext) }),
    }
    if (outcome.errorCode) log.info({ ...line, reason: reasonForLog(outcome) }, 'delivery.attempt_refused')
    else log[narrate ? 'info' : 'debug'](line, 'delivery.succeeded')
  }
  if (step.status === 'DEAD_LETTERED') log.warn({ ...ids, reason: step.reason }, 'delivery.dead_lettered')
  if (step.disableEndpoint) log.warn({ ...ids, reason: step.disableEndpoint }, 'endpoint.disabled')
}

function idsOf({ delivery }: Result) {
  return {
    deliveryId: toPublicId('delivery', delivery.id),
    eventId: toPublicId('event', delivery.eventId),
    endpointId: toPublicId('endpoint', delivery.endpointId),
    tenantId: toPublicId('tenant', delivery.tenantId),
  }
}
