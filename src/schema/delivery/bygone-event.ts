// An event that retention took while somebody read a delivery of it. The delivery still knows the type, the subject and
// whether it was a test, and the id of the event knows its time. So a list that selects the event stays whole.

import { timeOfId } from '../../domain/values/id.ts'
import type { Delivery, Event } from '../../generated/prisma/client.ts'

export type OfEvent = Pick<Delivery, 'tenantId' | 'eventId' | 'eventType' | 'subject' | 'test'>

/** The columns of a delivery that `bygoneEvent` needs. */
export const OF_EVENT = { tenantId: true, eventId: true, eventType: true, subject: true, test: true } as const

export function bygoneEvent({ tenantId, eventId, eventType, subject, test }: OfEvent): Event {
  const at = timeOfId(eventId)
  return {
    id: eventId,
    tenantId,
    type: eventType,
    subject,
    sequence: null,
    sequenceLong: null,
    test,
    occurredAt: at,
    createdAt: at,
    body: null,
    traceContext: null,
    bodyDeletedAt: null,
    expiresAt: null,
  }
}
