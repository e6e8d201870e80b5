import { SlidersHorizontal } from 'lucide-react'
import { type ReactNode, useEffect, useId, useState } from 'react'
import { Button } from './button.tsx'
import { classes } from './classes.ts'

/** A panel beside a list. On a phone it is a page of its own. */
export const PANEL_CLASS =
  'flex w-[560px] shrink-0 flex-col border-l border-line bg-surface max-xl:w-[420px] max-md:fixed max-md:inset-0 max-md:z-30 max-md:w-auto max-md:border-l-0'

type PageProps = {
  title: ReactNode
  /** The title of the window, if `title` is not a text. */
  windowTitle?: string
  /** One line that says what the page shows. */
  lead?: ReactNode
  actions?: ReactNode
  /** Content under the title, such as a choice of the endpoint. */
  toolbar?: ReactNode
  /** Filters under the title. On a phone they are behind a button. */
  filters?: ReactNode
  children: ReactNode
  /** Whether the page fills the window, so that its list scrolls and the page does not. */
  isFull?: boolean
}

export function Page({ title, windowTitle, lead, actions, toolbar, filters, children, isFull = false }: PageProps) {
  const name = windowTitle ?? (typeof title === 'string' ? title : null)
  useEffect(() => {
    document.title = name ? `${name} · SIVO Webhooks` : 'SIVO Webhooks'
  }, [name])
  return (
    <div className={classes('flex min-h-0 min-w-0 flex-1 flex-col', !isFull && 'overflow-y-auto')}>
      <header className="flex shrink-0 flex-wrap items-center gap-x-4 gap-y-2 px-6 pt-5 pb-3 max-sm:px-4 max-sm:pt-3">
        <div className="min-w-[min(100%,18rem)] flex-1 max-sm:basis-full">
          <h1 className="truncate text-lg font-semibold max-sm:whitespace-normal">{title}</h1>
          {lead && <p className="text-ink-2">{lead}</p>}
        </div>
        {actions && <div className="flex flex-wrap items-center gap-2">{actions}</div>}
      </header>
      {toolbar && <div className="flex shrink-0 flex-wrap items-center gap-2 px-6 pb-3 max-sm:px-4">{toolbar}</div>}
      {filters && <Filters>{filters}</Filters>}
      <div
        className={classes('min-w-0 px-6 pb-6 max-sm:px-4 max-sm:pb-4', isFull ? 'flex min-h-0 flex-1 flex-col' : '')}
      >
        {children}
      </div>
    </div>
  )
}

/** Filters of a page. On a phone they are behind a button, unless the address has some. */
function Filters({ children }: { children: ReactNode }) {
  const [isOpen, setOpen] = useState(() => /[?&](?!delivery=|tenant=|event=|view=)\w+=/.test(location.search))
  const id = useId()
  return (
    <div className="shrink-0 px-6 pb-3 max-sm:px-4">
      <Button
        size="small"
        className="sm:hidden"
        aria-expanded={isOpen}
        aria-controls={id}
        icon={<SlidersHorizontal size={14} aria-hidden />}
        onClick={() => setOpen(!isOpen)}
      >
        Filters
      </Button>
      <div id={id} className={classes('flex flex-wrap items-center gap-2 max-sm:mt-2', !isOpen && 'max-sm:hidden')}>
        {children}
      </div>
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
    <dl className="grid grid-cols-[fit-content(45%)_1fr] gap-x-4 gap-y-1.5">
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
