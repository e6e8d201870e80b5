// Works on bulk retries (bulk-retry.ts). Promise: deliveries are put back in the order of their ids, and never faster than
// the limit. A chunk and the place where it ends are one transaction that locks the row of the bulk retry. So any number of
// processes may work on it, and a process that is killed leaves nothing of an unfinished chunk.

import type { Context } from '../../context.ts'
import { isHeld } from '../../database/leases.ts'
import type { HotDatabase, Queryable, Statement } from '../../database/pools.ts'
import { isForeignStamp } from '../../database/stamps.ts'
import type { DeliveryFilter } from '../../domain/delivery/filter.ts'
import type { ReplayScope } from '../../domain/delivery/replay.ts'
import { decideRetry, type RetryState } from '../../domain/delivery.ts'
import type { EventListFilter } from '../../domain/event/list-filter.ts'
import type { EndpointStatus } from '../../generated/prisma/enums.ts'
import { putBack } from '../state/delivery-changes.ts'
import { holdPayloads } from '../state/hold-payloads.ts'
import { retriedInBulk } from './bulk-retry-kind.ts'
import { countStep, replayNext } from './replay.ts'

const CHUNK = 200
/** After a pause, the speed limit lets as many through at once as in this time. */
const CATCH_UP = `interval '100 ms'`

type Turn = {
  readonly filter: Record<string, unknown>
  readonly replay: ReplayScope | null
  readonly asOf: string
  readonly walkedTo: string
  /** The number that the speed limit lets through now. */
  readonly room: number
  readonly waitMs: number
}

const TAKE_TURN: Statement = {
  name: 'bulk-retry-turn',
  text: `
    select filter, replay, as_of::text as "asOf", walked_to as "walkedTo",
      case when max_per_second is null then ${CHUNK} else least(${CHUNK},
        1 + floor(max_per_second * extract(epoch from clock_timestamp() - greatest(paced_until, clock_timestamp() - ${CATCH_UP})))
      ) end::int as room,
      greatest(0, extract(epoch from paced_until - clock_timestamp()) * 1000)::float8 as "waitMs"
    from bulk_retry where id = $1 and status = 'RUNNING' and not walked
    for no key update skip locked`,
}

const ADVANCE: Statement = {
  name: 'bulk-retry-advance',
  text: `
    update bulk_retry set retried = retried + $2::int, walked_to = coalesce($3::uuid, walked_to), walked = $4::bool,
      paced_until = greatest(paced_until, clock_timestamp() - ${CATCH_UP})
        + coalesce($2::int * interval '1 s' / max_per_second, interval '0')
    where id = $1`,
}

/** `nextMs`: the time until the next turn can put something back; null: nothing is left. */
export type TurnResult = { readonly retried: number; readonly nextMs: number | null }

/** Puts the next chunk back, as far as the speed limit allows. Does nothing while another process has its turn. */
export async function retryChunk(
  { hot, config }: Pick<Context, 'hot' | 'config'>,
  bulkRetryId: string,
): Promise<TurnResult> {
  return hot.transaction(async (tx) => {
    const [turn] = await tx.query<Turn>(TAKE_TURN, [bulkRetryId])
    if (!turn) return { retried: 0, nextMs: null }
    if (turn.waitMs > 0) return { retried: 0, nextMs: turn.waitMs }
    if (turn.replay)
      return replayChunk(tx, { ...turn, replay: turn.replay }, { bulkRetryId, schedule: config.retrySchedule })
    const found = await takeDeliveries(tx, turn)
    const payloads = await holdPayloads(
      tx,
      found.map(({ eventId }) => eventId),
    )
    const changes = found.flatMap(({ id, eventId, endpointStatus, deletedAt, ...delivery }) => {
      const change = decideRetry(
        { ...delivery, hasPayload: payloads.has(eventId) },
        { status: endpointStatus, deletedAt },
        { resend: false, schedule: config.retrySchedule },
      )
      if (!('kind' in change) || (change.kind !== 'new-cycle' && change.kind !== 'attempt-now')) return []
      return { id, ...change }
    })
    if (changes.length) await putBack(tx, changes, { bulkRetryId })
    const walked = found.length < turn.room
    await tx.query(ADVANCE, [bulkRetryId, changes.length, found.at(-1)?.id ?? null, walked])
    return { retried: changes.length, nextMs: walked ? null : 0 }
  })
}

