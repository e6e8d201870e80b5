import { Link } from '@tanstack/react-router'
import type { EventRow } from '../../api/live.ts'
import { shortId } from '../../lib/format.ts'
import { STATUS_WORDS } from '../../lib/words.ts'
import type { Column } from '../../ui/data-table.tsx'
import { Time } from '../../ui/time.tsx'
import { DeliveryStatusBadge, TestBadge } from '../deliveries/status.tsx'

export const EVENT_COLUMNS: readonly Column<EventRow>[] = [
  {
    id: 'type',
    header: 'Type',
    narrow: 'title',
    width: 180,
    cell: ({ id, type, test }) => (
      <span className="flex items-center gap-2">
        <Link
          to="/events"
          search={(before) => ({ ...before, event: id })}
          tabIndex={-1}
          className="truncate font-medium hover:text-link hover:underline"
        >
          {type}
        </Link>
        {test && <TestBadge />}
      </span>
    ),
  },
  {
    id: 'deliveries',
    header: 'Deliveries',
    narrow: 'detail',
    least: 400,
    cell: ({ deliveries }) => <Deliveries deliveries={deliveries} mostNamed={2} />,
    narrowCell: ({ deliveries }) => <Deliveries deliveries={deliveries} mostNamed={1} />,
  },
  {
    id: 'subject',
    header: 'Call',
    width: 140,
    rank: 2,
    cell: ({ subject }) => (
      <span title={subject ?? undefined} className="font-mono text-xs text-ink-2">
        {subject ? shortId(subject) : '–'}
      </span>
    ),
  },
  { id: 'sequence', header: 'Sequence', width: 88, align: 'right', rank: 3, cell: ({ sequence }) => sequence ?? '–' },
  {
    id: 'occurred',
    header: 'Occurred',
    width: 132,
    align: 'right',
    rank: 4,
    cell: ({ occurredAt }) => <Time at={occurredAt} />,
  },
  {
    id: 'accepted',
    header: 'Created',
    narrow: 'end',
    width: 132,
    align: 'right',
    cell: ({ createdAt }) => <Time at={createdAt} />,
  },
]

/** The order of the statuses: those that need attention come first. */
const ORDER = ['DEAD_LETTERED', 'FAILED', 'PENDING', 'HELD', 'CANCELLED', 'SUCCEEDED']

/** The deliveries of an event. Up to `mostNamed` endpoints by name; of more, the first by name and the others as a number. */
function Deliveries({ deliveries, mostNamed }: Pick<EventRow, 'deliveries'> & { mostNamed: number }) {
  if (deliveries.length === 0) return <span className="text-ink-3">no endpoint subscribes to it</span>
  const sorted =
    deliveries.length <= mostNamed
      ? deliveries
      : deliveries.toSorted((a, b) => ORDER.indexOf(a.status) - ORDER.indexOf(b.status))
  const named = sorted.slice(0, sorted.length <= mostNamed ? mostNamed : 1)
  const others = sorted.slice(named.length)
  return (
    <span className="flex items-center gap-3">
      {named.map(({ id, status, attemptCount, endpoint }) => (
        <span key={id} className="flex min-w-0 items-center gap-1.5" title={endpoint.name}>
          <DeliveryStatusBadge status={status} attemptCount={attemptCount} />
          <span className="truncate text-ink-2">{endpoint.name}</span>
        </span>
      ))}
      {others.length > 0 && (
        <span
          className="shrink-0 text-ink-3"
          title={others.map(({ status, endpoint }) => `${endpoint.name}: ${STATUS_WORDS[status]}`).join('\n')}
        >
          and {others.length} more
        </span>
      )}
    </span>
  )
}
