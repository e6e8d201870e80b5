// The headers and the URL of an attempt, from its row: a form with the values that differ, or the headers as they are where there
// is no form. A form that is gone leaves no headers: retention takes it later than its attempts.

import { type Headers, readFormed } from '../../domain/delivery/header-form.ts'
import { toPublicId } from '../../domain/values/id.ts'
import type { Attempt, Delivery, HeaderForm } from '../../generated/prisma/client.ts'

/** The columns that `sentHeaders` needs. */
export const WITH_REQUEST_HEADERS = {
  requestHeaders: true,
  requestFormId: true,
  requestForm: { select: { headers: true } },
  requestValues: true,
  deliveryId: true,
  delivery: { select: { eventId: true, eventType: true } },
  number: true,
  startedAt: true,
} as const

/** The columns that `receivedHeaders` needs. */
export const WITH_RESPONSE_HEADERS = {
  responseHeaders: true,
  responseFormId: true,
  responseForm: { select: { headers: true } },
  responseValues: true,
} as const

type StoredForm = Pick<HeaderForm, 'headers'> | null

type Sent = Pick<
  Attempt,
  'requestHeaders' | 'requestFormId' | 'requestValues' | 'deliveryId' | 'number' | 'startedAt'
> & { readonly requestForm: StoredForm; readonly delivery: Pick<Delivery, 'eventId' | 'eventType'> | null }

type Received = Pick<Attempt, 'responseHeaders' | 'responseFormId' | 'responseValues'> & {
  readonly responseForm: StoredForm
}

export function sentHeaders(attempt: Sent): Headers {
  if (attempt.requestFormId === null) return JSON.parse(attempt.requestHeaders) as Headers
  if (!attempt.requestForm || !attempt.delivery) return []
  return readFormed(attempt.requestForm.headers, Buffer.from(attempt.requestValues ?? []), {
    eventId: toPublicId('event', attempt.delivery.eventId),
    eventType: attempt.delivery.eventType,
    deliveryId: toPublicId('delivery', attempt.deliveryId),
    number: attempt.number,
    startedAt: attempt.startedAt,
  })
}

/** null: no reply came. */
export function receivedHeaders(attempt: Received): Headers | null {
  if (attempt.responseFormId === null)
    return attempt.responseHeaders === null ? null : (JSON.parse(attempt.responseHeaders) as Headers)
  if (!attempt.responseForm) return []
  return readFormed(attempt.responseForm.headers, Buffer.from(attempt.responseValues ?? []))
}

export function sentUrl({
  url,
  requestForm,
}: Pick<Attempt, 'url'> & { requestForm: Pick<HeaderForm, 'url'> | null }): string {
  return requestForm?.url ?? url
}
