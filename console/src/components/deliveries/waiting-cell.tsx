import { formatCapped } from '../../lib/format.ts'
import { Age } from '../../ui/time.tsx'

type Count = { readonly count: number; readonly precision: string }

type Waiting = {
  readonly count: Count
  readonly oldestCreatedAt?: string | null
  /** The deliveries that are held because the endpoint is paused or disabled. */
  readonly held?: Count | undefined
}

/** How many deliveries wait, with the age of the oldest, or how many are held. */
export function WaitingCell({ count, oldestCreatedAt, held, isInLine = false }: Waiting & { isInLine?: boolean }) {
  if (count.count === 0 && held && held.count > 0) return <span className="text-ink-2">{formatCapped(held)} held</span>
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
