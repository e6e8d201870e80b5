import { useState } from 'react'
import { graphql } from '../../api/client.ts'
import { issueAt, issuesElsewhere, useAction } from '../../lib/actions.ts'
import { countOfDays } from '../../lib/format.ts'
import { Button } from '../../ui/button.tsx'
import { Dialog } from '../../ui/dialog.tsx'
import { Field, TextInput } from '../../ui/field.tsx'
import { Notice } from '../../ui/states.tsx'
import { toast } from '../../ui/toast.tsx'

const UPDATE = graphql(`
  mutation ChangePayloadRetention($input: UpdateTenantInput!) {
    updateTenant(input: $input) {
      ... on UpdateTenantSuccess {
        tenant {
          id
          payloadRetentionDays
        }
      }
      ...Refusal
    }
  }
`)

type DialogProps = {
  tenant: { id: string; payloadRetentionDays: number | null; retentionDays: number }
  onClose(): void
  onChanged(): void
}

/** Changes for how long a tenant keeps the payloads of its events. */
export function PayloadRetentionDialog({ tenant, onClose, onChanged }: DialogProps) {
  const [days, setDays] = useState(String(tenant.payloadRetentionDays ?? ''))
  const update = useAction(UPDATE, (data) => data.updateTenant, { showsRefusal: true })
  const asked = days.trim()
  const isNumber = asked === '' || /^\d{1,6}$/.test(asked)
  const isShorter = asked !== '' && Number(asked) < (tenant.payloadRetentionDays ?? tenant.retentionDays)
  const save = async () => {
    const input = { tenantId: tenant.id, payloadRetentionDays: asked === '' ? null : Number(asked) }
    if (!(await update.run({ input }))) return
    toast({ tone: 'good', title: 'The retention was changed.' })
    onChanged()
    onClose()
  }
  return (
    <Dialog
      isOpen
      onClose={onClose}
      title="Retention of payloads"
      description="For how long the bodies of events, and of the responses to them, are kept. The log of deliveries stays."
      footer={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button kind="primary" isBusy={update.isBusy} disabled={!isNumber} onClick={() => void save()}>
            Save
          </Button>
        </>
      }
    >
      <div className="flex flex-col gap-4" onChange={() => update.forget()}>
        <Field
          label="Days"
          hint={`Empty: as long as events, which this deployment keeps for ${countOfDays(tenant.retentionDays)}.`}
          error={
            isNumber ? issueAt(update.refusal, 'payloadRetentionDays') : 'Enter a whole number of days, or nothing.'
          }
        >
          {(control) => (
            <TextInput
              {...control}
              inputMode="numeric"
              value={days}
              onChange={(event) => setDays(event.target.value)}
            />
          )}
        </Field>
        {isShorter && (
          <Notice tone="warn">
            Older payloads are deleted within the hour, and nothing brings them back. A dead letter without its payload
            cannot be retried. A payload that still waits to be sent is kept.
          </Notice>
        )}
        {issuesElsewhere(update.refusal, ['payloadRetentionDays']).map((message) => (
          <Notice key={message} tone="bad">
            {message}
          </Notice>
        ))}
      </div>
    </Dialog>
  )
}
