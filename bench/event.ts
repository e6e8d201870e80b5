// The event that is published, and the body that a receiver gets of it: the baseline posts the same one.

import { buildEnvelope } from '../src/domain/envelope.ts'
import { findEventType } from '../src/domain/event-type.ts'

export const EVENT_TYPE = 'call.created'
/** The member of `data` that carries when it was published, where that is measured. */
export const STAMP = '"bench_sent_ms":'

const EXAMPLE = findEventType(EVENT_TYPE)!.example.data as object

/** `data` whose envelope measures `bytes`, or as little as the example allows. */
export function eventData(bytes: number): object {
  const missing = bytes - Buffer.byteLength(envelopeOf({ ...EXAMPLE, padding: '' }))
  return { ...EXAMPLE, padding: 'x'.repeat(Math.max(0, missing)) }
}

/** The body that a receiver gets of such an event. */
export function envelopeOf(data: object): string {
  return buildEnvelope({
    id: `evt_${'0'.repeat(26)}`,
    type: EVENT_TYPE,
    timestamp: new Date(0),
    tenantId: `ten_${'0'.repeat(26)}`,
    test: false,
    data,
  })
}
