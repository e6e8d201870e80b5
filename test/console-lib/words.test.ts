import { expect, test } from 'vitest'
import { documentText } from '../../console/src/lib/document-text.ts'
import { describeAttempt } from '../../console/src/lib/words.ts'

test.each([
  [{ statusCode: 200, errorCode: null, latencyMs: 84 }, 'Taken with HTTP 200 after 84 ms.'],
  [{ statusCode: 503, errorCode: 'http_status', latencyMs: 84 }, 'Refused with HTTP 503 after 84 ms.'],
  [
    { statusCode: 200, errorCode: 'record_failed', latencyMs: 10_000 },
    'HTTP 200 came after 10.0 s, but the attempt failed.',
  ],
  [{ statusCode: null, errorCode: 'timeout', errorMessage: 'It took 10 s.' }, 'No response: It took 10 s.'],
])('an attempt with %j reads: %s', (attempt, words) => {
  expect(describeAttempt(attempt)).toBe(words)
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
