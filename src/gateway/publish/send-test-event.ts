// The built-in tester: one made-up event for one endpoint. It is sent at once and only once, whatever the filter and status of
// the endpoint. It goes the way of a real event, with the same envelope and signature, and `test: true`.

import type { Context } from '../../context.ts'
import type { Statement } from '../../database/pools.ts'
import { askForWakeUps, ringFor } from '../../database/queue.ts'
import { queueForSearch } from '../../database/search-index.ts'
import { bodyBytes, buildEnvelope, MAX_BODY_BYTES } from '../../domain/event/envelope.ts'
import { bodyTooLarge, validateEvent } from '../../domain/event/input.ts'
import { findEventType } from '../../domain/event-types/catalogue.ts'
import type { TestSignature } from '../../domain/signing/test-signature.ts'
import { toPublicId } from '../../domain/values/id.ts'
import { issuesWithin } from '../../domain/values/issue.ts'
import { ValidationError } from '../../errors.ts'

const STORE_TEST: Statement = {
  name: 'store-test-event',
  text: `
    with stored as (
      insert into event (id, tenant_id, type, subject, sequence, test, occurred_at, body)
      values ($1, $2, $4, $5, $6, true, $7, $8)
      on conflict (id) do nothing
      returning id, tenant_id, type, subject
    ), searchable as (
      ${queueForSearch('stored')}
    ), fanned as (
      insert into delivery (tenant_id, event_id, endpoint_id, event_type, subject, test, max_attempts, next_attempt_at)
      select tenant_id, id, $3, type, subject, true, 1, date_trunc('milliseconds', now()) from stored
      returning id
    ), signed as (
      insert into test_signature (delivery_id, kind) select id, $9::text from fanned where $9::text <> 'VALID'
    ), woken as (
      ${askForWakeUps('fanned', { endpointId: '$3::uuid', tenantId: '$2::uuid', test: 'true' })}
    ), rung as (
      ${ringFor('fanned')}
    )
    select fanned.id from fanned, woken, rung where woken.count + rung.count > 0`,
}

export type TestEvent = {
  readonly endpoint: { readonly id: string; readonly tenantId: string }
  readonly eventType: string
  readonly data: unknown
  readonly signature?: TestSignature
}

/**
 * Queues a test event for this endpoint and returns before the attempt is made. `data` null: the example of the catalogue.
 * Throws ValidationError with paths from `input` on.
 */
export async function sendTestEvent(
  ctx: Context,
  { endpoint, eventType, data, signature = 'VALID' }: TestEvent,
): Promise<{ deliveryId: string }> {
  const example = findEventType(eventType)?.example
  const event = {
    type: eventType,
    data: data ?? example?.data ?? {},
    subject: data ? null : (example?.subject ?? null),
    sequence: data ? null : (example?.sequence ?? null),
  }
  const issues = validateEvent(event).map((issue) =>
    issue.path[0] === 'type' ? { ...issue, path: ['eventType', ...issue.path.slice(1)] } : issue,
  )
  if (issues.length) throw new ValidationError(issuesWithin(['input'], issues))
  const id = ctx.newId()
  const occurredAt = ctx.clock.now()
  const body = buildEnvelope({
    ...event,
    id: toPublicId('event', id),
    timestamp: occurredAt,
    tenantId: toPublicId('tenant', endpoint.tenantId),
    test: true,
  })
  if (bodyBytes(body) > MAX_BODY_BYTES)
    throw new ValidationError(issuesWithin(['input'], [bodyTooLarge(bodyBytes(body))]))
  const [row] = await ctx.hot.query<{ id: string }>(STORE_TEST, [
    id,
    endpoint.tenantId,
    endpoint.id,
    event.type,
    event.subject,
    event.sequence,
    occurredAt,
    body,
    signature,
  ])
  return { deliveryId: row!.id }
}
