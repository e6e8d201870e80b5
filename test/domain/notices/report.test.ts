import { expect, test } from 'vitest'
import { OPERATIONAL_EVENT_TYPES, validateEventData } from '../../../src/domain/event-types/catalogue.ts'
import { type EventReport, operationalData } from '../../../src/domain/notices/report.ts'

const OF = { tenantId: '01a224e2-bda9-7947-bd08-521dffe28400', endpointId: '01a224e2-bda9-7947-bd08-521dffe28401' }
const ENDPOINT = {
  id: OF.endpointId,
  name: 'CRM',
  url: 'https://crm.example.com:8443/hooks/a-secret-token?key=another',
  errorCode: 'http_status',
  statusCode: 503,
}
const AT = new Date('2026-11-23T12:00:00.000Z')
const TIME = '2026-11-18T14:02:07.118Z'

const REPORTS: EventReport[] = [
  {
    ...OF,
    kind: 'endpoint.warning',
    details: {
      failingSince: TIME,
      lastSuccessAt: null,
      consecutiveFailures: 7,
      failedDeliveries: 2,
      disablesAt: TIME,
      again: false,
    },
  },
  { ...OF, kind: 'endpoint.disabled', details: { reason: 'gone' } },
  { ...OF, kind: 'endpoint.disabled', details: { reason: 'failing', failingSince: TIME, failedDeliveries: 100 } },
  { ...OF, kind: 'endpoint.recovered', details: { failedSince: TIME, recoveredAt: TIME } },
  {
    ...OF,
    kind: 'delivery.dead_lettered',
    details: {
      deliveryId: OF.endpointId,
      eventId: OF.endpointId,
      eventType: 'call.ended',
      reason: 'retries_exhausted',
      attemptCount: 7,
      statusCode: null,
      errorCode: 'timeout',
    },
  },
  { ...OF, kind: 'backlog.growing', details: { oldestDueAt: TIME, waitingCount: 10_000 } },
  { ...OF, kind: 'signing_secret.rotation_due', details: { secretCreatedAt: TIME, ageDays: 365 } },
]

test('there is a report for every operational event type', () => {
  expect([...new Set(REPORTS.map(({ kind }) => kind))].sort()).toEqual(
    OPERATIONAL_EVENT_TYPES.map(({ name }) => name).sort(),
  )
})

test.each(REPORTS)(
  'the data that tells of $kind is what the catalogue says, and holds no path of the URL',
  (report) => {
    const data = operationalData(report, ENDPOINT, AT)
    expect(validateEventData(report.kind, data)).toEqual([])
    expect(data['endpoint']).toMatchObject({ name: 'CRM', host: 'crm.example.com:8443' })
    expect(JSON.stringify(data)).not.toMatch(/secret-token|another/)
  },
)
