// Accepts events. Promise: an id is given out after the commit that holds the event, its deliveries and their wake-ups;
// a call is taken whole or refused whole, with everything that is wrong with it; the same idempotency key never makes a
// second event.

import type { Context } from '../../context.ts'
import { bodyBytes, buildEnvelope, MAX_BODY_BYTES } from '../../domain/envelope.ts'
import { bodyTooLarge, checkEvent, type EventInput, eventFingerprint } from '../../domain/event-input.ts'
import { toPublicId } from '../../domain/id.ts'
import { type Issue, issuesWithin } from '../../domain/issue.ts'
import type { NewEvent, StoredEvent } from '../../domain/new-event.ts'
import { ConflictError, ValidationError } from '../../errors.ts'

const MAX_EVENTS_PER_CALL = 500
/** With so many issues the events that follow are not looked at: a call full of faults costs no more than a good one. */
const ENOUGH_ISSUES = 1_000

/**
 * Stores 1 to 500 events for one tenant and queues their deliveries; results in the order of the input.
 * Throws ValidationError with paths from `input` on, ConflictError for a key that holds other content, and what
 * `isDatabaseAway` knows when the database is: then nothing was acknowledged.
 */
export async function publishEvents(
  ctx: Context,
  { tenantId, events }: { tenantId: string; events: readonly EventInput[] },
): Promise<readonly StoredEvent[]> {
  if (events.length < 1 || events.length > MAX_EVENTS_PER_CALL)
    throw new ValidationError([
      {
        path: ['input', 'events'],
        message: `expected 1 to ${MAX_EVENTS_PER_CALL} events, came ${events.length}: split them over several calls`,
      },
    ])
  const acceptedAt = ctx.clock.now()
  const publicTenantId = toPublicId('tenant', tenantId)
  const issues: Issue[] = []
  const accepted: NewEvent[] = []
  for (const [i, event] of events.entries()) {
    const found = checkEvent(event)
    if (found.length === 0) {
      const fresh = buildEvent(ctx, event, publicTenantId, acceptedAt)
      if (fresh.bodyBytes <= MAX_BODY_BYTES) accepted.push(fresh)
      else found.push(bodyTooLarge(fresh.bodyBytes))
    }
    if (found.length) issues.push(...issuesWithin(['input', 'events', String(i)], found))
    if (issues.length > ENOUGH_ISSUES) break
  }
  if (issues.length) throw new ValidationError(issues)

  const stored = await ctx.storeEvents({ tenantId, events: accepted })
  if ('conflict' in stored) {
    const { index, key, eventId } = stored.conflict
    throw new ConflictError(
      `The idempotency key ${JSON.stringify(key)} was used for another event, ${toPublicId('event', eventId)}, with other content. Nothing of this call was stored. Use a new key for a new event, or send the same content again.`,
      'IDEMPOTENCY_CONFLICT',
      ['input', 'events', String(index), 'idempotencyKey'],
    )
  }
  return stored
}

function buildEvent(ctx: Context, event: EventInput, tenantId: string, acceptedAt: Date): NewEvent {
  const id = ctx.newId()
  const occurredAt = event.occurredAt ?? acceptedAt
  const key = event.idempotencyKey ?? null
  const body = buildEnvelope({
    id: toPublicId('event', id),
    type: event.type,
    timestamp: occurredAt,
    tenantId,
    test: false,
    subject: event.subject,
    sequence: event.sequence,
    data: event.data,
  })
  return {
    id,
    type: event.type,
    subject: event.subject ?? null,
    sequence: event.sequence ?? null,
    occurredAt,
    body,
    bodyBytes: bodyBytes(body),
    key,
    fingerprint: key === null ? null : eventFingerprint(event).toString('hex'),
  }
}
