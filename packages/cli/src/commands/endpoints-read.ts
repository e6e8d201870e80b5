import { type Client, graphql } from '../client.ts'
import { usage } from '../failure.ts'
import type { CliEndpointFragment, CliEndpointsQuery } from '../gql/graphql.ts'
import { plain } from '../output.ts'

const ENDPOINTS = graphql(`
  query CliEndpoints($tenantId: ID, $after: String) {
    endpoints(tenantId: $tenantId, first: 100, after: $after) {
      nodes {
        ...CliEndpoint
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
  fragment CliEndpoint on Endpoint {
    id
    externalId
    name
    url
    metadata
    status
    disabledReason
    eventTypes
    allEventTypes
    condition
    maxInFlight
    rateLimitPerSecond
    ordering
    headers {
      name
      valueHint
    }
  }
`)

/** Every endpoint of the tenant, newest first. */
export async function endpointsOf(client: Client): Promise<CliEndpointFragment[]> {
  const found: CliEndpointFragment[] = []
  let after: string | null = null
  for (;;) {
    const { endpoints }: CliEndpointsQuery = await client.ask(ENDPOINTS, { tenantId: client.tenantId, after })
    if (!endpoints) throw usage('Expected the id of a tenant that this key can see. Pass --tenant ten_….')
    found.push(...endpoints.nodes)
    if (!endpoints.pageInfo.hasNextPage) return found
    after = endpoints.pageInfo.endCursor ?? null
  }
}

/** An endpoint in one line. */
export function describeEndpoint({ id, name, status, url }: CliEndpointFragment): string {
  return `${id}  ${plain(name)}  ${status}  ${url}`
}
