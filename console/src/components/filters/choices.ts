// The choices in filters and forms: the endpoints of the tenant and the types of the catalogue.

import { graphql, useApiQuery } from '../../api/client.ts'
import type { Choice } from './filter-menu.tsx'

const ENDPOINTS = graphql(`
  query EndpointChoices($tenantId: ID) {
    endpoints(tenantId: $tenantId, first: 100) {
      nodes {
        id
        name
        url
        status
      }
    }
  }
`)

const TYPES = graphql(`
  query EventTypeChoices {
    eventTypes {
      name
      group
    }
  }
`)

export function useEndpointChoices(tenantId: string): readonly Choice[] {
  const { data } = useApiQuery(ENDPOINTS, { tenantId })
  return (
    data?.endpoints?.nodes.map(({ id, name, url }) => ({ value: id, label: name, words: `${name} ${url}` })) ?? NONE
  )
}

export function useEventTypeChoices(): readonly Choice[] {
  const { data } = useApiQuery(TYPES, {})
  return data?.eventTypes.map(({ name }) => ({ value: name, label: name })) ?? NONE
}

const NONE: readonly Choice[] = []
