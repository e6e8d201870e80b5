// Who is told of incidents of the tenant, with a test for each.

import { BellRing, Plus } from 'lucide-react'
import { useState } from 'react'
import { graphql, useApiQuery } from '../../api/client.ts'
import type { NoticeRecipientKind, NoticeRecipientsQuery } from '../../gql/graphql.ts'
import { issueAt, issuesElsewhere, useAction } from '../../lib/actions.ts'
import { useInterval } from '../../lib/use-interval.ts'
import { Button } from '../../ui/button.tsx'
import { classes } from '../../ui/classes.ts'
import { ConfirmDialog, Dialog } from '../../ui/dialog.tsx'
import { Choice, Field, TextInput } from '../../ui/field.tsx'
import { PlainTable } from '../../ui/plain-table.tsx'
import { Empty, Failed, LoadingRows, Notice } from '../../ui/states.tsx'
import { Ago } from '../../ui/time.tsx'
import { toast } from '../../ui/toast.tsx'

const RECIPIENTS = graphql(`
  query NoticeRecipients($tenantId: ID) {
    noticeRecipients(tenantId: $tenantId) {
      id
      kind
      address
      lastSentAt
      lastError
      waitingCount
    }
  }
`)

const ADD = graphql(`
  mutation AddNoticeRecipient($input: AddNoticeRecipientInput!) {
    addNoticeRecipient(input: $input) {
      ... on AddNoticeRecipientSuccess {
        recipient {
          id
          address
        }
      }
      ...Refusal
    }
  }
`)

const REMOVE = graphql(`
  mutation RemoveNoticeRecipient($id: ID!) {
    removeNoticeRecipient(id: $id) {
      ... on RemoveNoticeRecipientSuccess {
        recipientId
      }
      ...Refusal
    }
  }
`)

const TEST = graphql(`
  mutation SendTestNotice($id: ID!) {
    sendTestNotice(id: $id) {
      ... on SendTestNoticeSuccess {
        recipient {
          id
        }
      }
      ...Refusal
    }
  }
`)

const READ_EVERY_MS = 3_000

type Recipient = NonNullable<NoticeRecipientsQuery['noticeRecipients']>[number]

export function NoticeRecipients({ tenantId }: { tenantId: string }) {
  const { data, fault, refetch } = useApiQuery(RECIPIENTS, { tenantId })
  useInterval(refetch, READ_EVERY_MS)
  const [isAdding, setAdding] = useState(false)
  const [removing, setRemoving] = useState<Recipient | null>(null)
  const remove = useAction(REMOVE, (reply) => reply.removeNoticeRecipient)
  const confirm = async () => {
    const done = removing && (await remove.run({ id: removing.id }))
    setRemoving(null)
    if (!done) return
    toast({ tone: 'good', title: `${removing.address} gets no more notices.` })
    refetch()
  }
  const recipients = data?.noticeRecipients ?? []
  return (
    <div className="flex flex-col gap-3 px-6 py-4 max-sm:px-4">
      <div className="flex flex-wrap items-center gap-3">
        <p className="min-w-64 flex-1 text-ink-2">
          They get one message when an endpoint fails, is disabled, falls behind, gets dead letters or has an old
          signing secret, and one when that is over.
        </p>
        <Button kind="primary" icon={<Plus size={14} aria-hidden />} onClick={() => setAdding(true)}>
          Add a recipient
        </Button>
      </div>
      {fault && !data ? (
        <Failed fault={fault} onRetry={refetch} />
      ) : !data ? (
        <LoadingRows rows={3} />
      ) : recipients.length === 0 ? (
        <Empty icon={<BellRing size={28} aria-hidden />} title="Nobody is told">
          Add an e-mail address or a webhook of Slack or Teams, so that somebody knows when an endpoint fails.
        </Empty>
      ) : (
        <div className="overflow-x-auto rounded-lg border border-line bg-surface">
          <PlainTable caption="Recipients of notices" headers={['By', 'Address', 'Last message', '']}>
            {recipients.map((recipient) => (
              <Row
                key={recipient.id}
                recipient={recipient}
                onRemove={() => setRemoving(recipient)}
                onTested={refetch}
              />
            ))}
          </PlainTable>
        </div>
      )}
      {isAdding && <AddDialog tenantId={tenantId} onAdded={refetch} onClose={() => setAdding(false)} />}
      <ConfirmDialog
        isOpen={removing !== null}
        onClose={() => setRemoving(null)}
        title={`Remove ${removing?.address ?? ''}?`}
        description="It gets no more notices, also none of those that wait."
        action="Remove the recipient"
        isDangerous
        isBusy={remove.isBusy}
        onConfirm={() => void confirm()}
      />
    </div>
  )
}

