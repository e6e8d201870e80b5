// An overview: what fails now, the numbers compared with the previous window, what else needs attention, and the endpoints.

import { getRouteApi, Link, useNavigate } from '@tanstack/react-router'
import { CircleCheck } from 'lucide-react'
import { useEffect, useState } from 'react'
import { graphql, useApiQuery } from '../api/client.ts'
import { EndpointStatusBadge } from '../components/deliveries/status.tsx'
import { WaitingCell } from '../components/deliveries/waiting-cell.tsx'
import { useIncidents } from '../components/incidents/incident.ts'
import { IncidentList } from '../components/incidents/incident-list.tsx'
import { useChanges } from '../components/overview/changes.ts'
import { FirstSteps } from '../components/overview/first-steps.tsx'
import { NeedsAttention } from '../components/overview/needs-attention.tsx'
import { Sparkline } from '../components/overview/sparkline.tsx'
import { StatTile } from '../components/overview/stat-tile.tsx'
import type { OverviewPageQuery, StatsWindow } from '../gql/graphql.ts'
import { formatCapped, formatCount, formatMs, formatRate, isPoor } from '../lib/format.ts'
import { later } from '../lib/later.tsx'
import { useSetSearch } from '../lib/set-search.ts'
import { useInterval } from '../lib/use-interval.ts'
import { useTenantId } from '../session/tenant.ts'
import { buttonClass } from '../ui/button.tsx'
import { Select } from '../ui/field.tsx'
import { Card, Page } from '../ui/page.tsx'
import { Failed, LoadingRows, Skeleton } from '../ui/states.tsx'
import { Ago, Time } from '../ui/time.tsx'

const CHART_COMING = <Skeleton className="m-4 h-44" />
const charts = () => import('../components/overview/charts.tsx')
const AttemptsChart = later(charts, 'AttemptsChart', CHART_COMING)
const EndedChart = later(charts, 'EndedChart', CHART_COMING)
const LatencyChart = later(charts, 'LatencyChart', CHART_COMING)

const OVERVIEW = graphql(`
  query OverviewPage($tenantId: ID!, $window: StatsWindow!) {
    stats(tenantId: $tenantId, window: $window) {
      bucketSeconds
      current {
        ...OverviewNumbers
      }
      previous {
        ...OverviewNumbers
      }
      buckets {
        ...OverviewNumbers
      }
    }
    waiting: stats(tenantId: $tenantId, window: LAST_HOUR) {
      waiting {
        count {
          count
          precision
        }
        oldestDueAt
        oldestCreatedAt
      }
    }
    endpoints(tenantId: $tenantId, first: 100) {
      nodes {
        id
        name
        status
        disabledReason
        asksToWaitUntil
        health {
          state
          failingSince
          lastSuccessAt
          lastFailureAt
          oldestDueAt
          pendingCount {
            count
            precision
          }
        }
        stats(window: LAST_24_HOURS) {
          current {
            ...OverviewNumbers
          }
          buckets {
            ...OverviewNumbers
          }
          waiting {
            count {
              count
              precision
            }
            oldestCreatedAt
          }
        }
        recent: stats(window: LAST_HOUR) {
          current {
            ...OverviewNumbers
          }
        }
      }
      pageInfo {
        hasNextPage
      }
    }
    deadLetterGroups(filter: { tenantId: $tenantId }, acknowledged: false, first: 20) {
      endpoint {
        id
        name
      }
      eventType
      errorCode
      statusCode
      oldestAt
      newestAt
      count {
        count
        precision
      }
    }
    tests: deliveries(filter: { tenantId: $tenantId, test: true }, first: 1) {
      nodes {
        id
      }
    }
    published: deliveries(filter: { tenantId: $tenantId, test: false }, first: 1) {
      nodes {
        id
      }
    }
    answered: deliveries(filter: { tenantId: $tenantId, statuses: [SUCCEEDED] }, first: 1) {
      nodes {
        id
      }
    }
  }
`)

graphql(`
  fragment OverviewNumbers on StatsBucket {
    start
    attempts
    failedAttempts
    attemptSuccessRate
    succeeded
    deadLettered
    becameDeadLetters
    successRate
    p50LatencyMs
    p95LatencyMs
    p99LatencyMs
  }
`)

