// The body that a receiver gets. The gateway builds it once, as text, when it accepts the event; it stores, signs, sends
// and shows exactly this text. The members have a fixed order, and `data` is the publisher's JSON value.
import { API_VERSION } from '../event-types/catalogue.ts'

/** The largest allowed body, in bytes of UTF-8. */
export const MAX_BODY_BYTES = 262_144

export type EnvelopeParts = {
  id: string
  type: string
  /** When the event happened, as the publisher stated, or when it was accepted. Years 0 to 9999. */
  timestamp: Date
  tenantId: string
  test: boolean
  subject?: string | null
  sequence?: number | null
  /** A parsed JSON value, nested no deeper than `MAX_DATA_DEPTH`. */
  data: unknown
}

/** The exact text of the body. Calls JSON.stringify once, on `data`. */
export function buildEnvelope({ id, type, timestamp, tenantId, test, subject, sequence, data }: EnvelopeParts): string {
  return (
    `{"id":${JSON.stringify(id)},"type":${JSON.stringify(type)},"api_version":"${API_VERSION}"` +
    `,"timestamp":"${timestamp.toISOString()}","tenant_id":${JSON.stringify(tenantId)},"test":${test}` +
    `,"subject":${JSON.stringify(subject ?? null)},"sequence":${sequence ?? null},"data":${JSON.stringify(data)}}`
  )
}

/** The size of the body as it is sent, in bytes. */
export function bodyBytes(body: string): number {
  return Buffer.byteLength(body, 'utf8')
}