type RowProps = { recipient: Recipient; onRemove(): void; onTested(): void }

function Row({ recipient, onRemove, onTested }: RowProps) {
  const { id, kind, address, lastSentAt, lastError, waitingCount } = recipient
  const test = useAction(TEST, (reply) => reply.sendTestNotice)
  const send = async () => {
    if (!(await test.run({ id }))) return
    toast({ tone: 'good', title: 'The test is on its way. It arrives within a minute.' })
    onTested()
  }
  const cell = 'h-10 border-b border-line px-3 py-2'
  return (
    <tr>
      <td className={cell}>{NAMES[kind]}</td>
      <th scope="row" className={classes(cell, 'text-left font-mono text-xs font-medium')}>
        {address}
      </th>
      <td className={cell}>
        {lastSentAt ? <Ago at={lastSentAt} /> : <span className="text-ink-3">none yet</span>}
        {lastError && <span className="block max-w-md text-xs text-bad">Not sent: {lastError}</span>}
        {waitingCount > 0 && (
          <span className="block text-xs text-ink-3">
            {waitingCount} {waitingCount === 1 ? 'notice waits' : 'notices wait'}
          </span>
        )}
      </td>
      <td className={classes(cell, 'text-right whitespace-nowrap')}>
        <span className="inline-flex gap-2">
          <Button size="small" isBusy={test.isBusy} onClick={() => void send()}>
            Send a test
          </Button>
          <Button size="small" kind="danger" onClick={onRemove}>
            Remove
          </Button>
        </span>
      </td>
    </tr>
  )
}

const NAMES: Record<NoticeRecipientKind, string> = { EMAIL: 'E-mail', SLACK: 'Slack', TEAMS: 'Teams' }
const HINTS: Record<NoticeRecipientKind, string> = {
  EMAIL: 'Such as ana@example.com.',
  SLACK: 'The URL of an incoming webhook, such as https://hooks.slack.com/services/…',
  TEAMS: 'The URL of the webhook of a Teams workflow.',
}
const KINDS: readonly NoticeRecipientKind[] = ['EMAIL', 'SLACK', 'TEAMS']

type AddProps = { tenantId: string; onAdded(): void; onClose(): void }

function AddDialog({ tenantId, onAdded, onClose }: AddProps) {
  const [kind, setKind] = useState<NoticeRecipientKind>('EMAIL')
  const [address, setAddress] = useState('')
  const add = useAction(ADD, (reply) => reply.addNoticeRecipient, { showsRefusal: true })
  const run = async () => {
    const done = await add.run({ input: { tenantId, kind, address: address.trim() } })
    if (!done) return
    toast({ tone: 'good', title: `${done.recipient.address} is told of incidents from now on.` })
    onAdded()
    onClose()
  }
  return (
    <Dialog
      isOpen
      onClose={onClose}
      title="Add a recipient"
      footer={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button kind="primary" disabled={address.trim() === ''} isBusy={add.isBusy} onClick={() => void run()}>
            Add
          </Button>
        </>
      }
    >
      <div className="flex flex-col gap-4" onChange={() => add.forget()}>
        <fieldset className="flex flex-col gap-2">
          <legend className="mb-1 font-medium">How is the recipient reached?</legend>
          {KINDS.map((one) => (
            <Choice
              key={one}
              group="kind"
              isOn={kind === one}
              onChoose={() => setKind(one)}
              label={NAMES[one]}
              hint={HINTS[one]}
            />
          ))}
          {issueAt(add.refusal, 'kind') && (
            <p role="alert" className="text-xs text-bad">
              {issueAt(add.refusal, 'kind')}
            </p>
          )}
        </fieldset>
        <Field label={kind === 'EMAIL' ? 'E-mail address' : 'URL'} error={issueAt(add.refusal, 'address')}>
          {(control) => <TextInput {...control} value={address} onChange={(event) => setAddress(event.target.value)} />}
        </Field>
        {issuesElsewhere(add.refusal, ['kind', 'address']).map((message) => (
          <Notice key={message} tone="bad">
            {message}
          </Notice>
        ))}
      </div>
    </Dialog>
  )
}
