// Dead letters as JSON, in the shape of /dead-letters.json: a filter's by the gateway itself, a selection's put together
// here.

import type { DeliveryFilter } from '../gql/graphql.ts'
import { asAnswered } from '../lib/download.ts'
import { fetchQuery, graphql } from './client.ts'

const DEAD_LETTER = graphql(`
  query DeadLetterToSave($id: ID!) {
    delivery(id: $id) {
      id
      reason
      endpoint {
        id
        url
      }
      event {
        payload
        body
      }
      attempts {
        id
        number
        trigger
        startedAt
        latencyMs
        url
        statusCode
        errorCode
        errorMessage
        requestHeaders {
          name
        }
        responseHeaders {
          name
        }
        responseBody
        responseBodyTruncated
        timing {
          dnsMs
          connectMs
          tlsMs
          firstByteMs
          totalMs
        }
      }
    }
  }
`)

const AT_ONCE = 8

/** The address that downloads every dead letter of a filter. */
export function deadLettersUrl(filter: DeliveryFilter): string {
  const parameters = new URLSearchParams()
  for (const [name, value] of Object.entries(filter)) {
    if (value === null || value === undefined) continue
    for (const one of Array.isArray(value) ? value : [value]) parameters.append(name, String(one))
  }
  return `/dead-letters.json?${parameters}`
}

/** Some dead letters, in the order given; those that are gone are left out. Throws ApiError. */
export async function readDeadLetters(ids: readonly string[]): Promise<object[]> {
  const found: object[] = []
  for (let from = 0; from < ids.length; from += AT_ONCE) {
    const some = await Promise.all(ids.slice(from, from + AT_ONCE).map((id) => fetchQuery(DEAD_LETTER, { id })))
    for (const { delivery } of some) {
      if (!delivery) continue
      const { id, reason, endpoint, event, attempts } = delivery
      found.push({
        deliveryId: id,
        endpointId: endpoint.id,
        endpointUrl: endpoint.url,
        reason,
        event: event.payload,
        body: event.body,
        attempts: asAnswered(attempts).map((attempt) => ({
          ...attempt,
          requestHeaders: attempt.requestHeaders.map(({ name }) => name),
          responseHeaders: attempt.responseHeaders?.map(({ name }) => name) ?? null,
        })),
      })
    }
  }
  return found
}
