import type { DeliveryStatus } from '../../gql/graphql.ts'
import { formatCount } from '../../lib/format.ts'

/** The number of deliveries by status, the failures first. */
export function Outcomes({ deliveries }: { deliveries: readonly { readonly status: DeliveryStatus }[] }) {
  if (deliveries.length === 0) return <span className="text-ink-3">no endpoint subscribes to them</span>
  const count = (wanted: readonly string[]) => deliveries.filter(({ status }) => wanted.includes(status)).length
  const parts = [
    { count: count(['DEAD_LETTERED', 'FAILED']), word: 'dead', className: 'text-bad' },
    { count: count(['PENDING', 'HELD']), word: 'waiting', className: 'text-wait' },
    { count: count(['SUCCEEDED']), word: 'delivered', className: 'text-good' },
    { count: count(['CANCELLED']), word: 'cancelled', className: 'text-ink-3' },
  ].filter((part) => part.count > 0)
  return (
    <span className="flex flex-wrap gap-x-2 whitespace-nowrap tabular-nums">
      {parts.map(({ count: many, word, className }) => (
        <span key={word} className={className}>
          {formatCount(many)} {word}
        </span>
      ))}
    </span>
  )
}
