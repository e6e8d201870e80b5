// The choices in filters and forms: the endpoints of the tenant and the types of the catalogue.

import { useMemo } from 'react'
import { graphql, useApiQuery } from '../../api/client.ts'
import { useEveryPage } from '../../api/every-page.ts'
import { namesApart } from '../../lib/endpoint-names.ts'
import type { Choice } from './filter-menu.tsx'

const ENDPOINTS = graphql(`
  query EndpointChoices($tenantId: ID, $after: String) {
    endpoints(tenantId: $tenantId, first: 100, after: $after) {
      nodes {
        id
        name
        url
      }
      pageInfo {
        hasNextPage
        endCursor
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

/** Every endpoint of the tenant, with what it is called. */
export function useEndpointNames(tenantId: string | null, { pause = false } = {}) {
  const { nodes } = useEveryPage(ENDPOINTS, { tenantId }, ({ endpoints }) => endpoints, {
    pause: pause || tenantId === null,
  })
  return useMemo(() => {
    const nameOf = namesApart(nodes ?? [])
    return nodes?.map((endpoint) => ({ ...endpoint, label: nameOf(endpoint) }))
  }, [nodes])
}

export function useEndpointChoices(tenantId: string): readonly Choice[] {
  const endpoints = useEndpointNames(tenantId)
  return useMemo(
    () => endpoints?.map(({ id, name, url, label }) => ({ value: id, label, words: `${name} ${url}` })) ?? NONE,
    [endpoints],
  )
}

export function useEventTypeChoices(): readonly Choice[] {
  const { data } = useApiQuery(TYPES, {})
  return data?.eventTypes.map(({ name }) => ({ value: name, label: name })) ?? NONE
}

const NONE: readonly Choice[] = []
