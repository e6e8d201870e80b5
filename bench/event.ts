// The event that is published, and the body that the receiver gets. The baseline posts the same body.

import { buildEnvelope } from '../src/domain/event/envelope.ts'
import { findEventType } from '../src/domain/event-types/catalogue.ts'

export const EVENT_TYPE = 'call.created'
/** The member of `data` with the time of the publish, for measurements that need it. */
export const STAMP = '"bench_sent_ms":'

const EXAMPLE = findEventType(EVENT_TYPE)!.example.data as object

/** Makes `data` whose envelope has `bytes` bytes, or as few as the example allows. */
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

/** A short event of the call with this number: what a telephone system must say of it, and nothing more. */
export function callEvent(call: number): { type: string; subject: string; data: object } {
  const id = call.toString(36).padStart(26, '0')
  return {
    type: EVENT_TYPE,
    subject: `call_${id}`,
    data: {
      call_id: `call_${id}`,
      leg_id: `leg_${id}`,
      direction: 'inbound',
      state: 'ringing',
      from: { type: 'external', number: '+14155550132' },
      to: { type: 'phone_number', number: '+442079460958' },
      created_at: '2026-11-18T14:02:11.482Z',
    },
  }
}
