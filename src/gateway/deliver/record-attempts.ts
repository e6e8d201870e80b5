// Records the results of attempts. Promise: one statement writes the attempt, the new state of the delivery, its part in the
// statistics, the report of a dead letter and the wake-up for its retry. An endpoint that is gone is disabled in the same
// transaction. Only the holder of the lease's token can record a result. A result that is recorded twice counts once.

import { wakeLines } from '../../database/lines.ts'
import type { HotDatabase, Queryable } from '../../database/pools.ts'
import { askForWakeUps } from '../../database/queue.ts'
import { bool, bytea, int, real, recordset, smallint, text, timestamptz, uuid } from '../../database/recordset.ts'
import { areAttached, statementOn, type Tables, WHOLE_TABLES } from '../../database/this-week.ts'
import { latencyBucket } from '../../domain/delivery/latency-histogram.ts'
import { readReplyBody, storable } from '../../domain/delivery/reply-body.ts'
import type { Step } from '../../domain/delivery.ts'
import type { Outcome } from '../../domain/outcome.ts'
import { toPublicId } from '../../domain/values/id.ts'
import { changeEndpointStatus } from '../state/endpoint-status.ts'
import { reportDeadLetters } from '../state/reports.ts'
import { tallyResults } from '../statistics/tallies.ts'
import type { Attempt } from './attempt-delivery.ts'
import type { ClaimedDelivery } from './claimed-delivery.ts'
import { type HeaderColumns, headerColumnsOf } from './header-forms.ts'
import { DELIVERED, recordDelivered } from './record-delivered.ts'

/** `attempt` null: the delivery ends without another attempt. `nextAttemptAt` null: no attempt follows. */
export type Result = {
  readonly delivery: ClaimedDelivery
  readonly attempt: Attempt | null
  readonly outcome: Outcome | null
  readonly step: Step
  readonly nextAttemptAt: Date | null
  /** When to wake the endpoint for the retry; null: a wake-up for that second is stored already. */
  readonly wakeAt: Date | null
  /** Another delivery of its endpoint cannot go out before this is recorded. */
  readonly isAwaited?: boolean
}

/** False: the lease belonged to another process, so nothing was written. */
export type Recorded = boolean

const RESULTS = recordset('r', {
  id: uuid,
  token: uuid,
  status: text,
  reason: text,
  next_attempt_at: timestamptz,
  keeps_place: bool,
  wake_at: timestamptz,
  number: int,
  trigger: text,
  started_at: timestamptz,
  latency_ms: int,
  latency_bucket: smallint,
  url: text,
  status_code: int,
  error_code: text,
  error_message: text,
  request_headers: text,
  response_headers: text,
  request_form: int,
  response_form: int,
  request_values: bytea,
  response_values: bytea,
  response_body: text,
  truncated: bool,
  body_note: text,
  request_count: smallint,
  dns_ms: real,
  connect_ms: real,
  tls_ms: real,
  first_byte_ms: real,
  total_ms: real,
})

const HOLD_MS = `$${RESULTS.width + 1}`

