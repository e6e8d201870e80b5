// What people and the gateway changed at the endpoints of a tenant, as marks on the charts. The audit log has it, so only those
// who may read that log see marks.

import { useMemo } from 'react'
import { graphql, useApiQuery } from '../../api/client.ts'
import { useRights } from '../../session/session.ts'

const CHANGES = graphql(`
  query ChartChanges($tenantId: ID) {
    auditEntries(tenantId: $tenantId, first: 100) {
      nodes {
        id
        at
        actor
        action
        targetId
      }
    }
    endpoints(tenantId: $tenantId, first: 100) {
      nodes {
        id
        name
      }
    }
  }
`)

const WORDS: Record<string, string> = {
  'endpoint.created': 'made',
  'endpoint.updated': 'changed',
  'endpoint.paused': 'paused',
  'endpoint.resumed': 'resumed',
  'endpoint.disabled': 'disabled',
  'endpoint.deleted': 'deleted',
  'signing_secret.rotated': 'got a new signing secret',
  'signing_secret.rotation_completed': 'completed its rotation',
}

export type Mark = { readonly at: string; readonly label: string }

const NONE: readonly Mark[] = []

/** The newest changes, such as "CRM paused by Ana"; none for those who may not know. */
export function useChanges(tenantId: string): readonly Mark[] {
  const { mayChange } = useRights()
  const { data } = useApiQuery(CHANGES, { tenantId }, { pause: !mayChange })
  return useMemo(() => {
    if (!data?.auditEntries) return NONE
    const names = new Map(data.endpoints?.nodes.map(({ id, name }) => [id, name]))
    return data.auditEntries.nodes.flatMap(({ at, actor, action, targetId }) => {
      const word = WORDS[action]
      if (!word) return []
      // The name without the id that the audit log has behind it.
      const by = actor.replace(/ \(\w+_\w+\)$/, '')
      return [{ at, label: `${names.get(targetId ?? '') ?? 'An endpoint'} ${word}, by ${by}` }]
    })
  }, [data])
}
