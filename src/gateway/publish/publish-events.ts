// Accepts events. Promise: an id is given out after the commit of the event, its deliveries and their wake-ups. A call is taken
// whole or refused whole, with everything that is wrong with it. If it asks for that, it is taken without the events that are
// not valid. The same idempotency key never makes a second event.

import type { Context } from '../../context.ts'
import { bodyBytes, buildEnvelope, MAX_BODY_BYTES } from '../../domain/event/envelope.ts'
import {
  bodyTooLarge,
  type EventInput,
  eventFingerprint,
  type UncheckedEvent,
  validatePublished,
} from '../../domain/event/input.ts'
import type { NewEvent, StoreCall, StoredEvent, StoreResult } from '../../domain/event/new-event.ts'
import { MAX_LISTED_ISSUES } from '../../domain/event-types/catalogue.ts'
import { toPublicId } from '../../domain/values/id.ts'
import { type Issue, issuesWithin } from '../../domain/values/issue.ts'
import { ConflictError, ValidationError } from '../../errors.ts'
import type { PublishContext } from './publisher.ts'

const MAX_EVENTS_PER_CALL = 500
/** After this many issues a call that refuses looks at no further event, and a call that skips lists one issue of each. */
const ENOUGH_ISSUES = 1_000

type PublishCall = { readonly tenantId: string; readonly events: readonly UncheckedEvent[] }

/** An event that was not stored: its place in the call, and issues with paths from `input` on. */
export type SkippedEvent = { readonly index: number; readonly issues: readonly Issue[] }

/**
 * Stores 1 to 500 events for one tenant and queues their deliveries; results in the order of the input.
 * Throws ValidationError with paths from `input` on, ConflictError for a key that holds other content, and what
 * `isDatabaseAway` knows when the database is: then nothing was acknowledged.
 */
export async function publishEvents(ctx: PublishContext, call: PublishCall): Promise<readonly StoredEvent[]> {
  const { accepted, refused } = validateEvents(ctx, call, { looksAtAll: false })
  if (refused.length) throw new ValidationError(refused.flatMap(({ issues }) => issues))
  const stored = await store(ctx, { tenantId: call.tenantId, events: accepted.map(({ event }) => event) })
  if ('conflict' in stored) {
    const { index, key, eventId } = stored.conflict
    // Nothing of the call is stored, so the id of another event in it would lead nowhere.
    const twin = accepted.find(({ event }) => event.id === eventId)
    const used = twin
      ? `The idempotency key ${JSON.stringify(key)} is given to events.${twin.index} of this call too, with other content.`
      : describeConflict(key, eventId)
    throw new ConflictError(`${used} Nothing of this call was stored. ${CONFLICT_ADVICE}`, 'IDEMPOTENCY_CONFLICT', [
      'input',
      'events',
      String(index),
      'idempotencyKey',
    ])
  }
  return stored as readonly StoredEvent[]
}

/**
 * Stores those of 1 to 500 events that can be stored and queues their deliveries; both lists in the order of the input.
 * Throws ValidationError for a call of no or too many events, and what `isDatabaseAway` knows when the database is: then
 * nothing was acknowledged.
 */
export async function publishValidEvents(
  ctx: PublishContext,
  call: PublishCall,
): Promise<{
  readonly events: readonly (StoredEvent & { readonly index: number })[]
  readonly skipped: readonly SkippedEvent[]
}> {
  const { accepted, refused } = validateEvents(ctx, call, { looksAtAll: true })
  if (accepted.length === 0) return { events: [], skipped: refused }
  const stored = await store(ctx, {
    tenantId: call.tenantId,
    events: accepted.map(({ event }) => event),
    skipsConflicts: true,
  })
  if ('conflict' in stored) throw new Error('Expected a call that skips to be stored, got a conflict.')
  const events: (StoredEvent & { index: number })[] = []
  const skipped = [...refused]
  for (const [at, result] of stored.entries()) {
    const { index, event } = accepted[at]!
    if ('id' in result) events.push({ ...result, index })
    else
      skipped.push({
        index,
        issues: [
          {
            path: ['input', 'events', String(index), 'idempotencyKey'],
            message: `${describeConflict(event.key!, result.skippedFor)} ${CONFLICT_ADVICE}`,
          },
        ],
      })
  }
  return { events, skipped: skipped.sort((a, b) => a.index - b.index) }
}

/** Stores the call, within a span if this process traces; the span's place is stored with each event. */
async function store(ctx: PublishContext, call: StoreCall): Promise<StoreResult> {
  const { tracing, traceparent = null } = ctx
  if (!tracing) return ctx.publisher.store(call)
  const span = tracing.publish(traceparent, {
    'messaging.batch.message_count': call.events.length,
    'sivo.tenant.id': toPublicId('tenant', call.tenantId),
  })
  const events = call.events.map((event) => ({ ...event, traceContext: span.traceparent }))
  try {
    const stored = await ctx.publisher.store({ ...call, events })
    span.end({ error: 'conflict' in stored ? 'idempotency_conflict' : null })
    return stored
  } catch (error) {
    span.end({ error: 'not_stored' })
    throw error
  }
}

type Accepted = { readonly index: number; readonly event: NewEvent }

function validateEvents(
  ctx: Context,
  { tenantId, events }: PublishCall,
  { looksAtAll }: { looksAtAll: boolean },
): { accepted: Accepted[]; refused: SkippedEvent[] } {
  if (events.length < 1 || events.length > MAX_EVENTS_PER_CALL)
    throw new ValidationError([
      {
        path: ['input', 'events'],
        message: `expected 1 to ${MAX_EVENTS_PER_CALL} events, in a request of at most 4 MiB; got ${events.length}: ${events.length ? 'split them over several calls' : 'send at least one'}`,
      },
    ])
  const acceptedAt = ctx.clock.now()
  const publicTenantId = toPublicId('tenant', tenantId)
  const accepted: Accepted[] = []
  const refused: SkippedEvent[] = []
  let issueCount = 0
  for (const [index, input] of events.entries()) {
    if (issueCount > ENOUGH_ISSUES && !looksAtAll) break
    const issues = validatePublished(input, issueCount > ENOUGH_ISSUES ? 1 : MAX_LISTED_ISSUES)
    if (issues.length === 0) {
      const event = buildEvent(ctx, input as EventInput, publicTenantId, acceptedAt)
      if (event.bodyBytes <= MAX_BODY_BYTES) {
        accepted.push({ index, event })
        continue
      }
      issues.push(bodyTooLarge(event.bodyBytes))
    }
    refused.push({ index, issues: issuesWithin(['input', 'events', String(index)], issues) })
    issueCount += issues.length
  }
  return { accepted, refused }
}

const CONFLICT_ADVICE = 'Use a new key for a new event, or send the same content again.'

function describeConflict(key: string, eventId: string): string {
  return `The idempotency key ${JSON.stringify(key)} was used for another event, ${toPublicId('event', eventId)}, with other content.`
}

function buildEvent(ctx: Context, event: EventInput, tenantId: string, acceptedAt: Date): NewEvent {
  const id = ctx.newId()
  const ttlMs = event.ttlSeconds == null ? ctx.config.eventTtls.get(event.type) : event.ttlSeconds * 1000
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
    expiresAt: ttlMs === undefined ? null : new Date(acceptedAt.getTime() + ttlMs),
    body,
    bodyBytes: bodyBytes(body),
    data: event.data,
    key,
    fingerprint: key === null ? null : eventFingerprint(event).toString('hex'),
  }
}