// Deliveries are updated, and so locked, in the order of their ids, as in all statements, so that two of them never deadlock.
const recordOn = statementOn(
  'record-attempts',
  (tables) => `
    with settled as (
      update ${tables.delivery} d set
        status = case when d.status = 'PENDING' then r.status::delivery_status else d.status end,
        reason = case when d.status <> 'PENDING' or r.status = 'PENDING' and r.reason is null then d.reason else r.reason end,
        holds_line_until = case when d.line_position is not null and r.status = 'PENDING'
          then coalesce(d.holds_line_until, now() + ${HOLD_MS}::int * interval '1 ms') else d.holds_line_until end,
        next_attempt_at = case when d.status = 'PENDING' then r.next_attempt_at end,
        completed_at = case when d.status <> 'PENDING' then d.completed_at when r.status <> 'PENDING' then now() end,
        attempt_count = coalesce(r.number, d.attempt_count),
        cycle_start = d.cycle_start + coalesce(r.keeps_place, false)::int,
        max_attempts = d.max_attempts + coalesce(r.keeps_place, false)::int,
        last_status_code = case when r.number is null then d.last_status_code else r.status_code end,
        last_error_code = case when r.number is null then d.last_error_code else r.error_code end,
        last_latency_ms = coalesce(r.latency_ms, d.last_latency_ms),
        manual = false, resend = false, gated = false, suspect = false, sent_alone = false, crash_count = 0,
        lease_token = null, lease_until = null, lease_by = null,
        bulk_retry_id = case when r.status = 'PENDING' then d.bulk_retry_id end,
        changed_xid = pg_current_xact_id()
      from (select * from ${RESULTS.source} where ${areAttached(tables, ['delivery', 'attempt'])} order by id) r
      where d.id = r.id and d.lease_token = r.token
      returning d.id as delivery_id, d.event_id, d.event_type, d.attempt_count, d.last_status_code, d.last_error_code,
        d.reason as ended_reason, d.tenant_id, d.endpoint_id, d.test, d.cycle_start, old.status as was, d.status as state,
        d.next_attempt_at as due_at, d.completed_at as ended_at, d.subject, d.line_position, case when d.bulk_retry_id is null then old.bulk_retry_id end as ended_bulk_retry_id, r.*
    ), written as (
      insert into ${tables.attempt} (delivery_id, tenant_id, endpoint_id, number, trigger, started_at, latency_ms, url, status_code,
        error_code, error_message, request_headers, response_headers, request_form, response_form, request_values,
        response_values, response_body, response_body_truncated,
        response_body_note, request_count, dns_ms, connect_ms, tls_ms, first_byte_ms, total_ms)
      select delivery_id, tenant_id, endpoint_id, number, trigger::attempt_trigger, started_at, latency_ms, url, status_code,
        error_code, error_message, request_headers, response_headers, request_form, response_form, request_values,
        response_values, response_body, truncated,
        body_note, request_count, dns_ms, connect_ms, tls_ms, first_byte_ms, total_ms
      from settled where number is not null
    ), ${tallyResults('settled')}, reported as (
      ${reportDeadLetters('settled')}
    ), woken as (
      ${askForWakeUps(
        `(select distinct endpoint_id, tenant_id, wake_at from settled where state = 'PENDING' and wake_at is not null) w`,
        { at: 'wake_at' },
      )}
    ), lined as (
      ${wakeLines('settled', "state <> 'PENDING'")}
    )
    select s.delivery_id as id from settled s, woken where woken.count >= 0`,
)

/** How long a delivery that fails holds the line of its subject, unless the settings say otherwise. */
const DEFAULT_HOLD_MS = 600_000

/**
 * Records the results. Returns answers in the order of the results. A delivery that fails holds the line of its subject for
 * `holdMs` after its first failure.
 */
export async function recordAttempts(
  hot: HotDatabase,
  results: readonly Result[],
  holdMs = DEFAULT_HOLD_MS,
): Promise<Recorded[]> {
  const ids = results.map(({ delivery }) => delivery.id)
  const rows = await rowsOf(hot, results)
  return hot.thisWeek.write(ids, (tables) => {
    if (!results.some(({ step }) => step.disableEndpoint)) return record(hot, results, { rows, tables, holdMs })
    return hot.transaction(async (tx) => {
      const recorded = await record(tx, results, { rows, tables, holdMs })
      await disableGone(
        tx,
        results.filter((_, i) => recorded[i]),
      )
      return recorded
    })
  })
}

type Row = ReturnType<typeof asRow>

/** `rows` are those of the results. */
async function record(
  on: Queryable,
  results: readonly Result[],
  { rows, tables, holdMs }: { readonly rows: readonly Row[]; readonly tables: Tables; readonly holdMs: number },
): Promise<Recorded[]> {
  const written = results.every(isDelivered)
    ? await recordDelivered(on, DELIVERED.values(rows), {
        tables,
        inLine: results.some(({ delivery }) => delivery.inLine),
      })
    : new Set<string>()
  // What the partition of the week does not hold may lie in another: by itself that is no reason to say that the lease is lost.
  for (const each of new Set([tables, WHOLE_TABLES])) {
    const others = rows.filter(({ id }) => !written.has(id))
    if (others.length === 0) break
    const recorded = await on.query<{ id: string }>(recordOn(each), [...RESULTS.values(others), holdMs])
    for (const { id } of recorded) written.add(id)
  }
  return rows.map(({ id }) => written.has(id))
}

