// The events of one call (or other subject) with their delivery to each endpoint, in the order of the publisher. It is
// updated live.

import { useMemo } from 'react'
import { type EventRow, useDeliveryFeed, useEventFeed } from '../../api/live.ts'
import { gapBefore } from '../../lib/call-story.ts'
import { formatSpan } from '../../lib/format.ts'
import { useOpenDelivery } from '../../lib/open-delivery.ts'
import { classes } from '../../ui/classes.ts'
import { Empty, Failed, LoadingRows } from '../../ui/states.tsx'
import { Countdown, Time } from '../../ui/time.tsx'
import { LastAnswer } from '../deliveries/delivery-columns.tsx'
import { DeliveryStatusBadge, TestBadge } from '../deliveries/status.tsx'

const FOLLOWING = { follows: true }

export function CallTimeline({
  tenantId,
  subject,
  openId,
}: {
  tenantId: string
  subject: string
  openId?: string | null
}) {
  const events = useEventFeed({ tenantId, subject }, FOLLOWING)
  const deliveries = useDeliveryFeed({ tenantId, subject }, FOLLOWING)
  const open = useOpenDelivery()

  const { ordered, byEvent } = useMemo(() => {
    const byEvent = new Map<string, (typeof deliveries.rows)[number][]>()
    for (const row of deliveries.rows) {
      const some = byEvent.get(row.event.id)
      if (some) some.push(row)
      else byEvent.set(row.event.id, [row])
    }
    return { ordered: [...events.rows].sort(inOrder), byEvent }
  }, [events.rows, deliveries.rows])

  const failed = events.phase === 'failed' ? events : deliveries.phase === 'failed' ? deliveries : null
  if (failed?.fault) return <Failed fault={failed.fault} onRetry={failed.retry} isSmall />
  if (events.phase === 'loading' || deliveries.phase === 'loading') return <LoadingRows rows={6} />
  if (ordered.length === 0)
    return (
      <Empty title="Nothing is known of this call">
        Events name it as their subject. Check the id, or wait: what comes in appears here.
      </Empty>
    )
  const start = Date.parse(ordered[0]!.occurredAt)
  const sequences = ordered.map(({ sequence }) => sequence)
  return (
    <ol className="relative flex flex-col">
      {ordered.map((event, index) => {
        const some = byEvent.get(event.id) ?? []
        const gap = gapBefore(sequences, index)
        return (
          <li key={event.id} className="relative border-l-2 border-line pb-4 pl-4 last:pb-0">
            <span aria-hidden className="absolute top-1.5 -left-[5px] size-2 rounded-full bg-accent" />
            {gap && (
              <p className="text-xs text-ink-3">
                {gap.from === gap.to ? `Sequence ${gap.from} is` : `Sequences ${gap.from} to ${gap.to} are`} not here:
                not published, or about something else.
              </p>
            )}
            <div className="flex flex-wrap items-baseline gap-x-2">
              <span className="font-medium">{event.type}</span>
              {event.test && <TestBadge />}
              {event.sequence !== null && <span className="text-xs text-ink-3">#{event.sequence}</span>}
              <span className="text-xs text-ink-3">
                <Time at={event.occurredAt} />
                {index > 0 && `, ${formatSpan(Date.parse(event.occurredAt) - start)} in`}
              </span>
            </div>
            {some.length === 0 ? (
              <p className="text-ink-3">No endpoint subscribes to it.</p>
            ) : (
              <ul className="mt-1 flex flex-col gap-0.5">
                {some.map((row) => (
                  <li key={row.id}>
                    <button
                      type="button"
                      aria-current={row.id === openId || undefined}
                      onClick={() => open(row.id)}
                      className={classes(
                        'flex w-full flex-wrap items-center gap-x-3 gap-y-0.5 rounded-md px-2 py-1 text-left hover:bg-hover',
                        row.id === openId && 'bg-selected!',
                      )}
                    >
                      <span className="w-24 shrink-0">
                        <DeliveryStatusBadge status={row.status} attemptCount={row.attemptCount} />
                      </span>
                      <span className="min-w-0 flex-1 truncate text-ink-2">{row.endpoint.name}</span>
                      {row.status === 'PENDING' && row.nextAttemptAt ? (
                        <Countdown to={row.nextAttemptAt} />
                      ) : (
                        <LastAnswer {...row} />
                      )}
                    </button>
                  </li>
                ))}
              </ul>
            )}
          </li>
        )
      })}
    </ol>
  )
}

/** Compares by sequence if both events have one, otherwise by the time when they happened. */
function inOrder(a: EventRow, b: EventRow): number {
  if (a.sequence !== null && b.sequence !== null && a.sequence !== b.sequence) return a.sequence - b.sequence
  return a.occurredAt < b.occurredAt ? -1 : a.occurredAt > b.occurredAt ? 1 : a.id < b.id ? -1 : 1
}
