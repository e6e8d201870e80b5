import { formatCapped } from '../../lib/format.ts'
import { Age } from '../../ui/time.tsx'

type Waiting = {
  readonly count: { readonly count: number; readonly precision: string }
  readonly oldestCreatedAt?: string | null
}

/** How many deliveries wait, with the age of the oldest. */
export function WaitingCell({ count, oldestCreatedAt, isInLine = false }: Waiting & { isInLine?: boolean }) {
  if (count.count === 0) return <span className="text-ink-3">0</span>
  return (
    <span className={isInLine ? 'flex items-baseline gap-1.5' : 'flex flex-col items-end leading-4'}>
      <span className="font-medium">{formatCapped(count)}</span>
      {oldestCreatedAt && (
        <span className="text-xs text-ink-2">
          oldest <Age at={oldestCreatedAt} />
        </span>
      )}
    </span>
  )
}
