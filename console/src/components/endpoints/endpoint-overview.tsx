import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import { graphql, useApiQuery } from '../../api/client.ts'
import { useRereadOnChange } from '../../api/reread.ts'
import type { EndpointOverviewQuery, StatsWindow } from '../../gql/graphql.ts'
import { formatCapped, formatCount, formatMs, formatRate, isPoor } from '../../lib/format.ts'
import { describeErrorCode, describeOutcome, explainDisabled, explainFailure } from '../../lib/words.ts'
import { CopyButton } from '../../ui/copy-button.tsx'
import { Select } from '../../ui/field.tsx'
import { Card, Facts } from '../../ui/page.tsx'
import { Failed, LoadingRows, Notice } from '../../ui/states.tsx'
import { Ago, Countdown, Time, useNow } from '../../ui/time.tsx'
import { useIncidents } from '../incidents/incident.ts'
import { IncidentList } from '../incidents/incident-list.tsx'
import { type Mark, useChanges } from '../overview/changes.ts'
import { OutcomeBars } from '../overview/outcome-bars.tsx'
import type { EndpointDetail } from './endpoint-detail.ts'

const OVERVIEW = graphql(`
  query EndpointOverview($id: ID!, $failed: DeliveryFilter, $window: StatsWindow!) {
    endpoint(id: $id) {
      id
      stats(window: $window) {
        bucketSeconds
        current {
          ...EndpointFigures
        }
        previous {
          ...EndpointFigures
        }
        buckets {
          ...OutcomeBar
        }
        waiting {
          count {
            count
            precision
          }
          oldestDueAt
          oldestCreatedAt
        }
      }
      health {
        heldCount {
          count
          precision
        }
        lastSuccessAt
        lastFailureAt
      }
    }
    deadLetterGroups(filter: $failed, first: 5) {
      eventType
      errorCode
      statusCode
      newestAt
      count {
        count
        precision
      }
    }
  }
`)

graphql(`
  fragment EndpointFigures on StatsBucket {
    attempts
    failedAttempts
    attemptSuccessRate
    succeeded
    deadLettered
    successRate
    p50LatencyMs
    p95LatencyMs
    p99LatencyMs
  }
`)

type Stats = NonNullable<NonNullable<EndpointOverviewQuery['endpoint']>['stats']>

const WINDOWS: Record<StatsWindow, { label: string; before: string }> = {
  LAST_HOUR: { label: 'Last hour', before: 'the hour before' },
  LAST_24_HOURS: { label: 'Last 24 hours', before: 'the 24 hours before' },
  LAST_7_DAYS: { label: 'Last 7 days', before: 'the 7 days before' },
  LAST_30_DAYS: { label: 'Last 30 days', before: 'the 30 days before' },
}

function AskedToWait({ until }: { until: string }) {
  if (useNow() >= Date.parse(until)) return null
  return (
    <Notice tone="info">
      The receiver asks to wait until <Time at={until} />. Its deliveries wait until then and use up no retry; tests go
      out. A new URL ends the wait, and so does pausing and resuming.
    </Notice>
  )
}

