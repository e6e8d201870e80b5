// An overview: the numbers compared with the previous window, the problems, and the state of each endpoint.

import { getRouteApi, Link, useNavigate } from '@tanstack/react-router'
import { lazy, Suspense, useEffect, useState } from 'react'
import { graphql, useApiQuery } from '../api/client.ts'
import { EndpointStatusBadge } from '../components/deliveries/status.tsx'
import { FirstSteps } from '../components/overview/first-steps.tsx'
import { NeedsAttention } from '../components/overview/needs-attention.tsx'
import { Sparkline } from '../components/overview/sparkline.tsx'
import { StatTile } from '../components/overview/stat-tile.tsx'
import type { OverviewPageQuery, StatsWindow } from '../gql/graphql.ts'
import { formatCount, formatMs, formatRate } from '../lib/format.ts'
import { useSetSearch } from '../lib/set-search.ts'
import { useInterval } from '../lib/use-interval.ts'
import { useTenantId } from '../session/tenant.ts'
import { buttonClass } from '../ui/button.tsx'
import { Select } from '../ui/field.tsx'
import { Card, Page } from '../ui/page.tsx'
import { Failed, LoadingRows, Skeleton } from '../ui/states.tsx'
import { Time } from '../ui/time.tsx'

const TimeChart = lazy(() =>
  import('../components/overview/time-chart.tsx').then((module) => ({ default: module.TimeChart })),
)

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
    endpoints(tenantId: $tenantId, first: 100) {
      nodes {
        id
        name
        status
        disabledReason
        asksToWaitUntil
        stats(window: LAST_24_HOURS) {
          current {
            ...OverviewNumbers
          }
          buckets {
            ...OverviewNumbers
          }
        }
        recent: stats(window: LAST_HOUR) {
          current {
            ...OverviewNumbers
          }
        }
      }
    }
    deadLetterGroups(filter: { tenantId: $tenantId }, first: 20) {
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
    waiting: deliveries(filter: { tenantId: $tenantId, statuses: [PENDING], test: false }, first: 50) {
      nodes {
        id
        lastErrorCode
        lastStatusCode
        endpoint {
          id
        }
      }
    }
    tests: deliveries(filter: { tenantId: $tenantId, test: true }, first: 1) {
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
    succeeded
    failedAttempts
    deadLettered
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
        <Found data={data} window={window} staleSince={staleSince} />
      )}
    </Page>
  )
}

const CHART_COMING = <Skeleton className="m-4 h-44" />

type FoundProps = { data: OverviewPageQuery | undefined; window: StatsWindow; staleSince: string | null }

function Found({ data, window, staleSince }: FoundProps) {
  const navigate = useNavigate()
  const stats = data?.stats
  const endpoints = data?.endpoints?.nodes ?? []
  const { before } = WINDOWS[window]
  const stale = staleSince ? <Time at={staleSince} /> : undefined
  const hasTest = (data?.tests?.nodes.length ?? 0) > 0
  const hasAnswer = (data?.answered?.nodes.length ?? 0) > 0
  if (data && (endpoints.length === 0 || !hasAnswer))
    return (
      <FirstSteps
        hasEndpoint={endpoints.length > 0}
        hasTest={hasTest}
        hasAnswer={hasAnswer}
        firstEndpointId={endpoints[0]?.id}
      />
    )
  const { current, previous } = stats ?? {}
  const starts = stats?.buckets.map(({ start }) => start) ?? []
  const choose = (from: string, to: string) => void navigate({ to: '/deliveries', search: { from, to } })
  return (
    <div className="flex flex-col gap-4">
      <div className="grid grid-cols-2 gap-4 xl:grid-cols-4">
        <StatTile
          label="Delivered"
          value={current ? formatCount(current.succeeded) : null}
          change={current && previous ? relative(current.succeeded, previous.succeeded, before, null) : null}
          staleSince={stale}
        />
        <StatTile
          label="Success rate"
          value={current ? formatRate(current.successRate) : null}
          change={current && previous ? points(current.successRate, previous.successRate, before) : null}
          isBad={current !== undefined && current.successRate !== null && current.successRate < 0.95}
          staleSince={stale}
        />
        <StatTile
          label="Latency, p95"
          value={current ? formatMs(current.p95LatencyMs) : null}
          change={
            current?.p95LatencyMs != null && previous?.p95LatencyMs != null
              ? relative(current.p95LatencyMs, previous.p95LatencyMs, before, 'lower')
              : null
          }
          staleSince={stale}
        />
        <StatTile
          label="Dead letters"
          value={current ? formatCount(current.deadLettered) : null}
          change={current && previous ? absolute(current.deadLettered, previous.deadLettered, before) : null}
          isBad={(current?.deadLettered ?? 0) > 0}
          staleSince={stale}
        />
      </div>
      <Card title="Needs attention">
        {data ? (
          <NeedsAttention
            endpoints={endpoints}
            groups={data.deadLetterGroups ?? []}
            waiting={data.waiting?.nodes ?? []}
          />
        ) : (
          <LoadingRows rows={2} />
        )}
      </Card>
      <div className="grid gap-4 xl:grid-cols-2">
        <Card title="Deliveries by outcome">
          {stats ? (
            <Suspense fallback={CHART_COMING}>
              <TimeChart
                label="Deliveries by outcome over time"
                kind="stacked-bars"
                starts={starts}
                bucketSeconds={stats.bucketSeconds}
                format={formatCount}
                onChoose={choose}
                series={[
                  { label: 'Delivered', colour: 'chart-good', values: stats.buckets.map(({ succeeded }) => succeeded) },
                  {
                    label: 'Failed attempts',
                    colour: 'chart-warn',
                    values: stats.buckets.map(({ failedAttempts }) => failedAttempts),
                  },
                  {
                    label: 'Dead letters',
                    colour: 'chart-bad',
                    values: stats.buckets.map(({ deadLettered }) => deadLettered),
                  },
                ]}
              />
            </Suspense>
          ) : (
            CHART_COMING
          )}
        </Card>
        <Card title="Latency of attempts">
          {stats ? (
            <Suspense fallback={CHART_COMING}>
              <TimeChart
                label="Latency of attempts over time"
                kind="lines"
                starts={starts}
                bucketSeconds={stats.bucketSeconds}
                format={formatMs}
                onChoose={choose}
                series={[
                  { label: 'p50', colour: 'chart-b', values: stats.buckets.map(({ p50LatencyMs }) => p50LatencyMs) },
                  { label: 'p95', colour: 'chart-a', values: stats.buckets.map(({ p95LatencyMs }) => p95LatencyMs) },
                  { label: 'p99', colour: 'chart-c', values: stats.buckets.map(({ p99LatencyMs }) => p99LatencyMs) },
                ]}
              />
            </Suspense>
          ) : (
            CHART_COMING
          )}
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
      </Card>
    </div>
  )
}

