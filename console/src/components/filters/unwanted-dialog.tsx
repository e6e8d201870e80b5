// The dialog before a filter is saved that does not want some of what waits: it asks what becomes of that. To cancel it needs a
// confirmation.

import { useState } from 'react'
import { fetchQuery, graphql } from '../../api/client.ts'
import type { UnwantedDeliveries } from '../../gql/graphql.ts'
import { conditionOf, type EndpointDraft } from '../../lib/endpoint-draft.ts'
import { formatCapped } from '../../lib/format.ts'
import { Button } from '../../ui/button.tsx'
import { Dialog } from '../../ui/dialog.tsx'
import { Choice, Field, TextInput } from '../../ui/field.tsx'
import { Notice } from '../../ui/states.tsx'
import type { EndpointDetail } from '../endpoints/endpoint-detail.ts'

const UNWANTED = graphql(`
  query UnwantedDeliveries($tenantId: ID, $endpointId: ID, $eventTypes: [String!], $condition: String) {
    filterPreview(
      tenantId: $tenantId
      endpointId: $endpointId
      eventTypes: $eventTypes
      condition: $condition
      last: 1
    ) {
      unwanted {
        count
        precision
      }
    }
  }
`)

export type Count = { readonly count: number; readonly precision: string }

/** How many deliveries wait for the endpoint that the filter of the draft does not want. Throws ApiError. */
export async function countUnwanted(
  { id, tenantId }: Pick<EndpointDetail, 'id' | 'tenantId'>,
  { eventTypes, condition }: Pick<EndpointDraft, 'eventTypes' | 'condition'>,
): Promise<Count> {
  const { filterPreview } = await fetchQuery(UNWANTED, {
    tenantId,
    endpointId: id,
    eventTypes: eventTypes && [...eventTypes],
    condition: conditionOf(condition),
  })
  return filterPreview?.unwanted ?? { count: 0, precision: 'EXACT' }
}

const CONFIRMING = 'cancel'

type UnwantedDialogProps = {
  name: string
  unwanted: Count
  isBusy: boolean
  onClose(): void
  onSave(unwanted: UnwantedDeliveries): void
}

export function UnwantedDialog({ name, unwanted, isBusy, onClose, onSave }: UnwantedDialogProps) {
  const [choice, setChoice] = useState<UnwantedDeliveries>('SEND_ALL')
  const [typed, setTyped] = useState('')
  const cancels = choice === 'CANCEL_ALL'
  const count = formatCapped(unwanted)
  const isOne = unwanted.count === 1
  const waiting = isOne ? '1 delivery waits' : `${count} deliveries wait`
  return (
    <Dialog
      isOpen
      onClose={onClose}
      title={`Save the filter of ${name}?`}
      description={`${waiting} that the new filter does not want.`}
      footer={
        <>
          <Button onClick={onClose}>Keep as it is</Button>
          <Button
            kind={cancels ? 'danger' : 'primary'}
            disabled={cancels && typed.trim() !== CONFIRMING}
            isBusy={isBusy}
            onClick={() => onSave(choice)}
          >
            {cancels ? `Save, cancel ${count}` : `Save, send ${count}`}
          </Button>
        </>
      }
    >
      <div className="flex flex-col gap-4">
        <fieldset className="flex flex-col gap-2">
          <legend className="mb-1 font-medium">What becomes of {isOne ? 'it' : 'them'}?</legend>
          <Choice
            group="unwanted"
            isOn={!cancels}
            onChoose={() => setChoice('SEND_ALL')}
            label={`Send ${isOne ? 'it' : 'them'}`}
            hint="The new filter applies to the events that are published from now on."
          />
          <Choice
            group="unwanted"
            isOn={cancels}
            onChoose={() => setChoice('CANCEL_ALL')}
            label={`Cancel ${isOne ? 'it' : 'them'}`}
            hint="The new filter applies to what waits, too."
          />
        </fieldset>
        {cancels && (
          <>
            <Notice tone="bad">
              {isOne ? '1 delivery is' : `${count} deliveries are`} cancelled for good: the receiver never gets{' '}
              {isOne ? 'it' : 'them'}, and what is cancelled cannot be retried.
            </Notice>
            <Field label={`Type “${CONFIRMING}” to go on`}>
              {(control) => <TextInput {...control} value={typed} onChange={(event) => setTyped(event.target.value)} />}
            </Field>
          </>
        )}
      </div>
    </Dialog>
  )
}