const route = getRouteApi('/')

const WINDOWS: Record<StatsWindow, { label: string; before: string; everyMs: number }> = {
  LAST_HOUR: { label: 'Last hour', before: 'the hour before', everyMs: 5_000 },
  LAST_24_HOURS: { label: 'Last 24 hours', before: 'the 24 hours before', everyMs: 15_000 },
  LAST_7_DAYS: { label: 'Last 7 days', before: 'the 7 days before', everyMs: 60_000 },
  LAST_30_DAYS: { label: 'Last 30 days', before: 'the 30 days before', everyMs: 60_000 },
}

export function OverviewPage() {
  const tenantId = useTenantId()
  const { window = 'LAST_HOUR' } = route.useSearch()
  const setSearch = useSetSearch<{ window?: StatsWindow }>()
  const { data, fault, refetch } = useApiQuery(OVERVIEW, { tenantId, window })
  useInterval(refetch, WINDOWS[window].everyMs)
  const staleSince = useReadAt(data, fault !== null)
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone
  return (
    <Page
      title="Overview"
      lead={`Without tests. Times are in ${zone}.`}
      actions={
        <Select
          aria-label="Period"
          value={window}
          onChange={(event) =>
            setSearch(event.target.value === 'LAST_HOUR' ? {} : { window: event.target.value as StatsWindow })
          }
        >
          {Object.entries(WINDOWS).map(([value, { label }]) => (
            <option key={value} value={value}>
              {label}
            </option>
          ))}
        </Select>
      }
    >
      {fault && !data ? (
        <Failed fault={fault} onRetry={refetch} />
      ) : (
        <Found data={data} window={window} staleSince={staleSince} tenantId={tenantId} />
      )}
    </Page>
  )
}

type FoundProps = {
  data: OverviewPageQuery | undefined
  window: StatsWindow
  staleSince: string | null
  tenantId: string
}

function Found({ data, window, staleSince, tenantId }: FoundProps) {
  const navigate = useNavigate()
  const { incidents, refetch: rereadIncidents } = useIncidents(tenantId)
  const marks = useChanges(tenantId)
  const stats = data?.stats
  const endpoints = data?.endpoints?.nodes ?? []
  const hasTest = (data?.tests?.nodes.length ?? 0) > 0
  const hasAnswer = (data?.answered?.nodes.length ?? 0) > 0
  const hasDeliveries = (data?.published?.nodes.length ?? 0) > 0
  if (data && (endpoints.length === 0 || (!hasAnswer && !hasDeliveries)))
    return (
      <FirstSteps
        hasEndpoint={endpoints.length > 0}
        hasTest={hasTest}
        hasAnswer={hasAnswer}
        firstEndpointId={endpoints[0]?.id}
      />
    )
  const choose = (from: string, to: string) => void navigate({ to: '/deliveries', search: { from, to } })
  return (
    <div className="flex flex-col gap-4">
      <Card title={incidents && incidents.length > 0 ? 'What fails now' : undefined}>
        {incidents === null ? (
          <LoadingRows rows={2} />
        ) : incidents.length === 0 ? (
          <p className="flex items-center gap-2 px-4 py-3 font-medium text-good">
            <CircleCheck size={16} aria-hidden />
            Nothing fails now.
          </p>
        ) : (
          <IncidentList incidents={incidents} onChanged={rereadIncidents} />
        )}
      </Card>
      <Tiles data={data} window={window} staleSince={staleSince} />
      <Card title="Needs attention">
        {data && incidents ? (
          <NeedsAttention endpoints={endpoints} groups={data.deadLetterGroups ?? []} incidents={incidents} />
        ) : (
          <LoadingRows rows={2} />
        )}
      </Card>
      <div className="grid grid-cols-[repeat(auto-fit,minmax(min(100%,320px),1fr))] gap-4">
        <Card title="Attempts">
          {stats ? <AttemptsChart stats={stats} marks={marks} onChoose={choose} /> : CHART_COMING}
        </Card>
        <Card title="Latency of all attempts, failed ones too">
          {stats ? <LatencyChart stats={stats} marks={marks} onChoose={choose} /> : CHART_COMING}
        </Card>
        <Card title="Deliveries that ended">
          {stats ? <EndedChart stats={stats} marks={marks} onChoose={choose} /> : CHART_COMING}
        </Card>
      </div>
      <Card
        title="Endpoints, last 24 hours"
        actions={
          <Link to="/endpoints" className={buttonClass('quiet', 'small')}>
            All endpoints
          </Link>
        }
      >
        {data ? <EndpointTable endpoints={endpoints} /> : <LoadingRows rows={3} />}
        {data?.endpoints?.pageInfo.hasNextPage && (
          <p className="px-4 py-2 text-ink-3">
            Of the newest {formatCount(endpoints.length)} endpoints, as is what needs attention. What fails now and dead
            letters are those of all.
          </p>
        )}
      </Card>
    </div>
  )
}

