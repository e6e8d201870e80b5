import { Link } from '@tanstack/react-router'
import { FlaskConical, Inbox, Plus, Trash2 } from 'lucide-react'
import { useEffect, useState } from 'react'
import { graphql, useApiQuery } from '../api/client.ts'
import { useStream } from '../api/live.ts'
import { AnswerForm } from '../components/receiver/answer-form.tsx'
import { useCreateReceiver } from '../components/receiver/create-receiver.ts'
import { ReceivedList, type ReceivedRequest } from '../components/receiver/received-list.tsx'
import type { ReceiverPageQuery } from '../gql/graphql.ts'
import { useAction } from '../lib/actions.ts'
import { useRights } from '../session/session.ts'
import { useTenantId } from '../session/tenant.ts'
import { Button, buttonClass } from '../ui/button.tsx'
import { CopyButton } from '../ui/copy-button.tsx'
import { ConfirmDialog } from '../ui/dialog.tsx'
import { Card, Page } from '../ui/page.tsx'
import { Empty, Failed, LoadingRows, Notice } from '../ui/states.tsx'

const PAGE = graphql(`
  query ReceiverPage($tenantId: ID) {
    testReceiver(tenantId: $tenantId) {
      url
      ...ReceiverAnswer
      endpoints {
        id
        name
      }
      requests(first: 100) {
        ...ReceivedRequestRow
      }
    }
  }
`)

const UPDATES = graphql(`
  subscription ReceivedRequests($tenantId: ID) {
    receivedRequests(tenantId: $tenantId) {
      ...ReceivedRequestRow
    }
  }
`)

const DELETE = graphql(`
  mutation DeleteTestReceiver($input: DeleteTestReceiverInput!) {
    deleteTestReceiver(input: $input) {
      ... on DeleteTestReceiverSuccess {
        tenant {
          id
        }
      }
      ...Refusal
    }
  }
`)

const LEAD = 'A receiver in the gateway itself: it answers as you say, and shows what came.'
const MOST_SHOWN = 120

type Receiver = NonNullable<ReceiverPageQuery['testReceiver']>

export function ReceiverPage() {
  const tenantId = useTenantId()
  const { data, fault, refetch } = useApiQuery(PAGE, { tenantId })
  if (fault && !data) return <Failed fault={fault} onRetry={refetch} />
  if (!data) return <LoadingRows />
  const receiver = data.testReceiver
  if (!receiver) return <NoReceiver tenantId={tenantId} onCreated={refetch} />
  return <ShownReceiver tenantId={tenantId} receiver={receiver} reread={refetch} />
}

function NoReceiver({ tenantId, onCreated }: { tenantId: string; onCreated(): void }) {
  const { mayChange } = useRights()
  const { create, isBusy } = useCreateReceiver(tenantId)
  const start = async () => {
    if ((await create()) !== null) onCreated()
  }
  return (
    <Page title="Receiver" lead={LEAD}>
      <Empty
        icon={<Inbox size={28} aria-hidden />}
        title="Try deliveries without a server of your own"
        action={
          mayChange && (
            <Button kind="primary" isBusy={isBusy} onClick={() => void start()}>
              Create the receiver
            </Button>
          )
        }
      >
        It is an ordinary HTTPS address with a secret path. It accepts only what the endpoints of this tenant signed,
        and keeps the last 100 requests for a day.{!mayChange && ' Somebody with the role ADMIN creates it.'}
      </Empty>
    </Page>
  )
}

type ShownProps = { tenantId: string; receiver: Receiver; reread(): void }