async function replayChunk(
  tx: Queryable,
  turn: Turn & { readonly replay: ReplayScope },
  { bulkRetryId, schedule }: { readonly bulkRetryId: string; readonly schedule: readonly number[] },
): Promise<TurnResult> {
  const { replayed, walkedTo, walked } = await replayNext(tx, {
    ...turn,
    filter: storedEventFilter(turn.filter),
    scope: turn.replay,
    after: turn.walkedTo,
    bulkRetryId,
    schedule,
  })
  await tx.query(ADVANCE, [bulkRetryId, replayed, walkedTo, walked])
  return { retried: replayed, nextMs: walked ? null : 0 }
}

type Found = RetryState & {
  id: string
  eventId: string
  reason: string | null
  inTheAir: boolean
  expiredAt: Date | null
  endpointStatus: EndpointStatus
  deletedAt: Date | null
}

/** Locks the next deliveries, by id, that the filter matches and that have not changed since the start. */
async function takeDeliveries(tx: Queryable, { filter, asOf, walkedTo, room }: Turn): Promise<Found[]> {
  const { text, values } = retriedInBulk(storedFilter(filter))
  const $ = (place: number) => `$${values.length + place}`
  return tx.query<Found>(
    named(
      'bulk-retry-take',
      `select d.id, d.event_id as "eventId", d.status, d.test, d.resend, d.reason, d.attempt_count as "attemptCount",
         d.cycle_start as "cycleStart", d.max_attempts as "maxAttempts", p.status as "endpointStatus",
         p.deleted_at as "deletedAt", coalesce(${isHeld('d')}, false) as "inTheAir",
         case when d.expires_at <= now() then d.expires_at end as "expiredAt"
       from delivery d join endpoint p on p.id = d.endpoint_id
       where ${text} and p.deleted_at is null and d.id > ${$(1)}::uuid
         and (pg_visible_in_snapshot(d.changed_xid, ${$(2)}::pg_snapshot) or ${isForeignStamp('d')})
       order by d.id limit ${$(3)}::int
       for update of d`,
    ),
    [...values, walkedTo, asOf, room],
  )
}

// Filters of the same shape have the same text, so there is one prepared statement for each shape in use.
const statements = new Map<string, Statement>()

function named(name: string, text: string): Statement {
  const known = statements.get(text)
  if (known) return known
  const statement = { name: `${name}-${statements.size}`, text }
  statements.set(text, statement)
  return statement
}

/** The filter from its stored JSON, which has no dates. One that an earlier release stored lacks the newest fields. */
function storedFilter(filter: Record<string, unknown>): DeliveryFilter {
  return {
    ...(filter as unknown as DeliveryFilter),
    retried: (filter['retried'] as boolean | undefined) ?? null,
    ...storedTimes(filter),
  }
}

function storedEventFilter(filter: Record<string, unknown>): EventListFilter {
  return { ...(filter as unknown as EventListFilter), ...storedTimes(filter) }
}

function storedTimes({ from, to }: Record<string, unknown>): { from: Date | null; to: Date | null } {
  const date = (value: unknown) => (typeof value === 'string' ? new Date(value) : null)
  return { from: date(from), to: date(to) }
}

const UNCOUNTED: Statement = {
  name: 'replay-uncounted',
  text: `
    select filter, replay as scope, as_of::text as "asOf", counted_to as after from bulk_retry
    where id = $1 and replay is not null and status = 'RUNNING' and not walked and counted_to is not null`,
}
// Of two processes that counted the same step, one notes it.
const COUNTED: Statement = {
  name: 'replay-counted',
  text: `
    update bulk_retry set total = total + $3::int, counted_to = $4::uuid where id = $1 and counted_to = $2::uuid`,
}

/** Counts on what a replay sends. Its work goes through fewer events in a turn, so the count stays ahead. */
async function countReplay({ db, hot }: Pick<Context, 'db' | 'hot'>, bulkRetryId: string): Promise<void> {
  type Row = { filter: Record<string, unknown>; scope: ReplayScope; asOf: string; after: string }
  const [row] = await hot.query<Row>(UNCOUNTED, [bulkRetryId])
  if (!row) return
  const { found, end } = await countStep({ db }, { ...row, filter: storedEventFilter(row.filter) })
  await hot.query(COUNTED, [bulkRetryId, row.after, found, end])
}

