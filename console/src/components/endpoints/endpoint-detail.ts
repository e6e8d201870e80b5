import { graphql } from '../../api/client.ts'
import type { EndpointDetailFragment } from '../../gql/graphql.ts'

graphql(`
  fragment EndpointDetail on Endpoint {
    id
    tenantId
    externalId
    name
    url
    metadata
    status
    disabledReason
    statusChangedAt
    statusChangedBy
    eventTypes
    allEventTypes
    condition
    secretHint
    rotation {
      nextSecretHint
      startedAt
      endsAt
    }
    headers {
      name
      valueHint
    }
    maxInFlight
    rateLimitPerSecond
    ordering
    asksToWaitUntil
    health {
      state
      failingSince
      lastSuccessAt
      lastFailureAt
    }
    createdAt
    updatedAt
    deletedAt
  }
`)

export type EndpointDetail = EndpointDetailFragment