function Tiles({ data, window, staleSince }: Omit<FoundProps, 'tenantId'>) {
  const { current, previous } = data?.stats ?? {}
  const waiting = data?.waiting?.waiting
  const { before } = WINDOWS[window]
  const stale = staleSince ? <Time at={staleSince} /> : undefined
  return (
    <div className="grid grid-cols-2 gap-4 lg:grid-cols-3 xl:grid-cols-5">
      <StatTile
        label="Attempts that succeed"
        value={current ? formatRate(current.attemptSuccessRate) : null}
        change={current && previous ? points(current.attemptSuccessRate, previous.attemptSuccessRate, before) : null}
        isBad={isPoor(current?.attemptSuccessRate)}
        staleSince={stale}
      >
        {current && (
          <p className="text-xs text-ink-2">
            {formatCount(current.failedAttempts)} of {formatCount(current.attempts)} failed
          </p>
        )}
      </StatTile>
      <StatTile label="Waiting now" value={waiting ? formatCapped(waiting.count) : null} staleSince={stale}>
        {waiting?.oldestCreatedAt && (
          <p className="text-xs text-ink-2">
            oldest: <Ago at={waiting.oldestCreatedAt} />
          </p>
        )}
      </StatTile>
      <StatTile
        label="Delivered"
        value={current ? formatCount(current.succeeded) : null}
        change={current && previous ? relative(current.succeeded, previous.succeeded, before, null) : null}
        staleSince={stale}
      />
      <StatTile
        label="Dead letters"
        value={current ? formatCount(current.deadLettered) : null}
        change={current && previous ? absolute(current.deadLettered, previous.deadLettered, before) : null}
        isBad={(current?.deadLettered ?? 0) > 0}
        staleSince={stale}
      >
        {current && current.successRate !== null && (
          <p className="text-xs text-ink-2">{formatRate(current.successRate)} succeed in the end</p>
        )}
      </StatTile>
      <StatTile
        label="Latency p95, all attempts"
        value={current ? formatMs(current.p95LatencyMs) : null}
        change={
          current?.p95LatencyMs != null && previous?.p95LatencyMs != null
            ? relative(current.p95LatencyMs, previous.p95LatencyMs, before, 'lower')
            : null
        }
        staleSince={stale}
      />
    </div>
  )
}

type Endpoints = NonNullable<OverviewPageQuery['endpoints']>['nodes']
const MOST_ENDPOINTS = 12

