import { Link } from '@tanstack/react-router'
import { graphql } from '../../api/client.ts'
import type { EndpointRowFragment } from '../../gql/graphql.ts'
import { formatMs, formatRate, isPoor } from '../../lib/format.ts'
import { explainDisabled, STATUS_WORDS } from '../../lib/words.ts'
import type { Column } from '../../ui/data-table.tsx'
import { Ago } from '../../ui/time.tsx'
import { LastAnswer } from '../deliveries/delivery-columns.tsx'
import { EndpointStatusBadge } from '../deliveries/status.tsx'
import { WaitingCell } from '../deliveries/waiting-cell.tsx'
import { Sparkline } from '../overview/sparkline.tsx'

graphql(`
  fragment EndpointRow on Endpoint {
    id
    name
    url
    status
    disabledReason
    asksToWaitUntil
    eventTypes
    allEventTypes
    deletedAt
    health {
      state
      failingSince
      heldCount {
        count
        precision
      }
    }
    stats(window: LAST_24_HOURS) {
      current {
        attempts
        failedAttempts
        attemptSuccessRate
        deadLettered
        successRate
        p95LatencyMs
      }
      buckets {
        attempts
        failedAttempts
      }
      waiting {
        count {
          count
          precision
        }
        oldestCreatedAt
      }
    }
    deliveries(first: 1) {
      nodes {
        id
        status
        createdAt
        lastStatusCode
        lastErrorCode
      }
    }
  }
`)

export type EndpointRow = EndpointRowFragment
export type LastDelivery = NonNullable<EndpointRow['deliveries']>['nodes'][number]

/** `lastOf` returns the newest known delivery of an endpoint. */
export function endpointColumns(
  lastOf: (row: EndpointRow) => LastDelivery | undefined,
): readonly Column<EndpointRow>[] {
  return [
    {
      id: 'status',
      header: 'Status',
      narrow: 'end',
      width: 112,
      cell: EndpointState,
    },
    {
      id: 'name',
      narrow: 'title',
      header: 'Endpoint',
      cell: ({ id, name, url }) => (
        <span className="flex flex-col leading-4">
          <Link
            to="/endpoints/$endpointId"
            params={{ endpointId: id }}
            tabIndex={-1}
            className="truncate font-medium hover:text-link hover:underline"
          >
            {name}
          </Link>
          <span className="truncate font-mono text-xs text-ink-2" title={url}>
            {url}
          </span>
        </span>
      ),
    },
    {
      id: 'types',
      rank: 5,
      header: 'Types',
      width: 76,
      align: 'right',
      cell: ({ eventTypes, allEventTypes }) => (
        <span title={eventTypes.join('\n')}>{allEventTypes ? 'all' : eventTypes.length}</span>
      ),
    },
    {
      id: 'day',
      rank: 3,
      header: 'Attempts, 24 hours',
      width: 150,
      cell: ({ stats, name }) =>
        stats ? <Sparkline buckets={stats.buckets} label={`${name}, last 24 hours`} /> : null,
    },
    {
      id: 'waiting',
      header: 'Waiting',
      narrow: 'detail',
      narrowLabel: 'Waiting',
      width: 116,
      align: 'right',
      cell: ({ stats, health }) => (stats ? <WaitingCell {...stats.waiting} held={health?.heldCount} /> : null),
      narrowCell: ({ stats, health }) =>
        stats ? <WaitingCell {...stats.waiting} held={health?.heldCount} isInLine /> : null,
    },
    {
      id: 'attempts',
      header: 'Attempts OK',
      narrow: 'state',
      narrowLabel: 'Attempts OK',
      width: 112,
      align: 'right',
      cell: ({ stats }) => <Rate rate={stats?.current.attemptSuccessRate} />,
    },
    {
      id: 'success',
      rank: 6,
      header: 'Delivered in the end',
      width: 150,
      align: 'right',
      cell: ({ stats }) => <Rate rate={stats?.current.successRate} />,
    },
    {
      id: 'p95',
      rank: 4,
      header: 'p95, all',
      width: 80,
      align: 'right',
      cell: ({ stats }) => formatMs(stats?.current.p95LatencyMs),
    },
    {
      id: 'dead',
      rank: 2,
      header: 'Dead letters',
      width: 104,
      align: 'right',
      cell: ({ id, stats }) =>
        stats && stats.current.deadLettered > 0 ? (
          <Link
            to="/dead-letters"
            search={{ endpointIds: [id] }}
            tabIndex={-1}
            className="font-medium text-bad hover:underline"
          >
            {stats.current.deadLettered}
          </Link>
        ) : (
          <span className="text-ink-3">0</span>
        ),
    },
    {
      id: 'last',
      header: 'Last delivery',
      width: 170,
      cell: (row) => {
        const last = lastOf(row)
        if (!last) return <span className="text-ink-3">none yet</span>
        return (
          <span className="flex flex-col leading-4">
            {last.lastStatusCode === null && last.lastErrorCode === null ? (
              <span className="text-ink-2">{last.status === 'PENDING' ? 'On its way' : STATUS_WORDS[last.status]}</span>
            ) : (
              <LastAnswer lastStatusCode={last.lastStatusCode} lastErrorCode={last.lastErrorCode} />
            )}
            <span className="text-xs text-ink-2">
              <Ago at={last.createdAt} />
            </span>
          </span>
        )
      },
    },
  ]
}

/** The status of an endpoint, or that it fails. */
function EndpointState({ status, disabledReason, asksToWaitUntil, health }: EndpointRow) {
  return (
    <span title={status === 'DISABLED' ? explainDisabled(disabledReason) : undefined}>
      <EndpointStatusBadge
        status={status}
        asksToWaitUntil={asksToWaitUntil ?? null}
        failingSince={health?.failingSince ?? null}
        isNarrow
      />
    </span>
  )
}

function Rate({ rate }: { rate: number | null | undefined }) {
  if (rate === null || rate === undefined) return <span className="text-ink-3">–</span>
  return <span className={isPoor(rate) ? 'font-medium text-bad' : undefined}>{formatRate(rate)}</span>
}
