import { useNavigate } from '@tanstack/react-router'
import { Trash2 } from 'lucide-react'
import { type FormEvent, useMemo, useState } from 'react'
import { graphql } from '../../api/client.ts'
import { issuesElsewhere, useAction } from '../../lib/actions.ts'
import { draftOf, type EndpointDraft, updateInput, validateNumber } from '../../lib/endpoint-draft.ts'
import { Button } from '../../ui/button.tsx'
import { ConfirmDialog } from '../../ui/dialog.tsx'
import { Card } from '../../ui/page.tsx'
import { Notice } from '../../ui/states.tsx'
import { toast } from '../../ui/toast.tsx'
import { LeaveGuard } from '../shell/leave-guard.tsx'
import type { EndpointDetail } from './endpoint-detail.ts'
import { AddressFields, HeaderFields, LimitFields, OrderField } from './endpoint-fields.tsx'
import { EndpointSecret } from './endpoint-secret.tsx'

export const UPDATE_ENDPOINT = graphql(`
  mutation UpdateEndpoint($id: ID!, $input: UpdateEndpointInput!, $unwanted: UnwantedDeliveries! = SEND_ALL) {
    updateEndpoint(id: $id, input: $input, unwanted: $unwanted) {
      ... on UpdateEndpointSuccess {
        endpoint {
          ...EndpointDetail
        }
      }
      ...Refusal
    }
  }
`)

const DELETE = graphql(`
  mutation DeleteEndpoint($id: ID!) {
    deleteEndpoint(id: $id) {
      ... on DeleteEndpointSuccess {
        endpoint {
          id
          deletedAt
        }
      }
      ...Refusal
    }
  }
`)

const PLACES = ['name', 'url', 'maxInFlight', 'rateLimitPerSecond', 'headers']

export function EndpointSettings({ endpoint }: { endpoint: EndpointDetail }) {
  const stored = useMemo(() => draftOf(endpoint), [endpoint])
  const [edited, setEdited] = useState<Partial<EndpointDraft>>({})
  const draft = { ...stored, ...edited }
  const update = useAction(UPDATE_ENDPOINT, (data) => data.updateEndpoint, { showsRefusal: true })
  const input = updateInput(draft, stored)
  const isChanged = Object.keys(input).length > 0
  const isSendable = validateNumber(draft.maxInFlight) === null && validateNumber(draft.rateLimitPerSecond) === null
  const change = (some: Partial<EndpointDraft>) => {
    setEdited({ ...edited, ...some })
    update.forget(...Object.keys(some))
  }
  const submit = async (event: FormEvent) => {
    event.preventDefault()
    const done = await update.run({ id: endpoint.id, input })
    if (!done) return
    setEdited({})
    toast({ tone: 'good', title: 'Saved. The next attempt follows it, also of deliveries that wait already.' })
  }
  const fields = { draft, onChange: change, refusal: update.refusal }
  return (
    <div className="flex max-w-4xl flex-col gap-4 px-6 py-4 max-sm:px-4">
      <LeaveGuard
        isActive={isChanged}
        title="Leave without saving?"
        description="What you changed in the settings of this endpoint is not saved."
        action="Leave without saving"
      />
      <Card title="Address, limits and headers">
        <form onSubmit={submit} className="flex flex-col gap-6 p-4">
          <AddressFields {...fields} />
          <LimitFields {...fields} />
          <OrderField draft={draft} onChange={change} />
          <HeaderFields {...fields} />
          {issuesElsewhere(update.refusal, PLACES).map((message) => (
            <Notice key={message} tone="bad">
              {message}
            </Notice>
          ))}
          <div className="flex justify-end gap-2">
            {isChanged && (
              <Button
                onClick={() => {
                  setEdited({})
                  update.forget()
                }}
              >
                Discard
              </Button>
            )}
            <Button type="submit" kind="primary" disabled={!isChanged || !isSendable} isBusy={update.isBusy}>
              Save
            </Button>
          </div>
        </form>
      </Card>
      <EndpointSecret endpoint={endpoint} />
      <DeleteEndpoint endpoint={endpoint} />
    </div>
  )
}

function DeleteEndpoint({ endpoint }: { endpoint: EndpointDetail }) {
  const [isAsking, setAsking] = useState(false)
  const navigate = useNavigate()
  const remove = useAction(DELETE, (data) => data.deleteEndpoint)
  const confirm = async () => {
    const done = await remove.run({ id: endpoint.id })
    if (!done) return
    toast({ tone: 'good', title: `${endpoint.name} was deleted. Its history stays readable.` })
    void navigate({ to: '/endpoints' })
  }
  return (
    <Card title="Delete">
      <div className="flex flex-wrap items-center gap-4 p-4">
        <p className="min-w-64 flex-1 text-ink-2">
          What waits for it is cancelled, and its dead letters can no longer be retried. Its history stays readable. To
          stop it for a while, pause it.
        </p>
        <Button kind="danger" icon={<Trash2 size={14} aria-hidden />} onClick={() => setAsking(true)}>
          Delete endpoint
        </Button>
      </div>
      {isAsking && (
        <ConfirmDialog
          isOpen
          onClose={() => setAsking(false)}
          title={`Delete ${endpoint.name}?`}
          description="This cannot be undone, and there is no way to get it back: deliveries that wait for it are cancelled, and its dead letters can no longer be retried. A pause stops it too, and can be undone."
          action="Delete endpoint"
          isDangerous
          mustType={endpoint.name}
          isBusy={remove.isBusy}
          onConfirm={() => void confirm()}
        />
      )}
    </Card>
  )
}
