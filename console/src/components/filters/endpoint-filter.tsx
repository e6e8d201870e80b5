// The filter of an endpoint: its event types and its condition, with a preview on real events before it is saved.

import { useMemo, useState } from 'react'
import { asFault } from '../../api/faults.ts'
import { useEventFeed } from '../../api/live.ts'
import type { UnwantedDeliveries, UpdateEndpointInput } from '../../gql/graphql.ts'
import { issueAt, issuesElsewhere, useAction } from '../../lib/actions.ts'
import { draftOf, type EndpointDraft, updateInput } from '../../lib/endpoint-draft.ts'
import { useRights } from '../../session/session.ts'
import { Button } from '../../ui/button.tsx'
import { Card } from '../../ui/page.tsx'
import { Notice } from '../../ui/states.tsx'
import { toast } from '../../ui/toast.tsx'
import type { EndpointDetail } from '../endpoints/endpoint-detail.ts'
import { UPDATE_ENDPOINT } from '../endpoints/endpoint-settings.tsx'
import { type EventTypeChoice, EventTypePicker } from '../endpoints/event-type-picker.tsx'
import { LeaveGuard } from '../shell/leave-guard.tsx'
import { ConditionField } from './condition-field.tsx'
import { conditionError, conditionIssue, TriedEvents, useFilterPreview } from './filter-preview.tsx'
import { type Count, countUnwanted, UnwantedDialog } from './unwanted-dialog.tsx'

const KEPT = 50
const PLACES = ['eventTypes', 'condition']

export function EndpointFilter({ endpoint, types }: { endpoint: EndpointDetail; types: readonly EventTypeChoice[] }) {
  const { mayChange } = useRights()
  const { tenantId } = endpoint
  const stored = useMemo(() => draftOf(endpoint), [endpoint])
  const [edited, setEdited] = useState<Partial<EndpointDraft>>({})
  const draft = { ...stored, ...edited }
  const { eventTypes, condition } = draft
  const feed = useEventFeed({ tenantId, test: false }, { follows: true, keep: KEPT })
  const tried = useFilterPreview({ tenantId, types, eventTypes, condition }, feed.rows[0]?.id)
  const input = updateInput(draft, stored)
  const isChanged = Object.keys(input).length > 0
  const saving = useSaving(endpoint, { draft, input, onSaved: () => setEdited({}) })
  const { refusal } = saving
  const change = (some: Partial<EndpointDraft>) => {
    setEdited({ ...edited, ...some })
    saving.forget(...Object.keys(some))
  }
  return (
    <div className="grid items-start gap-4 px-6 py-4 max-sm:px-4 xl:grid-cols-[minmax(0,1fr)_420px]">
      <LeaveGuard
        isActive={isChanged}
        title="Leave without saving?"
        description="The filter that you changed is not saved."
        action="Leave without saving"
      />
      <Card title="Events that this endpoint gets">
        {mayChange && !endpoint.deletedAt ? (
          <div className="flex flex-col gap-6 p-4">
            <EventTypePicker
              types={types}
              chosen={eventTypes}
              onChange={(chosen) => change({ eventTypes: chosen })}
              error={
                eventTypes?.length === 0
                  ? 'Choose at least one type. To stop everything, pause the endpoint.'
                  : issueAt(refusal, 'eventTypes')
              }
            />
            <ConditionField
              value={condition}
              onChange={(text) => change({ condition: text })}
              error={issueAt(refusal, 'condition') ?? conditionError(tried)}
            />
            {issuesElsewhere(refusal, PLACES).map((message) => (
              <Notice key={message} tone="bad">
                {message}
              </Notice>
            ))}
            {isChanged && (
              <div className="flex justify-end gap-2">
                <Button
                  onClick={() => {
                    setEdited({})
                    saving.forget()
                  }}
                >
                  Discard
                </Button>
                <Button
                  kind="primary"
                  disabled={eventTypes?.length === 0}
                  isBusy={saving.isBusy}
                  onClick={() => void saving.begin()}
                >
                  Save filter
                </Button>
              </div>
            )}
          </div>
        ) : (
          <StoredFilter endpoint={endpoint} />
        )}
      </Card>
      <TriedEvents feed={feed} eventTypes={eventTypes} tried={tried} />
      {saving.unwanted && (
        <UnwantedDialog
          name={endpoint.name}
          unwanted={saving.unwanted}
          isBusy={saving.isBusy}
          onClose={saving.giveUp}
          onSave={(unwanted) => void saving.save(unwanted)}
        />
      )}
    </div>
  )
}

function StoredFilter({ endpoint: { eventTypes, condition } }: { endpoint: EndpointDetail }) {
  return (
    <div className="flex flex-col gap-4 p-4">
      <ul aria-label="Event types" className="flex flex-wrap gap-x-4 gap-y-1 font-mono text-xs">
        {eventTypes.map((name) => (
          <li key={name}>{name}</li>
        ))}
      </ul>
      {condition && (
        <p>
          Only events that meet <code className="font-mono text-xs [overflow-wrap:anywhere]">{condition}</code>
        </p>
      )}
    </div>
  )
}

type SavingProps = { draft: EndpointDraft; input: UpdateEndpointInput; onSaved(): void }

/** Saves a changed filter. If something waits that it does not want, `unwanted` is the number of it until a person chose. */
function useSaving(endpoint: EndpointDetail, { draft, input, onSaved }: SavingProps) {
  const update = useAction(UPDATE_ENDPOINT, (data) => data.updateEndpoint, { showsRefusal: true })
  const [unwanted, setUnwanted] = useState<Count | null>(null)
  const [isCounting, setCounting] = useState(false)
  const save = async (choice: UnwantedDeliveries) => {
    const done = await update.run({ id: endpoint.id, input, unwanted: choice })
    setUnwanted(null)
    if (!done) return
    onSaved()
    const also = choice === 'CANCEL_ALL' ? ' What waited and it does not want is cancelled.' : ''
    toast({ tone: 'good', title: `The filter is saved. Events published from now on follow it.${also}` })
  }
  const begin = async () => {
    setCounting(true)
    try {
      const found = await countUnwanted(endpoint, draft)
      if (found.count > 0) setUnwanted(found)
      else await save('SEND_ALL')
    } catch (error) {
      const fault = asFault(error)
      // The gateway refuses to save it, too, and its reason stands beside the field.
      if (conditionIssue(fault)) await save('SEND_ALL')
      else toast({ tone: 'bad', title: `${fault.title}. ${fault.detail}` })
    } finally {
      setCounting(false)
    }
  }
  return {
    begin,
    save,
    giveUp: () => setUnwanted(null),
    unwanted,
    isBusy: update.isBusy || isCounting,
    refusal: update.refusal,
    forget: update.forget,
  }
}
