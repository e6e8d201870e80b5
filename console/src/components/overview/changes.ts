// What people and the gateway changed at the endpoints of a tenant, as marks on the charts. The audit log has it, so only those
// who may read that log see marks.

import { useMemo } from 'react'
import { graphql, useApiQuery } from '../../api/client.ts'
import { useRights } from '../../session/session.ts'
import { useEndpointNames } from '../filters/choices.ts'

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
  }
`)

const VERSIONS = graphql(`
  query DeployedVersions {
    gateway {
      versions {
        version
        at
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

/**
 * The newest changes: of endpoints, such as "CRM paused by Ana", for those who may know them, and of the gateway's version. With
 * an `endpointId`, those of this endpoint and of the version.
 */
export function useChanges(tenantId: string, endpointId: string | null = null): readonly Mark[] {
  const deployed = useDeployed()
  const changed = useEndpointChanges(tenantId, endpointId)
  return useMemo(() => [...changed, ...deployed], [changed, deployed])
}

/** Each change of the version. The first version of a deployment changes nothing. */
function useDeployed(): readonly Mark[] {
  const { data } = useApiQuery(VERSIONS, {})
  return useMemo(
    () =>
      data?.gateway.versions.slice(0, -1).map(({ version, at }) => ({ at, label: `Gateway ${version} deployed` })) ??
      NONE,
    [data],
  )
}

function useEndpointChanges(tenantId: string, endpointId: string | null): readonly Mark[] {
  const { mayChange } = useRights()
  const { data } = useApiQuery(CHANGES, { tenantId }, { pause: !mayChange })
  const endpoints = useEndpointNames(tenantId, { pause: !mayChange })
  return useMemo(() => {
    if (!data?.auditEntries) return NONE
    const names = new Map(endpoints?.map(({ id, name }) => [id, name]))
    return data.auditEntries.nodes.flatMap(({ at, actor, action, targetId }) => {
      const word = WORDS[action]
      if (!word || (endpointId !== null && targetId !== endpointId)) return []
      // The name without the id that the audit log has behind it.
      const by = actor.replace(/ \(\w+_\w+\)$/, '')
      return [{ at, label: `${names.get(targetId ?? '') ?? 'An endpoint'} ${word}, by ${by}` }]
    })
  }, [data, endpoints, endpointId])
}

/** What changed within a bucket of a chart. */
export function marksOf(marks: readonly Mark[], start: string | undefined, bucketSeconds: number): string[] {
  const from = Date.parse(start ?? '')
  return marks
    .filter(({ at }) => Date.parse(at) >= from && Date.parse(at) < from + bucketSeconds * 1000)
    .map(({ label }) => label)
}
