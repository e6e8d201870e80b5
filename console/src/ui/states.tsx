// The four states of a view besides its data: loading, empty, without a match, and failed.

import { CircleAlert, Inbox, RotateCw, SearchX, TriangleAlert } from 'lucide-react'
import type { ReactNode } from 'react'
import type { Fault } from '../api/faults.ts'
import { useOnLive } from '../api/streams.ts'
import { Button } from './button.tsx'
import { classes } from './classes.ts'

/** Grey lines with the size of the content that loads. */
export function Skeleton({ className }: { className?: string }) {
  return <div aria-hidden className={classes('skeleton', className ?? 'h-4 w-full')} />
}

export function LoadingRows({ rows = 12, label = 'Loading' }: { rows?: number; label?: string }) {
  return (
    <div role="status" aria-label={label} className="flex flex-col gap-3 p-4">
      {Array.from({ length: rows }, (_, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the lines are identical
        <Skeleton key={index} className={index % 3 === 2 ? 'h-4 w-2/3' : 'h-4 w-full'} />
      ))}
    </div>
  )
}

type BlankProps = { icon?: ReactNode; title: string; children?: ReactNode; action?: ReactNode }

/** Empty: says why, and what to do next. */
export function Empty({ icon, title, children, action }: BlankProps) {
  return (
    <div className="mx-auto flex max-w-md flex-col items-center gap-2 px-4 py-16 text-center">
      <span className="text-ink-3">{icon ?? <Inbox size={28} aria-hidden />}</span>
      <h2 className="text-base font-semibold">{title}</h2>
      {children && <div className="text-ink-2">{children}</div>}
      {action && <div className="mt-2 flex flex-wrap justify-center gap-2">{action}</div>}
    </div>
  )
}

/** Without a match: nothing matches the filters. */
export function NoMatch({ what, onClear }: { what: string; onClear(): void }) {
  return (
    <Empty
      icon={<SearchX size={28} aria-hidden />}
      title={`No ${what} fit these filters`}
      action={<Button onClick={onClear}>Clear filters</Button>}
    >
      Filters that are set stay in the address, so this view can be shared.
    </Empty>
  )
}

/** Failed: the cause, and a button to try again. When the connection is live again, it is tried again without a click. */
export function Failed({ fault, onRetry, isSmall = false }: { fault: Fault; onRetry?: () => void; isSmall?: boolean }) {
  useOnLive(() => onRetry?.())
  return (
    <div
      role="alert"
      className={classes(
        'mx-auto flex max-w-lg flex-col items-center gap-2 px-4 text-center',
        isSmall ? 'py-4' : 'py-16',
      )}
    >
      <CircleAlert size={isSmall ? 20 : 28} className="text-bad" aria-hidden />
      <h2 className="text-base font-semibold">{fault.title}</h2>
      <p className="text-ink-2 [overflow-wrap:anywhere]">{fault.detail}</p>
      {fault.requestId && <p className="font-mono text-xs text-ink-3">Request {fault.requestId}</p>}
      {onRetry && (
        <Button icon={<RotateCw size={14} aria-hidden />} onClick={onRetry} className="mt-2">
          Try again
        </Button>
      )}
    </div>
  )
}

/** A notice across a view, such as: the connection is down, changes were missed, a secret is shown once. */
export function Notice({
  tone = 'warn',
  children,
  action,
}: {
  tone?: 'warn' | 'info' | 'bad' | 'good'
  children: ReactNode
  action?: ReactNode
}) {
  const colours = {
    warn: 'bg-warn-bg text-warn',
    info: 'bg-wait-bg text-wait',
    bad: 'bg-bad-bg text-bad',
    good: 'bg-good-bg text-good',
  }
  return (
    <div role="status" className={classes('flex items-center gap-2 rounded-md px-3 py-1.5', colours[tone])}>
      <TriangleAlert size={14} className="shrink-0" aria-hidden />
      <div className="min-w-0 flex-1">{children}</div>
      {action}
    </div>
  )
}
