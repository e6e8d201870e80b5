// Exports dead letters as JSON, in the format of /dead-letters.json. The gateway exports those of a filter; this file builds
// the export of a selection.

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
        responseBodyNote
        requestCount
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

/** The address that downloads every dead letter that matches a filter. */
export function deadLettersUrl(filter: DeliveryFilter): string {
  const parameters = new URLSearchParams()
  for (const [name, value] of Object.entries(filter)) {
    if (value === null || value === undefined) continue
    for (const one of Array.isArray(value) ? value : [value]) parameters.append(name, String(one))
  }
  return `/dead-letters.json?${parameters}`
}

/** The dead letters with these ids, in this order. Leaves out those that no longer exist. Throws ApiError. */
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
