import { type ReactNode, useEffect } from 'react'
import { classes } from './classes.ts'

type PageProps = {
  title: ReactNode
  /** The title of the window, if `title` is not a text. */
  windowTitle?: string
  /** One line that says what the page shows. */
  lead?: ReactNode
  actions?: ReactNode
  /** Content under the title, such as filters. */
  toolbar?: ReactNode
  children: ReactNode
  /** Whether the page fills the window, so that its list scrolls and the page does not. */
  isFull?: boolean
}

export function Page({ title, windowTitle, lead, actions, toolbar, children, isFull = false }: PageProps) {
  const name = windowTitle ?? (typeof title === 'string' ? title : null)
  useEffect(() => {
    document.title = name ? `${name} · SIVO Webhooks` : 'SIVO Webhooks'
  }, [name])
  return (
    <div className={classes('flex min-h-0 min-w-0 flex-1 flex-col', !isFull && 'overflow-y-auto')}>
      <header className="flex shrink-0 flex-wrap items-center gap-x-4 gap-y-2 px-6 pt-5 pb-3">
        <div className="min-w-0 flex-1">
          <h1 className="truncate text-lg font-semibold">{title}</h1>
          {lead && <p className="text-ink-2">{lead}</p>}
        </div>
        {actions && <div className="flex flex-wrap items-center gap-2">{actions}</div>}
      </header>
      {toolbar && <div className="flex shrink-0 flex-wrap items-center gap-2 px-6 pb-3">{toolbar}</div>}
      <div className={classes('min-w-0 px-6 pb-6', isFull ? 'flex min-h-0 flex-1 flex-col' : '')}>{children}</div>
    </div>
  )
}

export function Card({
  title,
  actions,
  children,
  className,
}: {
  title?: ReactNode
  actions?: ReactNode
  children: ReactNode
  className?: string
}) {
  return (
    <section className={classes('rounded-lg border border-line bg-surface', className)}>
      {(title || actions) && (
        <header className="flex min-h-11 flex-wrap items-center gap-2 border-b border-line px-4 py-1.5">
          <h2 className="min-w-0 flex-1 font-semibold">{title}</h2>
          {actions}
        </header>
      )}
      {children}
    </section>
  )
}

/** Names with values, as a description list. Leaves out empty values. */
export function Facts({ facts }: { facts: readonly (readonly [name: string, value: ReactNode])[] }) {
  return (
    <dl className="grid grid-cols-[minmax(104px,max-content)_1fr] gap-x-4 gap-y-1.5">
      {facts
        .filter(([, value]) => value !== null && value !== undefined && value !== '')
        .map(([name, value]) => (
          <div key={name} className="contents">
            <dt className="text-ink-3">{name}</dt>
            <dd className="min-w-0 [overflow-wrap:anywhere]">{value}</dd>
          </div>
        ))}
    </dl>
  )
}
