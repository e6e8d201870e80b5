import type { SendTestMutation, SendTestMutationVariables, TestSignature } from '../gql/graphql.ts'
import { asCurl } from '../lib/curl.ts'
import { graphql, mutate } from './client.ts'
import { API_HEADERS } from './graphql-request.ts'

export const SEND_TEST = graphql(`
  mutation SendTest($input: SendTestEventInput!) {
    sendTestEvent(input: $input) {
      ... on SendTestEventSuccess {
        delivery {
          id
          event {
            id
            type
          }
          endpoint {
            id
            tenantId
          }
        }
        warnings {
          path
          message
        }
      }
      ...Refusal
    }
  }
`)

/** A test that was sent, with the data to watch it. */
export type SentTest = {
  readonly deliveryId: string
  readonly eventId: string
  readonly eventType: string
  readonly tenantId: string
  readonly signature: TestSignature
  /** What is odd in the event, and harmless. */
  readonly warnings: readonly string[]
  /** Unix milliseconds, by the clock of this browser. */
  readonly sentAt: number
}

type Answer = SendTestMutation['sendTestEvent']

export function asSentTest(
  { delivery, warnings }: Extract<Answer, { delivery: unknown }>,
  signature: TestSignature = 'VALID',
): SentTest {
  return {
    signature,
    deliveryId: delivery.id,
    eventId: delivery.event.id,
    eventType: delivery.event.type,
    tenantId: delivery.endpoint.tenantId,
    // Paths begin with `input` and `data`.
    warnings: warnings.map(({ path, message }) => `${path.slice(2).join('.')}: ${message}`),
    sentAt: Date.now(),
  }
}

/** Sends a test. Returns a sentence if it was refused. Throws ApiError. */
export async function sendTest(input: SendTestMutationVariables['input']): Promise<SentTest | string> {
  const { sendTestEvent: answer } = await mutate(SEND_TEST, { input })
  return 'delivery' in answer ? asSentTest(answer) : answer.message
}

const COMMAND = `mutation($input: SendTestEventInput!) {
  sendTestEvent(input: $input) {
    ... on SendTestEventSuccess { delivery { id status } }
    ... on Error { message }
  }
}`

/** The same test as a command for a script. */
export function asCommand(input: SendTestMutationVariables['input']): string {
  const body = JSON.stringify({ query: COMMAND.replaceAll(/\s+/g, ' '), variables: { input } })
  return asCurl(`${location.origin}/graphql`, body, API_HEADERS)
}
