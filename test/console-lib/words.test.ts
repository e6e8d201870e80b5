import { expect, test } from 'vitest'
import { documentText } from '../../console/src/lib/document-text.ts'
import {
  describeAttempt,
  describeLatency,
  ERROR_CODES,
  explainFailure,
  whyFailed,
} from '../../console/src/lib/words.ts'

test.each([
  [{ statusCode: 200, errorCode: null, latencyMs: 84 }, 'Taken with HTTP 200 after 84 ms.'],
  [{ statusCode: 503, errorCode: 'http_status', latencyMs: 84 }, 'Refused with HTTP 503 after 84 ms.'],
  [
    { statusCode: 200, errorCode: 'record_failed', latencyMs: 10_000 },
    'HTTP 200 came after 10.0 s, but the attempt failed.',
  ],
  [{ statusCode: null, errorCode: 'timeout', errorMessage: 'It took 10 s.' }, 'No response: It took 10 s.'],
  [{ statusCode: null, errorCode: 'dns_failed', errorMessage: 'No such name.' }, 'No connection: No such name.'],
  [{ statusCode: null, errorCode: 'tls_failed', errorMessage: 'It expired.' }, 'No connection: It expired.'],
  [{ statusCode: null, errorCode: 'connect_failed', errorMessage: 'It is shut.' }, 'No connection: It is shut.'],
  [{ statusCode: null, errorCode: 'blocked_address', errorMessage: 'It is private.' }, 'Not sent: It is private.'],
])('an attempt with %j reads: %s', (attempt, words) => {
  expect(describeAttempt(attempt)).toBe(words)
})

test('an attempt whose address was refused took no time; others did', () => {
  expect(describeLatency('blocked_address', 0)).toBe('–')
  expect(describeLatency('connect_failed', 3)).toBe('3 ms')
})

test('an explanation stands beside code and status, and repeats no status', () => {
  for (const code of ERROR_CODES)
    for (const status of [301, 401, 404, 410, 413, 418, 429, 503])
      expect(explainFailure(code, status)).not.toContain(String(status))
  const errorMessage = 'The receiver answered 503, not 2xx.'
  expect(whyFailed({ errorCode: 'http_status', statusCode: 503, errorMessage })).toBe(
    'The receiver failed while handling the event. Its own log says why.',
  )
  expect(whyFailed({ errorCode: 'dns_failed', errorMessage: 'No such name.' })).toBe('No such name.')
})

test('a copied document has two spaces for each level, and an empty line between its parts', () => {
  const generated = `
    subscription Live($filter: DeliveryFilter) {
  deliveryUpdates(filter: $filter) {
    deliveries {
      ...Row
    }
  }
}
    fragment Row on Delivery {
  id
  event {
    type
  }
}`
  expect(documentText(generated)).toBe(`subscription Live($filter: DeliveryFilter) {
  deliveryUpdates(filter: $filter) {
    deliveries {
      ...Row
    }
  }
}

fragment Row on Delivery {
  id
  event {
    type
  }
}`)
})
