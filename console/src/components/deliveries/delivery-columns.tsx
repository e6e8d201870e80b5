import type { DeliveryRow } from '../../api/live.ts'
import { shortId } from '../../lib/format.ts'
import { describeErrorCode, describeLatency, explainFailure } from '../../lib/words.ts'
import type { Column } from '../../ui/data-table.tsx'
import { Countdown, Time } from '../../ui/time.tsx'
import { DeliveryLink } from './delivery-link.tsx'
import { DeliveryStatusBadge, TestBadge } from './status.tsx'

/** The columns of a list of deliveries. Pages leave out those that they do not need. */
export const DELIVERY_COLUMNS = [
  {
    id: 'status',
    header: 'Status',
    narrow: 'state',
    width: 124,
    cell: ({ status, attemptCount }) => <DeliveryStatusBadge status={status} attemptCount={attemptCount} />,
  },
  {
    id: 'type',
    header: 'Type',
    narrow: 'title',
    cell: ({ id, event }) => (
      <span className="flex items-center gap-2">
        <DeliveryLink id={id}>{event.type}</DeliveryLink>
        {event.test && <TestBadge />}
      </span>
    ),
  },
  {
    id: 'endpoint',
    header: 'Endpoint',
    narrow: 'detail',
    cell: ({ endpoint }) => (
      <span title={endpoint.name} className="text-ink-2">
        {endpoint.name}
      </span>
    ),
  },
  {
    id: 'call',
    header: 'Call',
    rank: 5,
    width: 140,
    cell: ({ event: { subject } }) =>
      subject ? (
        <span title={subject} className="font-mono text-xs text-ink-2">
          {shortId(subject)}
        </span>
      ) : (
        <span className="text-ink-3">–</span>
      ),
  },
  {
    id: 'result',
    header: 'Response',
    rank: 1,
    narrow: 'detail',
    narrowIsWhole: true,
    width: 136,
    cell: (row) => <LastAnswer {...row} />,
  },
  {
    id: 'latency',
    header: 'Latency',
    rank: 4,
    width: 80,
    align: 'right',
    cell: ({ lastErrorCode, lastLatencyMs }) => describeLatency(lastErrorCode, lastLatencyMs),
  },
  {
    id: 'attempts',
    rank: 2,
    header: 'Attempts',
    width: 88,
    align: 'right',
    cell: ({ attemptCount, maxAttempts, event }) => (
      <span title={`${attemptCount} made, ${event.test ? 1 : maxAttempts} at most`}>
        {attemptCount}
        <span className="text-ink-3">/{event.test ? 1 : maxAttempts}</span>
      </span>
    ),
  },
  {
    id: 'next',
    rank: 3,
    header: 'Next attempt',
    width: 128,
    cell: ({ status, nextAttemptAt }) =>
      status === 'PENDING' && nextAttemptAt ? <Countdown to={nextAttemptAt} /> : <span className="text-ink-3">–</span>,
  },
  {
    id: 'time',
    header: 'Created',
    narrow: 'end',
    width: 132,
    align: 'right',
    cell: ({ createdAt }) => <Time at={createdAt} />,
  },
] as const satisfies readonly Column<DeliveryRow>[]

/** The HTTP status and the error of the last attempt. */
export function LastAnswer({ lastStatusCode, lastErrorCode }: Pick<DeliveryRow, 'lastStatusCode' | 'lastErrorCode'>) {
  if (lastStatusCode === null && lastErrorCode === null) return <span className="text-ink-3">–</span>
  if (!lastErrorCode) return <span className="text-good tabular-nums">HTTP {lastStatusCode}</span>
  return (
    <span className="text-bad" title={explainFailure(lastErrorCode, lastStatusCode)}>
      {lastStatusCode ? `HTTP ${lastStatusCode}` : describeErrorCode(lastErrorCode)}
    </span>
  )
}
