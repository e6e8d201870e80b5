// Acknowledging a group of dead letters, and the number of those that still call for attention.

import type { DeadLetterGroupRowFragment } from '../gql/graphql.ts'
import { toast } from '../ui/toast.tsx'
import { fetchQuery, graphql, mutate } from './client.ts'
import { asFault } from './faults.ts'

/** The badge of the navigation shows it. */
export const UNACKNOWLEDGED = graphql(`
  query UnacknowledgedDeadLetters($tenantId: ID) {
    unacknowledgedDeadLetterCount(tenantId: $tenantId) {
      count
      precision
    }
  }
`)

const ACKNOWLEDGE = graphql(`
  mutation AcknowledgeDeadLetters($input: AcknowledgeDeadLettersInput!) {
    acknowledgeDeadLetters(input: $input) {
      __typename
      ... on Error {
        message
      }
    }
  }
`)

const WITHDRAW = graphql(`
  mutation WithdrawAcknowledgement($input: WithdrawAcknowledgementInput!) {
    withdrawAcknowledgement(input: $input) {
      __typename
      ... on Error {
        message
      }
    }
  }
`)

type Group = Pick<DeadLetterGroupRowFragment, 'endpoint' | 'errorCode' | 'statusCode' | 'lastDeadLetterAt'>

/** Acknowledges what the group shows, or makes it count again. A refusal is told by a toast. Counts again for the badge. */
export async function setAcknowledged(tenantId: string | null, group: Group, isAcknowledged: boolean): Promise<void> {
  const { endpoint, errorCode, statusCode, lastDeadLetterAt } = group
  const cause = { endpointId: endpoint.id, errorCode, statusCode }
  try {
    const result = isAcknowledged
      ? (await mutate(ACKNOWLEDGE, { input: { ...cause, upTo: lastDeadLetterAt } })).acknowledgeDeadLetters
      : (await mutate(WITHDRAW, { input: cause })).withdrawAcknowledgement
    if ('message' in result) toast({ tone: 'bad', title: result.message })
    await fetchQuery(UNACKNOWLEDGED, { tenantId })
  } catch (error) {
    toast({ tone: 'bad', title: asFault(error).detail })
  }
}
