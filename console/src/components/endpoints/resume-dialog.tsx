// The dialog before an endpoint is resumed: what to do with its held deliveries, and how many each choice concerns. A
// choice that cancels deliveries says so, and needs a confirmation.

import { Play } from 'lucide-react'
import { useState } from 'react'
import { graphql, useApiQuery } from '../../api/client.ts'
import { useRereadOnChange } from '../../api/reread.ts'
import type { DeliveryFilter, HeldDeliveries } from '../../gql/graphql.ts'
import { sentencesOf, useAction } from '../../lib/actions.ts'
import { formatCapped, toIso, toLocal } from '../../lib/format.ts'
import { Button } from '../../ui/button.tsx'
import { Dialog } from '../../ui/dialog.tsx'
import { Choice, Field, TextInput } from '../../ui/field.tsx'
import { Failed, LoadingRows, Notice } from '../../ui/states.tsx'
import { toast } from '../../ui/toast.tsx'
import type { EndpointDetail } from './endpoint-detail.ts'
import { PAUSE, RESUME } from './endpoint-status.ts'

const HELD = graphql(`
  query HeldDeliveries($all: DeliveryFilter, $later: DeliveryFilter, $earlier: DeliveryFilter) {
    all: deliveryCount(filter: $all) {
      count
      precision
    }
    later: deliveryCount(filter: $later) {
      count
      precision
    }
    earlier: deliveryCount(filter: $earlier) {
      count
      precision
    }
  }
`)

type Count = { readonly count: number; readonly precision: string }

const NONE: Count = { count: 0, precision: 'EXACT' }
const HOUR_MS = 3_600_000
const CONFIRMING = 'cancel'

type ResumeDialogProps = { endpoint: Pick<EndpointDetail, 'id' | 'tenantId' | 'name'>; onClose(): void }