export function EndpointOverview({ endpoint }: { endpoint: EndpointDetail }) {
  const [window, setWindow] = useState<StatsWindow>('LAST_24_HOURS')
  const mine = { tenantId: endpoint.tenantId, endpointIds: [endpoint.id] }
  const { data, fault, refetch } = useApiQuery(OVERVIEW, {
    id: endpoint.id,
    window,
    failed: mine,
  })
  useRereadOnChange({ ...mine, test: false }, refetch)
  const marks = useChanges(endpoint.tenantId, endpoint.id)
  const stats = data?.endpoint?.stats
  const health = data?.endpoint?.health
  const { incidents, refetch: rereadIncidents } = useIncidents(endpoint.tenantId, endpoint.id)
  return (
    <div className="flex flex-col gap-4 px-6 py-4 max-sm:px-4">
      {incidents && incidents.length > 0 && !endpoint.deletedAt && (
        <Card title="What fails now">
          <IncidentList incidents={incidents} isOnEndpoint onChanged={rereadIncidents} />
        </Card>
      )}
      {endpoint.status === 'DISABLED' && (
        <Notice tone="bad">
          {explainDisabled(endpoint.disabledReason)} Its deliveries are held; none is lost. Resume it once the receiver
          works again.
        </Notice>
      )}
      {endpoint.status === 'ACTIVE' && endpoint.asksToWaitUntil && <AskedToWait until={endpoint.asksToWaitUntil} />}
      {endpoint.status === 'PAUSED' && (
        <Notice tone="info">
          {endpoint.statusChangedAt ? (
            <>
              {endpoint.statusChangedBy} paused it <Ago at={endpoint.statusChangedAt} />.
            </>
          ) : (
            'A person paused it.'
          )}{' '}
          Its deliveries are held until it is resumed.
        </Notice>
      )}
      {fault && !data && <Failed fault={fault} onRetry={refetch} />}
      {!data && !fault && <LoadingRows rows={6} />}
      {data && (
        <div className="grid items-start gap-4 xl:grid-cols-[minmax(0,1fr)_400px]">
          <div className="flex min-w-0 flex-col gap-4">
            <Card
              title="Deliveries"
              actions={
                <Select
                  aria-label="Period"
                  className="w-40!"
                  value={window}
                  onChange={(event) => setWindow(event.target.value as StatsWindow)}
                >
                  {Object.entries(WINDOWS).map(([value, { label }]) => (
                    <option key={value} value={value}>
                      {label}
                    </option>
                  ))}
                </Select>
              }
            >
              {stats ? (
                <Numbers stats={stats} window={window} marks={marks} />
              ) : (
                <p className="p-4 text-ink-2">The statistics could not be read.</p>
              )}
            </Card>
            <WhatFails endpoint={endpoint} groups={data.deadLetterGroups ?? []} />
          </div>
          <div className="flex flex-col gap-4">
            <Card title="Endpoint">
              <div className="p-4">
                <Facts
                  facts={[
                    [
                      'Id',
                      <span key="id" className="flex items-center gap-1 font-mono text-xs">
                        {endpoint.id}
                        <CopyButton text={endpoint.id} label="Copy the id" />
                      </span>,
                    ],
                    [
                      'External id',
                      endpoint.externalId && (
                        <span key="external" className="flex items-center gap-1 font-mono text-xs">
                          {endpoint.externalId}
                          <CopyButton text={endpoint.externalId} label="Copy the external id" />
                        </span>
                      ),
                    ],
                    [
                      'URL',
                      <span key="url" className="font-mono text-xs">
                        {endpoint.url}
                      </span>,
                    ],
                    [
                      'Waiting',
                      stats && (
                        <Waiting
                          key="waiting"
                          count={stats.waiting.count}
                          oldestCreatedAt={stats.waiting.oldestCreatedAt}
                        />
                      ),
                    ],
                    ['Held', health && health.heldCount.count > 0 ? deliveriesOf(health.heldCount) : null],
                    ['Last success', health?.lastSuccessAt && <Ago key="success" at={health.lastSuccessAt} />],
                    ['Last failure', health?.lastFailureAt && <Ago key="failure" at={health.lastFailureAt} />],
                    [
                      'Max concurrent requests',
                      endpoint.maxInFlight ? formatCount(endpoint.maxInFlight) : '20 for each worker',
                    ],
                    [
                      'At most per second',
                      endpoint.rateLimitPerSecond ? formatCount(endpoint.rateLimitPerSecond) : 'no limit',
                    ],
                    ['Order', endpoint.ordering === 'SUBJECT' ? 'kept for each subject' : null],
                    ['Headers', endpoint.headers.map(({ name }) => name).join(', ')],
                    [
                      'Condition',
                      endpoint.condition && (
                        <span key="condition" className="font-mono text-xs [overflow-wrap:anywhere]">
                          {endpoint.condition}
                        </span>
                      ),
                    ],
                    [
                      'Secret',
                      <span key="secret" className="font-mono text-xs">
                        {endpoint.secretHint}
                      </span>,
                    ],
                    [
                      'Rotation',
                      endpoint.rotation && (
                        <span key="rotation">
                          <span className="font-mono text-xs">{endpoint.rotation.nextSecretHint}</span> takes over{' '}
                          <Countdown to={endpoint.rotation.endsAt} />
                        </span>
                      ),
                    ],
                    ['Created', <Time key="created" at={endpoint.createdAt} />],
                    ['Changed', <Time key="changed" at={endpoint.updatedAt} />],
                  ]}
                />
              </div>
            </Card>
            <Metadata metadata={endpoint.metadata as Record<string, string>} />
          </div>
        </div>
      )}
    </div>
  )
}

/** The notes that the tenant's own systems keep on the endpoint. */
function Metadata({ metadata }: { metadata: Record<string, string> }) {
  const entries = Object.entries(metadata)
  if (entries.length === 0) return null
  return (
    <Card title="Metadata">
      <div className="p-4">
        <Facts facts={entries} />
      </div>
    </Card>
  )
}

