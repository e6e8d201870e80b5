// The body a receiver gets. It is built once, as text, when the event is accepted; what is stored, signed, sent and
// shown is this text and no other. Its members stand in a fixed order, and `data` is the publisher's JSON value.
import { API_VERSION } from './event-type.ts'

/** The most a body may measure, in bytes of UTF-8. */
export const MAX_BODY_BYTES = 262_144

export type EnvelopeParts = {
  id: string
  type: string
  /** The time of the fact: what the publisher said, else when it was accepted. Years 0 to 9999. */
  timestamp: Date
  tenantId: string
  test: boolean
  subject?: string | null
  sequence?: number | null
  /** As it came out of JSON; nested no deeper than `MAX_DATA_DEPTH`. */
  data: unknown
}

/** The exact text of the body. Costs one JSON.stringify of `data`. */
export function buildEnvelope({ id, type, timestamp, tenantId, test, subject, sequence, data }: EnvelopeParts): string {
  return (
    `{"id":${JSON.stringify(id)},"type":${JSON.stringify(type)},"api_version":"${API_VERSION}"` +
    `,"timestamp":"${timestamp.toISOString()}","tenant_id":${JSON.stringify(tenantId)},"test":${test}` +
    `,"subject":${JSON.stringify(subject ?? null)},"sequence":${sequence ?? null},"data":${JSON.stringify(data)}}`
  )
}

/** What the body measures as sent. */
export function bodyBytes(body: string): number {
  return Buffer.byteLength(body, 'utf8')
}
