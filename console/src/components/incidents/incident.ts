// What fails now at an endpoint, for one cause, in words.

import { useMemo } from 'react'
import { graphql, useApiQuery } from '../../api/client.ts'
import type { IncidentRowFragment } from '../../gql/graphql.ts'
import { formatClock } from '../../lib/format.ts'
import { useInterval } from '../../lib/use-interval.ts'
import { describeErrorCode } from '../../lib/words.ts'

graphql(`
  fragment IncidentRow on Incident {
    errorCode
    statusCode
    since
    waiting {
      count
      precision
    }
    nextAttemptAt
    nextAttemptCount {
      count
      precision
    }
    firstDeadLetterAt
    lastAttempt {
      id
      startedAt
      errorMessage
      responseBody
      delivery {
        id
      }
    }
    endpoint {
      id
      tenantId
      name
      status
      statusChangedBy
      rateLimitPerSecond
      health {
        state
        failingSince
        lastSuccessAt
        attemptSuccessRate
        pendingCount {
          count
          precision
        }
      }
    }
  }
`)

const INCIDENTS = graphql(`
  query Incidents($tenantId: ID!, $endpointId: ID) {
    incidents(tenantId: $tenantId, endpointId: $endpointId, first: 50) {
      ...IncidentRow
    }
  }
`)

export type Incident = IncidentRowFragment

const READ_EVERY_MS = 5_000

/** What fails now, read at regular times. `endpointId` null means all endpoints of the tenant. */
export function useIncidents(tenantId: string, endpointId: string | null = null) {
  const { data, fault, refetch } = useApiQuery(INCIDENTS, { tenantId, endpointId })
  useInterval(refetch, READ_EVERY_MS)
  const incidents = useMemo(() => data?.incidents?.filter(isNotable).sort(byWeight) ?? null, [data])
  return { incidents, fault, refetch }
}

/** Identifies an incident in a list. */
export function keyOf({ endpoint, errorCode, statusCode }: Incident): string {
  return `${endpoint.id} ${errorCode} ${statusCode}`
}

/** How many deliveries wait for the endpoint that no incident counts, because they were not attempted yet. Said by its first incident. */
export function othersBehind(incident: Incident, all: readonly Incident[]): number {
  const ofEndpoint = all.filter(({ endpoint }) => endpoint.id === incident.endpoint.id)
  const { status, health } = incident.endpoint
  if (incident !== ofEndpoint[0] || status !== 'ACTIVE' || !health) return 0
  return Math.max(0, health.pendingCount.count - ofEndpoint.reduce((sum, { waiting }) => sum + waiting.count, 0))
}

/** Whether every attempt fails, not only some. */
export function alwaysFails({ endpoint: { health } }: Incident): boolean {
  return health?.state === 'FAILING' || !health?.lastSuccessAt
}

/** Active endpoints first, then those that always fail, then those for which the most waits. */
function byWeight(a: Incident, b: Incident): number {
  const rank = (incident: Incident) => (incident.endpoint.status === 'ACTIVE' ? 2 : 0) + (alwaysFails(incident) ? 1 : 0)
  return rank(b) - rank(a) || b.waiting.count - a.waiting.count
}

const GOOD_RATE = 0.95
const LONG_MS = 10 * 60_000

/** Single failures that a retry will mend are no news. */
function isNotable(incident: Incident): boolean {
  const rate = incident.endpoint.health?.attemptSuccessRate
  return alwaysFails(incident) || rate == null || rate < GOOD_RATE || Date.now() - Date.parse(incident.since) > LONG_MS
}

/** "HTTP 503", or "no response in time" */
export function causeOf({ errorCode, statusCode }: Pick<Incident, 'errorCode' | 'statusCode'>): string {
  if (statusCode != null) return `HTTP ${statusCode}`
  const words = describeErrorCode(errorCode)
  // Only words, not names such as TLS.
  return /^[A-Z][a-z]/.test(words) ? words.charAt(0).toLowerCase() + words.slice(1) : words
}

/** "HTTP 503 since 20:47" */
export function causeSince(incident: Incident): string {
  const cause = `${causeOf(incident)} since ${formatClock(incident.since)}`
  return cause.charAt(0).toUpperCase() + cause.slice(1)
}

/** "CRM: HTTP 503 since 20:47" */
export function headlineOf(incident: Incident): string {
  const { endpoint, since } = incident
  const state = { ACTIVE: '', PAUSED: ' is paused', DISABLED: ' is disabled' }[endpoint.status] ?? ''
  return `${endpoint.name}${state}: ${causeOf(incident)} since ${formatClock(since)}`
}

/** "Every attempt fails." or "31% of the attempts of the last hour failed." */
export function shareOf(incident: Incident): string {
  if (alwaysFails(incident)) return 'Every attempt fails.'
  const rate = incident.endpoint.health?.attemptSuccessRate
  return rate == null
    ? 'Some attempts fail, others succeed.'
    : `${Math.max(1, Math.round((1 - rate) * 100))}% of the attempts of the last hour failed; the others succeeded.`
}