const FOLD: Statement = {
  name: 'bulk-retry-fold',
  text: `
    with moved as (
      delete from bulk_retry_tally where bulk_retry_id = $1 returning succeeded, dead_lettered, ended
    ), summed as (
      select coalesce(sum(succeeded), 0)::int as succeeded, coalesce(sum(dead_lettered), 0)::int as dead_lettered,
        coalesce(sum(ended), 0)::int as ended
      from moved
    )
    update bulk_retry b set succeeded = b.succeeded + s.succeeded, dead_lettered = b.dead_lettered + s.dead_lettered,
      ended = b.ended + s.ended,
      status = case when b.status = 'RUNNING' and b.walked and b.ended + s.ended >= b.retried then 'COMPLETED' else b.status end,
      completed_at = case when b.status = 'RUNNING' and b.walked and b.ended + s.ended >= b.retried then now() else b.completed_at end
    from summed s
    where b.id = $1 and (s.ended > 0 or b.status = 'RUNNING' and b.walked and b.ended >= b.retried)`,
}

/** Adds up how its deliveries ended, and completes it when all of them have ended. */
async function foldBulkRetry(hot: HotDatabase, bulkRetryId: string): Promise<void> {
  await hot.query(FOLD, [bulkRetryId])
}

const UNDER_WAY: Statement = {
  name: 'bulk-retries-under-way',
  text: `
    select id, not walked and paced_until <= clock_timestamp() as due, not walked as walking,
      not walked and counted_to is not null as counting,
      greatest(0, extract(epoch from paced_until - clock_timestamp()) * 1000)::float8 as "waitMs"
    from bulk_retry where status = 'RUNNING' order by id`,
}

type UnderWay = { id: string; due: boolean; walking: boolean; counting: boolean; waitMs: number }

const MOST_IDLE_MS = 1_000
const SETTLING_MS = 200
const LEAST_WAIT_MS = 20

export type BulkRetries = {
  /** Looks for work now. */
  wake(): void
  /** Resolves after the chunk that is being put back. */
  close(): Promise<void>
}

/** Works on all RUNNING bulk retries, one chunk of each in turn, until it is closed. */
export function workOnBulkRetries(ctx: Pick<Context, 'db' | 'hot' | 'config' | 'log'>): BulkRetries {
  let closed = false
  let woken = false
  let timer: NodeJS.Timeout | null = null
  let working: Promise<void> | null = null

  /** Resolves with the time until the next round, ms. */
  async function round(): Promise<number> {
    const underWay = await ctx.hot.query<UnderWay>(UNDER_WAY, [])
    let idleMs = underWay.length ? SETTLING_MS : MOST_IDLE_MS
    for (const { id, due, walking, counting, waitMs } of underWay) {
      if (closed) return 0
      const nextMs = due ? (await retryChunk(ctx, id)).nextMs : walking ? waitMs : null
      if (nextMs !== null) idleMs = Math.min(idleMs, nextMs === 0 ? 0 : Math.max(LEAST_WAIT_MS, nextMs))
      if (counting) idleMs = Math.min(idleMs, LEAST_WAIT_MS)
      await foldBulkRetry(ctx.hot, id)
      if (counting) await countReplay(ctx, id)
    }
    return idleMs
  }

  async function work(): Promise<void> {
    woken = false
    let idleMs = MOST_IDLE_MS
    try {
      idleMs = await round()
    } catch (error) {
      // What was not committed is done in a later round.
      ctx.log.warn({ err: error }, 'bulk_retry.failed')
    }
    working = null
    if (closed) return
    timer = setTimeout(start, woken ? 0 : idleMs)
  }

  function start(): void {
    if (timer) clearTimeout(timer)
    timer = null
    working = work()
  }

  start()
  return {
    wake() {
      woken = true
      if (!closed && !working) start()
    },
    async close() {
      closed = true
      if (timer) clearTimeout(timer)
      await working
    },
  }
}