type Endpoints = NonNullable<OverviewPageQuery['endpoints']>['nodes']
const MOST_ENDPOINTS = 12

/** The worst first. */
function EndpointTable({ endpoints }: { endpoints: Endpoints }) {
  const badness = ({ status, stats }: Endpoints[number]) =>
    (status === 'DISABLED' ? 2 : status === 'PAUSED' ? 1 : 0) +
    (1 - (stats?.current.successRate ?? 1)) +
    (stats?.current.failedAttempts ?? 0) / 1e6
  const shown = endpoints.toSorted((a, b) => badness(b) - badness(a)).slice(0, MOST_ENDPOINTS)
  return (
    <div className="overflow-x-auto">
      <table className="w-full min-w-160">
        <thead>
          <tr className="text-left text-xs text-ink-3">
            <th scope="col" className="px-4 py-2 font-medium">
              Endpoint
            </th>
            <th scope="col" className="px-3 font-medium">
              Status
            </th>
            <th scope="col" className="px-3 font-medium">
              Deliveries
            </th>
            <th scope="col" className="px-3 text-right font-medium">
              Delivered
            </th>
            <th scope="col" className="px-3 text-right font-medium">
              Failed attempts
            </th>
            <th scope="col" className="px-3 text-right font-medium">
              Success rate
            </th>
            <th scope="col" className="px-4 text-right font-medium">
              p95
            </th>
          </tr>
        </thead>
        <tbody>
          {shown.map(({ id, name, status, asksToWaitUntil, stats }) => (
            <tr key={id} className="border-t border-line">
              <td className="max-w-64 truncate px-4 py-2">
                <Link
                  to="/endpoints/$endpointId"
                  params={{ endpointId: id }}
                  className="font-medium text-link hover:underline"
                >
                  {name}
                </Link>
              </td>
              <td className="px-3">
                <EndpointStatusBadge status={status} asksToWaitUntil={asksToWaitUntil} />
              </td>
              <td className="px-3">
                {stats && <Sparkline buckets={stats.buckets} label={`${name}, last 24 hours`} />}
              </td>
              <td className="px-3 text-right tabular-nums">{stats && formatCount(stats.current.succeeded)}</td>
              <td className="px-3 text-right tabular-nums">
                {stats && stats.current.failedAttempts > 0 ? (
                  <span className="text-warn">{formatCount(stats.current.failedAttempts)}</span>
                ) : (
                  '0'
                )}
              </td>
              <td className="px-3 text-right tabular-nums">{formatRate(stats?.current.successRate)}</td>
              <td className="px-4 text-right tabular-nums">{formatMs(stats?.current.p95LatencyMs)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
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
    text: `${Math.abs(share)} % ${share > 0 ? 'more' : 'less'} than in ${before}`,
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