/** The worst first. */
function EndpointTable({ endpoints }: { endpoints: Endpoints }) {
  const badness = ({ status, health, stats }: Endpoints[number]) =>
    (status === 'DISABLED' ? 4 : 0) +
    (health?.state === 'FAILING' ? 2 : 0) +
    (status === 'PAUSED' ? 1 : 0) +
    (1 - (stats?.current.attemptSuccessRate ?? 1)) +
    (stats?.waiting.count.count ?? 0) / 1e6
  const shown = endpoints.toSorted((a, b) => badness(b) - badness(a)).slice(0, MOST_ENDPOINTS)
  return (
    <table className="w-full">
      <thead>
        <tr className="text-left text-xs text-ink-3">
          <th scope="col" className="px-4 py-2 font-medium">
            Endpoint
          </th>
          <th scope="col" className="px-3 font-medium max-sm:hidden">
            Status
          </th>
          <th scope="col" className="px-3 text-right font-medium">
            Waiting
          </th>
          <th scope="col" className="px-3 text-right font-medium">
            Attempts OK
          </th>
          <th scope="col" className="px-3 font-medium max-lg:hidden">
            Attempts
          </th>
          <th scope="col" className="px-3 text-right font-medium max-md:hidden">
            Delivered
          </th>
          <th scope="col" className="px-3 text-right font-medium max-md:hidden">
            Dead letters
          </th>
          <th scope="col" className="px-4 text-right font-medium max-lg:hidden">
            p95
          </th>
        </tr>
      </thead>
      <tbody>
        {shown.map(({ id, name, status, asksToWaitUntil, health, stats }) => {
          const badge = (
            <EndpointStatusBadge
              status={status}
              isNarrow
              asksToWaitUntil={asksToWaitUntil ?? null}
              failingSince={health?.failingSince ?? null}
            />
          )
          return (
            <tr key={id} className="border-t border-line">
              <td className="max-w-64 px-4 py-2">
                <Link
                  to="/endpoints/$endpointId"
                  params={{ endpointId: id }}
                  className="block truncate font-medium text-link hover:underline"
                >
                  {name}
                </Link>
                <span className="sm:hidden">{badge}</span>
              </td>
              <td className="px-3 max-sm:hidden">{badge}</td>
              <td className="px-3 text-right tabular-nums">{stats && <WaitingCell {...stats.waiting} />}</td>
              <td className="px-3 text-right tabular-nums">
                <span className={isPoor(stats?.current.attemptSuccessRate) ? 'font-medium text-bad' : undefined}>
                  {formatRate(stats?.current.attemptSuccessRate)}
                </span>
              </td>
              <td className="px-3 max-lg:hidden">
                {stats && <Sparkline buckets={stats.buckets} label={`${name}, last 24 hours`} />}
              </td>
              <td className="px-3 text-right tabular-nums max-md:hidden">
                {stats && formatCount(stats.current.succeeded)}
              </td>
              <td className="px-3 text-right tabular-nums max-md:hidden">
                {stats && stats.current.deadLettered > 0 ? (
                  <span className="text-bad">{formatCount(stats.current.deadLettered)}</span>
                ) : (
                  '0'
                )}
              </td>
              <td className="px-4 text-right tabular-nums max-lg:hidden">{formatMs(stats?.current.p95LatencyMs)}</td>
            </tr>
          )
        })}
      </tbody>
    </table>
  )
}

/** The time since which the numbers are outdated; null if they are current. */
function useReadAt(data: object | undefined, isFailing: boolean): string | null {
  const [readAt, setReadAt] = useState<string | null>(null)
  useEffect(() => {
    if (data && !isFailing) setReadAt(new Date().toISOString())
  }, [data, isFailing])
  return isFailing ? readAt : null
}

type Change = { text: string; direction: 'up' | 'down' | 'same'; isGood: boolean | null }

function relative(now: number, then: number, before: string, better: 'lower' | null): Change | null {
  if (then === 0) return { text: `none in ${before}`, direction: 'same', isGood: null }
  const share = Math.round(((now - then) / then) * 100)
  if (share === 0) return { text: `the same as in ${before}`, direction: 'same', isGood: null }
  // Small changes are random: neither good nor bad.
  const isGood = better === null || Math.abs(share) < 20 ? null : share < 0
  return {
    text: `${Math.abs(share)}% ${share > 0 ? 'more' : 'less'} than in ${before}`,
    direction: share > 0 ? 'up' : 'down',
    isGood,
  }
}

function points(now: number | null, then: number | null, before: string): Change | null {
  if (now === null || then === null) return null
  const change = (now - then) * 100
  if (Math.abs(change) < 0.01) return { text: `the same as in ${before}`, direction: 'same', isGood: null }
  return {
    text: `${Math.abs(change).toFixed(2)} points ${change > 0 ? 'higher' : 'lower'} than in ${before}`,
    direction: change > 0 ? 'up' : 'down',
    isGood: change > 0,
  }
}

function absolute(now: number, then: number, before: string): Change {
  const change = now - then
  if (change === 0) return { text: `the same as in ${before}`, direction: 'same', isGood: null }
  return {
    text: `${formatCount(Math.abs(change))} ${change > 0 ? 'more' : 'fewer'} than in ${before}`,
    direction: change > 0 ? 'up' : 'down',
    isGood: change < 0,
  }
}