async function rowsOf(hot: HotDatabase, results: readonly Result[]): Promise<Row[]> {
  const attempted = results.flatMap(({ delivery, attempt }) => (attempt ? [{ delivery, attempt }] : []))
  const columns = attempted.length > 0 ? await headerColumnsOf(hot, attempted) : []
  const columnsOf = new Map(attempted.map(({ attempt }, i) => [attempt, columns[i]!]))
  return results.map((result) => asRow(result, result.attempt ? columnsOf.get(result.attempt)! : null))
}

/** Nothing follows from it but that the delivery has succeeded, and that the next one of its line may go. */
function isDelivered({ attempt, outcome, step, wakeAt }: Result): boolean {
  return (
    attempt !== null &&
    outcome?.errorCode === null &&
    outcome.errorMessage === null &&
    step.status === 'SUCCEEDED' &&
    step.reason === null &&
    !step.keepsPlace &&
    wakeAt === null
  )
}

/** Makes a connection know the statements that record results, and their plans. Records nothing. */
export async function prepareRecord(on: Queryable, tables: Tables): Promise<void> {
  await recordDelivered(on, DELIVERED.values([]), { tables, inLine: false })
  await on.query(recordOn(tables), [...RESULTS.values([]), DEFAULT_HOLD_MS])
}

/** Disables the endpoints whose receivers answered 410. */
async function disableGone(tx: Queryable, results: readonly Result[]): Promise<void> {
  const gone = results.filter(({ step }) => step.disableEndpoint)
  const first = new Map(gone.toReversed().map(({ delivery }) => [delivery.endpointId, delivery.id]))
  if (first.size === 0) return
  await changeEndpointStatus(tx, [...first.keys()], 'disabled', {
    by: 'gateway',
    disabledReason: 'gone',
    detailsOf: (endpointId) => ({ reason: 'gone', deliveryId: toPublicId('delivery', first.get(endpointId)!) }),
  })
}

/** The same result without the reply, for a result whose reply could not be stored. */
export function withoutReply(result: Result): Result {
  if (!result.attempt || !result.outcome) return result
  const { sent } = result.attempt
  return {
    ...result,
    attempt: { ...result.attempt, sent: { ...sent, reply: null } },
    outcome: {
      ...result.outcome,
      errorCode: result.outcome.kind === 'delivered' ? null : 'record_failed',
      errorMessage: result.outcome.kind === 'delivered' ? null : 'The reply could not be stored.',
    },
  }
}

function asRow({ delivery, attempt, outcome, step, nextAttemptAt, wakeAt }: Result, headers: HeaderColumns | null) {
  const settled = {
    id: delivery.id,
    token: delivery.leaseToken,
    status: step.status,
    reason: step.reason,
    next_attempt_at: nextAttemptAt,
    keeps_place: step.keepsPlace ?? false,
    wake_at: wakeAt,
  }
  if (!attempt || !outcome) return settled
  const { timing, latencyMs } = attempt.sent
  const body = readReplyBody(attempt.sent)
  return {
    ...settled,
    number: attempt.number,
    trigger: attempt.trigger,
    started_at: attempt.startedAt,
    latency_ms: latencyMs,
    status_code: outcome.statusCode,
    latency_bucket: latencyBucket(latencyMs),
    error_code: outcome.errorCode,
    error_message: outcome.errorMessage === null ? null : storable(outcome.errorMessage),
    ...headers,
    response_body: body?.text ?? null,
    truncated: body?.truncated ?? false,
    body_note: body?.note ?? null,
    request_count: attempt.sent.requestCount,
    dns_ms: timing.dnsMs,
    connect_ms: timing.connectMs,
    tls_ms: timing.tlsMs,
    first_byte_ms: timing.firstByteMs,
    total_ms: timing.totalMs,
  }
}