type Counted = { readonly count: number; readonly precision: string }

function deliveriesOf(count: Counted): string {
  return `${formatCapped(count)} ${count.count === 1 ? 'delivery' : 'deliveries'}`
}

function Waiting({ count, oldestCreatedAt }: { count: Counted; oldestCreatedAt?: string | null }) {
  return (
    <span>
      {deliveriesOf(count)}
      {oldestCreatedAt && (
        <span className="text-ink-2">
          , oldest <Ago at={oldestCreatedAt} />
        </span>
      )}
    </span>
  )
}

function attemptsOf(count: number): string {
  return `${formatCount(count)} ${count === 1 ? 'attempt' : 'attempts'}`
}

function Numbers({ stats, window, marks }: { stats: Stats; window: StatsWindow; marks: readonly Mark[] }) {
  const { current, previous } = stats
  const { label, before } = WINDOWS[window]
  const against = (value: string) => (value === '–' ? null : `${value} in ${before}`)
  return (
    <div className="flex flex-col gap-4 p-4">
      <dl className="grid grid-cols-2 gap-4 md:grid-cols-4">
        <Figure
          label="Attempts that succeed"
          value={formatRate(current.attemptSuccessRate)}
          before={against(formatRate(previous.attemptSuccessRate))}
          detail={`${formatCount(current.failedAttempts)} of ${attemptsOf(current.attempts)} failed`}
          isBad={isPoor(current.attemptSuccessRate)}
        />
        <Figure
          label="Delivered"
          value={formatCount(current.succeeded)}
          before={against(formatCount(previous.succeeded))}
          detail={current.successRate === null ? undefined : `${formatRate(current.successRate)} in the end`}
        />
        <Figure
          label="Latency p95, all attempts"
          value={formatMs(current.p95LatencyMs)}
          before={against(formatMs(previous.p95LatencyMs))}
          detail={
            current.p50LatencyMs === null
              ? undefined
              : `p50 ${formatMs(current.p50LatencyMs)}, p99 ${formatMs(current.p99LatencyMs)}`
          }
        />
        <Figure
          label="Dead letters"
          value={formatCount(current.deadLettered)}
          before={against(formatCount(previous.deadLettered))}
          isBad={current.deadLettered > 0}
        />
      </dl>
      <OutcomeBars buckets={stats.buckets} bucketSeconds={stats.bucketSeconds} label={label} marks={marks} />
    </div>
  )
}

type FigureProps = {
  label: string
  value: string
  /** The same value of the previous window; null if there is nothing to compare. */
  before: string | null
  detail?: string | undefined
  isBad?: boolean
}

function Figure({ label, value, before, detail, isBad = false }: FigureProps) {
  return (
    <div>
      <dt className="text-ink-3">{label}</dt>
      <dd>
        <span className={`text-xl leading-7 font-semibold tabular-nums ${isBad ? 'text-bad' : ''}`}>{value}</span>
        {detail && <span className="block text-xs text-ink-2">{detail}</span>}
        {before && <span className="block text-xs text-ink-3">{before}</span>}
      </dd>
    </div>
  )
}

type Groups = NonNullable<EndpointOverviewQuery['deadLetterGroups']>

function WhatFails({ endpoint, groups }: { endpoint: EndpointDetail; groups: Groups }) {
  return (
    <Card title="Dead letters by cause">
      {groups.length === 0 ? (
        <p className="p-4 text-ink-2">None. No delivery to this endpoint is a dead letter.</p>
      ) : (
        <ul className="divide-y divide-line">
          {groups.map(({ eventType, errorCode, statusCode, count, newestAt }) => (
            <li
              key={`${eventType} ${errorCode} ${statusCode}`}
              className="flex flex-wrap items-center gap-x-4 gap-y-1 px-4 py-2"
            >
              <Link
                to="/dead-letters"
                search={{
                  endpointIds: [endpoint.id],
                  eventTypes: [eventType],
                  ...(errorCode ? { errorCodes: [errorCode] } : {}),
                  ...(statusCode ? { statusCodes: [String(statusCode)] } : {}),
                }}
                className="font-medium text-bad hover:underline"
                title={errorCode ? explainFailure(errorCode, statusCode) : undefined}
              >
                {formatCapped(count)} × {describeOutcome(errorCode, statusCode) ?? describeErrorCode('unknown')}
              </Link>
              <span className="font-mono text-xs">{eventType}</span>
              <span className="flex-1" />
              <span className="text-ink-3">
                newest <Ago at={newestAt} />
              </span>
            </li>
          ))}
        </ul>
      )}
    </Card>
  )
}
