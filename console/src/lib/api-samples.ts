// Sample documents. Operators must name the tenant, so each sample has it as a variable.

export type ApiSample = { readonly name: string; readonly document: string; variables(tenantId: string | null): object }

const byFilter = (tenantId: string | null) => ({ filter: tenantId ? { tenantId } : {} })
const byTenant = (tenantId: string | null) => (tenantId ? { tenantId } : {})

/** Publishes a call that has ended. Only operators and publishers may. */
const PUBLISH_SAMPLE: ApiSample = {
  name: 'Publish an event (mutation)',
  document: `mutation Publish($input: PublishEventsInput!) {
  publishEvents(input: $input) {
    ... on PublishEventsSuccess {
      events { id duplicate deliveryCount warnings { path message } }
    }
    ... on ValidationError {
      message
      issues { path message }
    }
    ... on Error { message }
  }
}
`,
  variables: (tenantId) => ({
    input: {
      tenantId: tenantId ?? 'ten_…',
      events: [
        {
          type: 'agent.paused',
          subject: 'agt_1',
          data: {
            agent: { agent_id: 'agt_1', name: 'Maya Okafor' },
            reason: { code: 'lunch', label: 'Lunch' },
            paused_at: new Date().toISOString(),
            paused_by: 'agent',
            previous_status: 'available',
            status: 'on_break',
          },
        },
      ],
    },
  }),
}

const API_SAMPLES: readonly ApiSample[] = [
  {
    name: 'The newest deliveries',
    document: `query NewestDeliveries($filter: DeliveryFilter) {
  deliveries(first: 5, filter: $filter) {
    nodes {
      id
      status
      lastStatusCode
      lastErrorCode
      attemptCount
      nextAttemptAt
      event { id type subject }
      endpoint { name url }
    }
    pageInfo { hasNextPage endCursor }
  }
}
`,
    variables: byFilter,
  },
  {
    name: 'Watch deliveries (subscription)',
    document: `subscription WatchDeliveries($filter: DeliveryFilter, $after: String) {
  deliveryUpdates(filter: $filter, after: $after) {
    cursor
    deliveries {
      id
      status
      lastStatusCode
      event { type subject }
      endpoint { name }
    }
  }
}
`,
    variables: byFilter,
  },
  {
    name: 'Success and latency of each endpoint',
    document: `query HowItGoes($tenantId: ID) {
  endpoints(tenantId: $tenantId) {
    nodes {
      name
      status
      stats(window: LAST_24_HOURS) {
        current { succeeded failedAttempts deadLettered successRate p95LatencyMs }
      }
    }
  }
}
`,
    variables: byTenant,
  },
  {
    name: 'Dead letters by cause',
    document: `query DeadLettersByCause($filter: DeliveryFilter) {
  deadLetterGroups(filter: $filter) {
    endpoint { id name }
    eventType
    errorCode
    statusCode
    count { count precision }
    oldestAt
  }
}
`,
    variables: byFilter,
  },
  {
    name: 'Make an endpoint (mutation)',
    document: `mutation MakeEndpoint($input: CreateEndpointInput!) {
  createEndpoint(input: $input) {
    ... on CreateEndpointSuccess {
      signingSecret
      endpoint { id url }
    }
    ... on ValidationError {
      message
      issues { path message }
    }
    ... on Error { message }
  }
}
`,
    variables: (tenantId) => ({
      input: {
        ...(tenantId ? { tenantId } : {}),
        name: 'CRM',
        url: 'https://example.com/hooks/sivo',
        eventTypes: ['call.ended'],
      },
    }),
  },
  {
    name: 'Events one endpoint did not get',
    document: `query NotDelivered($filter: EventFilter) {
  events(first: 20, filter: $filter) {
    nodes {
      id
      type
      createdAt
      deliveries { status reason lastErrorCode }
    }
  }
}
`,
    variables: (tenantId) => ({ filter: { ...(tenantId ? { tenantId } : {}), undeliveredTo: 'ep_…' } }),
  },
  PUBLISH_SAMPLE,
]

/** The samples for a caller, the one to begin with first: those who may publish begin with that. */
export function samplesFor(mayPublish: boolean): readonly ApiSample[] {
  if (!mayPublish) return API_SAMPLES
  return [PUBLISH_SAMPLE, ...API_SAMPLES.filter((sample) => sample !== PUBLISH_SAMPLE)]
}