function ShownReceiver({ tenantId, receiver, reread }: ShownProps) {
  const { mayChange } = useRights()
  const [isDeleting, setDeleting] = useState(false)
  const requests = useRequests(tenantId, receiver, reread)
  const [endpoint] = receiver.endpoints
  return (
    <Page
      title="Receiver"
      lead={LEAD}
      actions={
        mayChange && (
          <>
            {endpoint && (
              <Link to="/tester" search={{ endpoint: endpoint.id }} className={buttonClass('primary')}>
                <FlaskConical size={14} aria-hidden />
                Send a test
              </Link>
            )}
            <Button kind="danger" icon={<Trash2 size={14} aria-hidden />} onClick={() => setDeleting(true)}>
              Delete
            </Button>
          </>
        )
      }
    >
      <div className="grid max-w-6xl items-start gap-4 xl:grid-cols-[minmax(0,1fr)_340px]">
        <Card title="What came" className={requests.length === 0 ? 'max-xl:order-2' : ''}>
          <div className="max-xl:max-h-[60vh] max-xl:overflow-auto">
            <ReceivedList requests={requests} />
          </div>
        </Card>
        <div className="flex flex-col gap-4">
          <Card title="Address">
            <Address receiver={receiver} mayChange={mayChange} />
          </Card>
          <Card title="Its answer">
            <AnswerForm
              key={`${receiver.statusCode} ${receiver.delayMs} ${receiver.retryAfterSeconds}`}
              tenantId={tenantId}
              answer={receiver}
              mayChange={mayChange}
              onChanged={reread}
            />
          </Card>
        </div>
      </div>
      {isDeleting && (
        <DeleteDialog tenantId={tenantId} receiver={receiver} onClose={() => setDeleting(false)} onDeleted={reread} />
      )}
    </Page>
  )
}

function Address({ receiver: { url, endpoints }, mayChange }: { receiver: Receiver; mayChange: boolean }) {
  if (!url)
    return (
      <div className="p-4">
        <Notice tone="bad">
          This gateway has no HTTPS address any more, so nothing can reach the receiver. Ask the operator to set
          SIVO_PUBLIC_URL.
        </Notice>
      </div>
    )
  return (
    <div className="flex flex-col gap-3 p-4">
      <p className="flex items-start gap-2">
        <span className="min-w-0 flex-1 font-mono text-xs [overflow-wrap:anywhere]">{url}</span>
        <CopyButton text={url} label="Copy the address" />
      </p>
      {endpoints.length > 0 ? (
        <p className="text-ink-2">
          Endpoints that deliver to it:{' '}
          {endpoints.map(({ id, name }, index) => (
            <span key={id}>
              {index > 0 && ', '}
              <Link to="/endpoints/$endpointId" params={{ endpointId: id }} className="text-link underline">
                {name}
              </Link>
            </span>
          ))}
        </p>
      ) : (
        <p className="text-ink-2">No endpoint delivers to it yet.</p>
      )}
      {mayChange && (
        <Link
          to="/endpoints/new"
          search={{ receiver: 'built-in' }}
          className={`${buttonClass(endpoints.length > 0 ? 'plain' : 'primary')} self-start`}
        >
          <Plus size={14} aria-hidden />
          New endpoint for it
        </Link>
      )}
    </div>
  )
}

function DeleteDialog({ tenantId, receiver, onClose, onDeleted }: ShownDelete) {
  const remove = useAction(DELETE, (data) => data.deleteTestReceiver)
  const confirm = async () => {
    const done = await remove.run({ input: { tenantId } })
    onClose()
    if (done) onDeleted()
  }
  const names = receiver.endpoints.map(({ name }) => name).join(', ')
  return (
    <ConfirmDialog
      isOpen
      onClose={onClose}
      title="Delete the receiver"
      description={`Its address and what it shows are gone for good; a new receiver has another address.${names && ` Deliveries to ${names} fail with HTTP 404 from then on.`}`}
      action="Delete"
      isDangerous
      onConfirm={() => void confirm()}
    />
  )
}

type ShownDelete = { tenantId: string; receiver: Receiver; onClose(): void; onDeleted(): void }

/** What came, read once and then pushed. */
function useRequests(tenantId: string, receiver: Receiver, reread: () => void): readonly ReceivedRequest[] {
  const [pushed, setPushed] = useState<readonly ReceivedRequest[]>([])
  // biome-ignore lint/correctness/useExhaustiveDependencies: a newer list includes what was pushed
  useEffect(() => setPushed([]), [receiver])
  useStream(
    UPDATES,
    { tenantId },
    {
      next: ({ receivedRequests }) => setPushed((before) => [receivedRequests, ...before].slice(0, MOST_SHOWN)),
      resumed: reread,
      poll: async () => reread(),
    },
  )
  const known = new Set(receiver.requests.map(({ id }) => id))
  return [...pushed.filter(({ id }) => !known.has(id)), ...receiver.requests].slice(0, MOST_SHOWN)
}