export function ResumeDialog({ endpoint, onClose }: ResumeDialogProps) {
  const [choice, setChoice] = useState<HeldDeliveries>('SEND_ALL')
  const [local, setLocal] = useState(() => toLocal(new Date(Date.now() - HOUR_MS).toISOString()))
  const [typed, setTyped] = useState('')
  const since = toIso(local)
  const held: DeliveryFilter = { tenantId: endpoint.tenantId, endpointIds: [endpoint.id], statuses: ['HELD'] }
  const { data, fault, isLoading, refetch } = useApiQuery(HELD, {
    all: held,
    later: { ...held, from: since },
    earlier: { ...held, to: since },
  })
  useRereadOnChange({ tenantId: endpoint.tenantId, endpointIds: [endpoint.id] }, refetch)
  const pause = useAction(PAUSE, (reply) => reply.pauseEndpoint)
  const resume = useAction(RESUME, (reply) => reply.resumeEndpoint, { showsRefusal: true })

  const all = data?.all ?? NONE
  const isSince = choice === 'SEND_SINCE'
  const sent = choice === 'SEND_ALL' ? all : isSince ? (data?.later ?? NONE) : NONE
  const cancelled = choice === 'CANCEL_ALL' ? all : isSince ? (data?.earlier ?? NONE) : NONE
  const cancels = cancelled.count > 0
  const isCounted = data !== undefined && (!isSince || (since !== undefined && !isLoading))
  const mayGo = isCounted && (!cancels || typed.trim() === CONFIRMING)

  const run = async () => {
    const done = await resume.run({ id: endpoint.id, held: choice, since: isSince ? since : null })
    if (!done) return
    toast({
      tone: 'good',
      title: `${endpoint.name} is active again. ${whatHappened(sent, cancelled)}`,
      action: { label: 'Undo', run: () => void pause.run({ id: endpoint.id }) },
    })
    onClose()
  }
  return (
    <Dialog
      isOpen
      onClose={onClose}
      title={`Resume ${endpoint.name}`}
      description={data && (all.count === 0 ? 'Nothing is held for it.' : `${deliveries(all)} held for it.`)}
      footer={
        <>
          <Button onClick={onClose}>Keep as it is</Button>
          <Button
            kind={cancels ? 'danger' : 'primary'}
            icon={<Play size={14} aria-hidden />}
            disabled={!mayGo}
            isBusy={resume.isBusy}
            onClick={() => void run()}
          >
            {labelOf(sent, cancelled)}
          </Button>
        </>
      }
    >
      {fault && !data ? (
        <Failed fault={fault} onRetry={refetch} isSmall />
      ) : !data ? (
        <LoadingRows rows={4} />
      ) : all.count === 0 ? (
        <p>What is published from now on goes out at once.</p>
      ) : (
        <div className="flex flex-col gap-4" onChange={() => resume.forget()}>
          <fieldset className="flex flex-col gap-2">
            <legend className="mb-1 font-medium">What becomes of them?</legend>
            <Choice
              group="held"
              isOn={choice === 'SEND_ALL'}
              onChoose={() => setChoice('SEND_ALL')}
              label={`Send all ${formatCapped(all)}`}
              hint="The oldest first, as fast as the endpoint’s limits allow."
            />
            <Choice
              group="held"
              isOn={isSince}
              onChoose={() => setChoice('SEND_SINCE')}
              label="Send those created since a moment, cancel the older ones"
              hint={
                since === undefined
                  ? 'Choose the moment.'
                  : `${formatCapped(data.later ?? NONE)} to send, ${formatCapped(data.earlier ?? NONE)} to cancel.`
              }
            />
            {isSince && (
              <div className="w-64 pl-9">
                <Field
                  label="Created since"
                  hint={`In your time zone, ${Intl.DateTimeFormat().resolvedOptions().timeZone}.`}
                  error={since === undefined ? 'Choose a day and a time.' : null}
                >
                  {(control) => (
                    <TextInput
                      {...control}
                      type="datetime-local"
                      value={local}
                      onChange={(event) => setLocal(event.target.value)}
                    />
                  )}
                </Field>
              </div>
            )}
            <Choice
              group="held"
              isOn={choice === 'CANCEL_ALL'}
              onChoose={() => setChoice('CANCEL_ALL')}
              label={`Cancel all ${formatCapped(all)}`}
              hint="Only what is published from now on goes out."
            />
          </fieldset>
          {cancels && (
            <>
              <Notice tone="bad">
                {deliveries(cancelled)} cancelled for good: the receiver never gets{' '}
                {cancelled.count === 1 ? 'it' : 'them'}, and what is cancelled cannot be retried.
              </Notice>
              <Field label={`Type “${CONFIRMING}” to go on`}>
                {(control) => (
                  <TextInput {...control} value={typed} onChange={(event) => setTyped(event.target.value)} />
                )}
              </Field>
            </>
          )}
        </div>
      )}
      {resume.refusal &&
        sentencesOf(resume.refusal).map((sentence) => (
          <Notice key={sentence} tone="bad">
            {sentence}
          </Notice>
        ))}
    </Dialog>
  )
}

/** "1 delivery is", "12 deliveries are" */
function deliveries(count: Count): string {
  return count.count === 1 ? '1 delivery is' : `${formatCapped(count)} deliveries are`
}

function labelOf(sent: Count, cancelled: Count): string {
  if (sent.count > 0 && cancelled.count > 0)
    return `Resume, send ${formatCapped(sent)}, cancel ${formatCapped(cancelled)}`
  if (cancelled.count > 0) return `Resume, cancel ${formatCapped(cancelled)}`
  return sent.count > 0 ? `Resume, send ${formatCapped(sent)}` : 'Resume'
}

function whatHappened(sent: Count, cancelled: Count): string {
  const parts = []
  if (sent.count > 0) parts.push(`${deliveries(sent)} going out.`)
  if (cancelled.count > 0) parts.push(`${deliveries(cancelled)} cancelled.`)
  return parts.join(' ')
}
