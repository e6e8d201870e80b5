import { TrendingDown, TrendingUp } from 'lucide-react'
import type { ReactNode } from 'react'
import { classes } from '../../ui/classes.ts'
import { Skeleton } from '../../ui/states.tsx'

type StatTileProps = {
  label: string
  /** null while it loads for the first time. */
  value: string | null
  /** The change since the previous window, and whether it is good. */
  change?: { text: string; direction: 'up' | 'down' | 'same'; isGood: boolean | null } | null
  /** The time since which the value may be wrong, because reading it again failed. */
  staleSince?: ReactNode
  isBad?: boolean
  children?: ReactNode
}

export function StatTile({ label, value, change, staleSince, isBad, children }: StatTileProps) {
  return (
    <div className="flex min-h-24 flex-col gap-1 rounded-lg border border-line bg-surface px-4 py-3">
      <p className="text-ink-2">{label}</p>
      {value === null ? (
        <Skeleton className="h-8 w-24" />
      ) : (
        <p
          className={classes(
            'text-2xl leading-8 font-semibold tabular-nums',
            staleSince ? 'text-ink-3' : isBad && 'text-bad',
          )}
        >
          {value}
        </p>
      )}
      {children}
      {staleSince ? (
        <p className="text-xs text-warn">as of {staleSince}</p>
      ) : (
        change && (
          <p
            className={classes(
              'flex items-center gap-1 text-xs',
              change.isGood === null ? 'text-ink-3' : change.isGood ? 'text-good' : 'text-bad',
            )}
          >
            {change.direction === 'up' && <TrendingUp size={13} aria-hidden />}
            {change.direction === 'down' && <TrendingDown size={13} aria-hidden />}
            {change.text}
          </p>
        )
      )}
    </div>
  )
}
