// Erases the events of one subject, such as a call, for a person who asks to be forgotten: their payloads, the bodies of the
// replies to them, and the subject itself. What waits to be sent is cancelled. The rows stay without it, so that lists and
// statistics stay whole. The audit entry holds a digest of the subject, not the subject.

import { createHash } from 'node:crypto'
import type { Context, Viewer } from '../../context.ts'
import { idWindow } from '../../database/filters/id-window.ts'
import type { Queryable, Statement } from '../../database/pools.ts'
import { enqueueLater, ringFor } from '../../database/queue.ts'
import { timeOfId } from '../../domain/values/id.ts'
import { ValidationError } from '../../errors.ts'
import { takeOut } from '../search/write-segments.ts'
import { auditOnHot } from '../state/audit.ts'
import { cancelDeliveries } from '../state/delivery-changes.ts'
import { FORGET_REPLIES } from './forget-payloads.ts'

/** Bodies of so many events are in memory at once. */
const CHUNK = 200
/** An attempt in the air is recorded within this time. */
const RECORDED_WITHIN = '1 minute'

const FIND: Statement = {
  name: 'events-to-erase',
  text: `select id from event where tenant_id = $1 and subject = $2 order by id limit ${CHUNK} for update`,
}

const CANCEL: Statement = {
  name: 'cancel-erased-deliveries',
  text: `
    with waiting as (
      select id from delivery where event_id = any ($1::uuid[]) and id >= $2 and status = 'PENDING' order by id for update
    ), ${cancelDeliveries('waiting', 'event_erased')}, rung as (
      ${ringFor('cancelled')}
    )
    select (select count(*)::int from cancelled) as count from rung where rung.count >= 0`,
}

const ERASE_DELIVERIES: Statement = {
  name: 'erase-subject-of-deliveries',
  text: `
    update delivery set subject = null, changed_xid = pg_current_xact_id()
    where event_id = any ($1::uuid[]) and id >= $2 and subject is not null`,
}

// A publish stores deliveries and wake-ups at once: where none waits, none of the wake-ups is needed.
const ERASE_WAKE_UPS: Statement = {
  name: 'erase-subject-of-wake-ups',
  text: `
    delete from subject_wake_up w
    where w.endpoint_id in (select id from endpoint where tenant_id = $1) and w.subject = $2
      and not exists (select 1 from delivery d
        where d.endpoint_id = w.endpoint_id and d.subject = w.subject and d.reason = 'waits_for_subject')`,
}

const ERASE_EVENTS: Statement = {
  name: 'erase-events',
  text: `
    update event set body = null, subject = null, sequence = null, sequence_long = null,
      body_deleted_at = coalesce(body_deleted_at, now()), changed_xid = pg_current_xact_id()
    where id = any ($1::uuid[])`,
}

// One that is under way finds nothing under the empty subject, which no event has, as it would under the erased one.
const ERASE_FILTERS: Statement = {
  name: 'erase-subject-of-bulk-retries',
  text: `update bulk_retry set filter = filter || '{"subject": ""}' where tenant_id = $1 and filter ->> 'subject' = $2`,
}

export type Erasure = { readonly eventCount: number; readonly cancelledCount: number }

/**
 * Erases all events of a tenant that have this subject. The viewer's right was checked. A second call finds nothing, which is
 * success too. Throws ValidationError for an empty subject.
 */
export async function eraseEvents(
  { hot, log }: Pick<Context, 'hot' | 'log'>,
  viewer: Viewer,
  { tenantId, subject }: { readonly tenantId: string; readonly subject: string },
): Promise<Erasure> {
  if (subject === '' || subject.includes('\0'))
    throw new ValidationError([
      {
        path: ['input', 'subject'],
        message: `expected the exact subject of the events, got ${JSON.stringify(subject)}; take it from the events`,
      },
    ])
  const digest = createHash('sha256').update(subject).digest('hex')
  let eventCount = 0
  let cancelledCount = 0
  for (let found = CHUNK; found === CHUNK; eventCount += found)
    found = await hot.transaction(async (tx) => {
      const ids = (await tx.query<{ id: string }>(FIND, [tenantId, subject])).map(({ id }) => id)
      const cancelled = ids.length > 0 ? await eraseChunk(tx, ids, { tenantId, subject }) : 0
      cancelledCount += cancelled
      if (ids.length > 0 || eventCount === 0)
        await auditOnHot(tx, viewer, {
          tenantId,
          action: 'events.erased',
          target: null,
          details: { subjectSha256: digest, events: ids.length, cancelled },
        })
      if (ids.length < CHUNK) await tx.query(ERASE_FILTERS, [tenantId, subject])
      return ids.length
    })
  log.info({ tenantId, events: eventCount, cancelled: cancelledCount }, 'retention.events_erased')
  return { eventCount, cancelledCount }
}

/** Returns the number of deliveries that it cancelled. The events are locked. */
async function eraseChunk(
  tx: Queryable,
  ids: readonly string[],
  { tenantId, subject }: { readonly tenantId: string; readonly subject: string },
): Promise<number> {
  const from = idWindow(timeOfId(ids[0]!), null).gte
  const [cancelled] = await tx.query<{ count: number }>(CANCEL, [ids, from])
  await tx.query(ERASE_DELIVERIES, [ids, from])
  await tx.query(ERASE_WAKE_UPS, [tenantId, subject])
  await tx.query(FORGET_REPLIES, [ids, from])
  await tx.query(ERASE_EVENTS, [ids])
  await takeOut(tx, ids)
  await enqueueLater(tx, 'erase-late-replies', { eventIds: [...ids] }, RECORDED_WITHIN)
  return cancelled!.count
}

/** Erases the replies to attempts that were in the air when their events were erased. */
export async function eraseLateReplies({ hot }: Pick<Context, 'hot'>, eventIds: readonly string[]): Promise<void> {
  const sorted = eventIds.toSorted()
  if (sorted.length === 0) return
  await hot.query(FORGET_REPLIES, [sorted, idWindow(timeOfId(sorted[0]!), null).gte])
}
