import { Link } from '@tanstack/react-router'
import { formatCapped, formatCount } from '../../lib/format.ts'
import { Ago } from '../../ui/time.tsx'
import { useLiveBulkRetry } from './bulk-retry-live.ts'
import { type BulkRetry, BulkRetryBadge, BulkRetryBar, isUnderWay, totalOf, verbOf } from './bulk-retry-state.tsx'

/** The bulk retries, with their creators and numbers. */
export function BulkRetryList({ bulkRetries }: { bulkRetries: readonly BulkRetry[] }) {
  if (bulkRetries.length === 0) return null
  return (
    <ul
      aria-label="Bulk retries"
      className="flex shrink-0 flex-col divide-y divide-line rounded-lg border border-line bg-surface"
    >
      {bulkRetries.map((bulkRetry) => (
        <BulkRetryItem key={bulkRetry.id} read={bulkRetry} />
      ))}
    </ul>
  )
}

function BulkRetryItem({ read }: { read: BulkRetry }) {
  const [live] = useLiveBulkRetry(read, NOTHING)
  const bulkRetry = live ?? read
  const { id, status, createdBy, createdAt, succeeded, deadLettered } = bulkRetry
  return (
    <li className="flex flex-wrap items-center gap-x-4 gap-y-1 px-4 py-2">
      <BulkRetryBadge status={status} />
      <Link
        to="/bulk-retries/$bulkRetryId"
        params={{ bulkRetryId: id }}
        className="font-medium text-link hover:underline"
      >
        {createdBy} {isUnderWay(bulkRetry) ? IS_DOING[verbOf(bulkRetry)] : verbOf(bulkRetry)}{' '}
        {formatCapped(totalOf(bulkRetry))}
        {bulkRetry.replay && ` to ${bulkRetry.replay.endpoint.name}`}
      </Link>
      <span className="text-ink-2 tabular-nums">
        {formatCount(succeeded)} delivered, {formatCount(deadLettered)} dead again
      </span>
      <span className="min-w-32 flex-1">
        <BulkRetryBar bulkRetry={bulkRetry} />
      </span>
      <span className="text-ink-3">
        <Ago at={createdAt} />
      </span>
    </li>
  )
}

const IS_DOING = { retried: 'is retrying', replayed: 'is replaying' }

const NOTHING = () => {}
