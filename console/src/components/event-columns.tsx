import { shortId } from '../format.ts'
import type { EventRow } from '../live.ts'
import type { Column } from '../ui/data-table.tsx'
import { Time } from '../ui/time.tsx'
import { DeliveryStatusBadge, TestBadge } from './status.tsx'

export const EVENT_COLUMNS: readonly Column<EventRow>[] = [
  {
    id: 'type',
    header: 'Event type',
    width: 220,
    cell: ({ type, test }) => (
      <span className="flex items-center gap-2">
        <span className="truncate font-medium">{type}</span>
        {test && <TestBadge />}
      </span>
    ),
  },
  {
    id: 'deliveries',
    header: 'Deliveries',
    cell: ({ deliveries }) =>
      deliveries.length === 0 ? (
        <span className="text-ink-3">no endpoint wanted it</span>
      ) : (
        <span className="flex gap-3">
          {deliveries.map(({ id, status, attemptCount, endpoint }) => (
            <span key={id} className="flex min-w-0 items-center gap-1.5">
              <DeliveryStatusBadge status={status} attemptCount={attemptCount} />
              <span className="truncate text-ink-2">{endpoint.name}</span>
            </span>
          ))}
        </span>
      ),
  },
  {
    id: 'subject',
    header: 'Call',
    width: 140,
    rank: 1,
    cell: ({ subject }) => (
      <span title={subject ?? undefined} className="font-mono text-xs text-ink-2">
        {subject ? shortId(subject) : '–'}
      </span>
    ),
  },
  { id: 'sequence', header: 'Sequence', width: 88, align: 'right', rank: 2, cell: ({ sequence }) => sequence ?? '–' },
  {
    id: 'occurred',
    header: 'Occurred',
    width: 132,
    align: 'right',
    rank: 3,
    cell: ({ occurredAt }) => <Time at={occurredAt} />,
  },
  { id: 'accepted', header: 'Accepted', width: 132, align: 'right', cell: ({ createdAt }) => <Time at={createdAt} /> },
]
