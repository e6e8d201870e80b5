// The event filter of an endpoint, with a preview on real events before it is saved.

import { useState } from 'react'
import { useEventFeed } from '../../api/live.ts'
import { issueAt, useAction } from '../../lib/actions.ts'
import { formatCount } from '../../lib/format.ts'
import { useRights } from '../../session/session.ts'
import { Button } from '../../ui/button.tsx'
import { classes } from '../../ui/classes.ts'
import { Card } from '../../ui/page.tsx'
import { Failed, LoadingRows } from '../../ui/states.tsx'
import { Time } from '../../ui/time.tsx'
import { toast } from '../../ui/toast.tsx'
import type { EndpointDetail } from '../endpoints/endpoint-detail.ts'
import { UPDATE_ENDPOINT } from '../endpoints/endpoint-settings.tsx'
import { type EventTypeChoice, EventTypePicker } from '../endpoints/event-type-picker.tsx'
import { LeaveGuard } from '../shell/leave-guard.tsx'

const KEPT = 300
const SHOWN = 12

export function EndpointFilter({ endpoint, types }: { endpoint: EndpointDetail; types: readonly EventTypeChoice[] }) {
  const { mayChange } = useRights()
  const stored = endpoint.allEventTypes ? null : endpoint.eventTypes
  const [draft, setDraft] = useState<readonly string[] | null>(stored)
  const update = useAction(UPDATE_ENDPOINT, (data) => data.updateEndpoint, { showsRefusal: true })
  const isChanged = JSON.stringify(draft) !== JSON.stringify(stored)
  const save = async () => {
    const done = await update.run({
      id: endpoint.id,
      input: draft ? { eventTypes: [...draft] } : { allEventTypes: true },
    })
    if (done) toast({ tone: 'good', title: 'The filter is saved. Events published from now on follow it.' })
  }
  return (
    <div className="grid items-start gap-4 px-6 py-4 max-sm:px-4 xl:grid-cols-[minmax(0,1fr)_420px]">
      <LeaveGuard
        isActive={isChanged}
        title="Leave without saving?"
        description="The filter that you changed is not saved."
        action="Leave without saving"
      />
      <Card title="Event types">
        <div className="flex flex-col gap-4 p-4">
          {mayChange && !endpoint.deletedAt ? (
            <EventTypePicker
              types={types}
              chosen={draft}
              onChange={setDraft}
              error={
                draft?.length === 0
                  ? 'Choose at least one type. To stop everything, pause the endpoint.'
                  : issueAt(update.refusal, 'eventTypes')
              }
            />
          ) : (
            <ul className="flex flex-wrap gap-x-4 gap-y-1 font-mono text-xs">
              {endpoint.eventTypes.map((name) => (
                <li key={name}>{name}</li>
              ))}
            </ul>
          )}
          {isChanged && (
            <div className="flex justify-end gap-2">
              <Button onClick={() => setDraft(stored)}>Discard</Button>
              <Button kind="primary" disabled={draft?.length === 0} isBusy={update.isBusy} onClick={() => void save()}>
                Save filter
              </Button>
            </div>
          )}
        </div>
      </Card>
      <FilterPreview tenantId={endpoint.tenantId} eventTypes={draft} />
    </div>
  )
}

/** Which of the published events, past and new, match a filter. */
function FilterPreview({ tenantId, eventTypes }: { tenantId: string; eventTypes: readonly string[] | null }) {
  const feed = useEventFeed({ tenantId, test: false }, { follows: true, keep: KEPT })
  if (feed.phase === 'failed' && feed.fault) return <Failed fault={feed.fault} onRetry={feed.retry} />
  const wants = (type: string) => eventTypes === null || eventTypes.includes(type)
  const matching = feed.rows.filter(({ type }) => wants(type))
  return (
    <Card title="Tried on recent events">
      {feed.phase === 'loading' ? (
        <LoadingRows rows={5} />
      ) : feed.rows.length === 0 ? (
        <p className="p-4 text-ink-2">No events were published yet. The first that match appear here.</p>
      ) : (
        <>
          <p className="px-4 pt-3 pb-2" role="status">
            <strong className="tabular-nums">{formatCount(matching.length)}</strong> of the last{' '}
            <span className="tabular-nums">{formatCount(feed.rows.length)}</span> events match.
          </p>
          <ul className="pb-2">
            {feed.rows.slice(0, SHOWN).map(({ id, type, createdAt }) => (
              <li
                key={id}
                className={classes('arrived flex items-center gap-3 px-4 py-1', !wants(type) && 'text-ink-3')}
              >
                <span className={classes('flex-1 font-mono text-xs', !wants(type) && 'line-through')}>{type}</span>
                <span className="sr-only">{wants(type) ? 'matches' : 'does not match'}</span>
                <Time at={createdAt} />
              </li>
            ))}
          </ul>
        </>
      )}
    </Card>
  )
}
