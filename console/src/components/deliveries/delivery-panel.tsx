// One delivery beside the list in which it was found: its status, the reason, and the possible actions. Attempts appear
// when they are made.

import { Link, useNavigate } from '@tanstack/react-router'
import { Ban, CircleHelp, Ellipsis, RotateCw, X } from 'lucide-react'
import { useRef, useState } from 'react'
import { fetchQuery, graphql, useApiQuery } from '../../api/client.ts'
import { cancelDelivery, isCancellable, retryDelivery, retryLabel } from '../../api/deliver-again.ts'
import { useStream } from '../../api/live.ts'
import type { DeliveryDetailFragment } from '../../gql/graphql.ts'
import { asCurl } from '../../lib/curl.ts'
import { useShortcut } from '../../lib/keyboard.ts'
import { explainFailure, explainReason } from '../../lib/words.ts'
import { useRights } from '../../session/session.ts'
import { Button, IconButton } from '../../ui/button.tsx'
import { classes } from '../../ui/classes.ts'
import { CopyButton, copyText } from '../../ui/copy-button.tsx'
import { Menu } from '../../ui/menu.tsx'
import { PANEL_CLASS } from '../../ui/page.tsx'
import { Empty, Failed, LoadingRows } from '../../ui/states.tsx'
import { Tabs } from '../../ui/tabs.tsx'
import { Countdown, Time } from '../../ui/time.tsx'
import { toast } from '../../ui/toast.tsx'
import { CallTimeline } from '../events/call-timeline.tsx'
import { ExplainDialog } from '../events/explain-dialog.tsx'
import { EventTab, RequestTab, ResponseTab, TimingTab } from './attempt-tabs.tsx'
import { CancelDialog, SendAgainDialog } from './deliver-again-dialogs.tsx'
import { RetryLadder } from './retry-ladder.tsx'
import { SignatureTab } from './signature-tab.tsx'
import { DeliveryStatusBadge, EndpointStatusBadge, TestBadge } from './status.tsx'

graphql(`
  fragment AttemptDetail on Attempt {
    id
    number
    trigger
    startedAt
    latencyMs
    url
    statusCode
    errorCode
    errorMessage
    requestHeaders {
      name
      value
    }
    responseHeaders {
      name
      value
    }
    responseBody
    responseBodyTruncated
    responseBodyNote
    responseBodyDeletedAt
    requestCount
    timing {
      dnsMs
      connectMs
      tlsMs
      firstByteMs
      totalMs
    }
  }
`)

graphql(`
  fragment DeliveryDetail on Delivery {
    ...DeliveryRow
    endpoint {
      id
      tenantId
      name
      url
      status
      disabledReason
      asksToWaitUntil
      deletedAt
    }
    event {
      id
      type
      subject
      sequence
      test
      occurredAt
      createdAt
      body
      payloadDeletedAt
    }
    plannedAttempts {
      number
      earliestAt
    }
    attempts {
      ...AttemptDetail
    }
  }
`)

const DELIVERY = graphql(`
  query DeliveryPanel($id: ID!) {
    delivery(id: $id) {
      ...DeliveryDetail
    }
  }
`)

const UPDATES = graphql(`
  subscription DeliveryPanelUpdates($filter: DeliveryFilter) {
    deliveryUpdates(filter: $filter) {
      cursor
      deliveries {
        ...DeliveryDetail
      }
    }
  }
`)

type Detail = DeliveryDetailFragment
type TabName = 'response' | 'request' | 'timing' | 'signature' | 'event' | 'call'

export function DeliveryPanel({ deliveryId, onClose }: { deliveryId: string; onClose(): void }) {
  const { data, fault, refetch } = useApiQuery(DELIVERY, { id: deliveryId })
  const [pushed, setPushed] = useState<Detail | null>(null)
  const read = data?.delivery ?? null
  const delivery = newer(read, pushed)
  const streamedSince = useRef<string | null>(null)

  useStream(
    UPDATES,
    delivery ? { filter: { tenantId: delivery.endpoint.tenantId, eventId: delivery.event.id } } : null,
    {
      next({ deliveryUpdates }) {
        // The first batch shows that the stream is open. Read once more, because something may have changed before that.
        if (streamedSince.current !== deliveryId) {
          streamedSince.current = deliveryId
          refetch()
        }
        const found = deliveryUpdates.deliveries.find(({ id }) => id === deliveryId)
        if (found) setPushed(found)
      },
      resumed: refetch,
      poll: async () => setPushed((await fetchQuery(DELIVERY, { id: deliveryId })).delivery ?? null),
    },
  )
  useShortcut({ keys: 'Escape', does: 'Close the delivery', group: 'This delivery' }, onClose)

  return (
    <aside aria-label="Delivery" className={classes(PANEL_CLASS, 'max-md:overflow-y-auto')}>
      {delivery ? (
        <Found
          delivery={delivery}
          onChanged={(row) => setPushed({ ...delivery, ...row, endpoint: delivery.endpoint, event: delivery.event })}
          onClose={onClose}
        />
      ) : (
        <>
          <div className="flex justify-end p-3">
            <IconButton label="Close" icon={<X size={16} />} onClick={onClose} />
          </div>
          {fault ? (
            <Failed fault={fault} onRetry={refetch} />
          ) : data ? (
            <Empty title="There is no such delivery">{deliveryId} does not exist, or belongs to somebody else.</Empty>
          ) : (
            <LoadingRows />
          )}
        </>
      )}
    </aside>
  )
}

type FoundProps = {
  delivery: Detail
  onChanged(row: Pick<Detail, 'status' | 'reason' | 'nextAttemptAt' | 'attemptCount' | 'maxAttempts'>): void
  onClose(): void
}

function Found({ delivery, onChanged, onClose }: FoundProps) {
  const { mayChange } = useRights()
  const navigate = useNavigate()
  const [tab, setTab] = useState<TabName>('response')
  const [chosen, setChosen] = useState<number | null>(null)
  const [isBusy, setBusy] = useState(false)
  const [asking, setAsking] = useState<'cancel' | 'send again' | null>(null)
  const [isExplaining, setExplaining] = useState(false)
  const { attempts, event, endpoint } = delivery
  const attempt = attempts.find(({ number }) => number === chosen) ?? attempts.at(-1) ?? null
  const label = endpoint.deletedAt ? null : retryLabel(delivery)

  // A delivered one is sent a second time: that is asked first.
  const askOrRetry = () => (delivery.status === 'SUCCEEDED' ? setAsking('send again') : void retry())
  const retry = async () => {
    setAsking(null)
    if (!mayChange || label === null || isBusy) return
    setBusy(true)
    const changed = await retryDelivery(delivery)
    setBusy(false)
    if (!changed) return
    setChosen(null)
    onChanged(changed)
    toast({ tone: 'good', title: delivery.status === 'SUCCEEDED' ? 'It is being sent again.' : 'It is being retried.' })
  }
  const cancel = async () => {
    setAsking(null)
    const changed = await cancelDelivery(delivery)
    if (changed) onChanged(changed)
  }
  useShortcut(mayChange && label !== null ? { keys: 'r', does: label, group: 'This delivery' } : null, askOrRetry)
  useShortcut({ keys: 'c', does: 'Copy its id', group: 'This delivery' }, async () => {
    if (await copyText(delivery.id)) toast({ tone: 'good', title: `${delivery.id} copied.` })
  })
  useShortcut(
    mayChange ? { keys: 't', does: 'Test its endpoint', group: 'This delivery' } : null,
    () => void navigate({ to: '/tester', search: { endpoint: endpoint.id, type: event.type } }),
  )

  return (
    <>
      <header className="flex shrink-0 flex-col gap-3 border-b border-line px-4 pt-3 pb-4">
        <div className="flex items-start gap-2">
          <div className="min-w-0 flex-1">
            <div className="flex flex-wrap items-center gap-2">
              <h2 className="text-base font-semibold">{event.type}</h2>
              <DeliveryStatusBadge status={delivery.status} attemptCount={delivery.attemptCount} />
              {event.test && <TestBadge />}
            </div>
            <p className="flex items-center gap-1 text-ink-2">
              <span className="truncate font-mono text-xs">{delivery.id}</span>
              <CopyButton text={delivery.id} label="Copy the delivery’s id" />
            </p>
          </div>
          <IconButton label="Close" icon={<X size={16} />} onClick={onClose} />
        </div>
        <p className="flex min-w-0 flex-wrap items-center gap-x-2 text-ink-2">
          to
          <Link
            to="/endpoints/$endpointId"
            params={{ endpointId: endpoint.id }}
            className="truncate font-medium text-link hover:underline"
          >
            {endpoint.name}
          </Link>
          {(endpoint.status !== 'ACTIVE' || endpoint.asksToWaitUntil) && (
            <EndpointStatusBadge status={endpoint.status} asksToWaitUntil={endpoint.asksToWaitUntil} />
          )}
          {endpoint.deletedAt && <span className="text-bad">deleted</span>}
          <span className="text-ink-3">
            created <Time at={delivery.createdAt} />
          </span>
        </p>
        <Why delivery={delivery} />
        <div className="flex flex-wrap gap-2">
          {mayChange && label !== null && (
            <Button
              kind={delivery.status === 'SUCCEEDED' ? 'plain' : 'primary'}
              icon={<RotateCw size={14} aria-hidden />}
              isBusy={isBusy}
              onClick={askOrRetry}
            >
              {delivery.status === 'SUCCEEDED' ? `${label} …` : label}
            </Button>
          )}
          {mayChange && isCancellable(delivery) && (
            <Button icon={<Ban size={14} aria-hidden />} onClick={() => setAsking('cancel')}>
              Cancel …
            </Button>
          )}
          <CopyButton
            size="normal"
            label="Copy as curl"
            text={() => asCurl(endpoint.url, event.body ?? '', attempt?.requestHeaders ?? [])}
          >
            Copy curl
          </CopyButton>
          {event.subject && (
            <Button onClick={() => void navigate({ to: '/call', search: { subject: event.subject! } })}>
              Open call
            </Button>
          )}
          <Button icon={<CircleHelp size={14} aria-hidden />} onClick={() => setExplaining(true)}>
            Explain
          </Button>
          {isExplaining && (
            <ExplainDialog
              eventId={event.id}
              tenantId={endpoint.tenantId}
              endpoint={endpoint}
              onClose={() => setExplaining(false)}
            />
          )}
          <Menu
            trigger={<IconButton label="More" kind="plain" icon={<Ellipsis size={16} />} />}
            items={[
              {
                label: 'Copy its address',
                onSelect: () => void copyText(`${location.origin}/deliveries/${delivery.id}`),
              },
              { label: 'Copy the event’s id', onSelect: () => void copyText(event.id) },
              {
                label: 'All deliveries of this event',
                onSelect: () =>
                  void navigate({ to: '/deliveries', search: { eventId: event.id, delivery: delivery.id } }),
              },
            ]}
          />
        </div>
        {asking === 'cancel' && (
          <CancelDialog rows={[delivery]} onClose={() => setAsking(null)} onConfirm={() => void cancel()} />
        )}
        {asking === 'send again' && (
          <SendAgainDialog row={delivery} onClose={() => setAsking(null)} onConfirm={() => void retry()} />
        )}
        <RetryLadder delivery={delivery} chosen={attempt?.number ?? null} onChoose={setChosen} />
      </header>
      <Tabs<TabName>
        label="About this delivery"
        inset="panel"
        value={tab}
        onChange={setTab}
        tabs={[
          { value: 'response', label: 'Response', content: <ResponseTab attempt={attempt} /> },
          {
            value: 'request',
            label: 'Request',
            content: <RequestTab attempt={attempt} endpoint={endpoint} event={event} />,
          },
          { value: 'timing', label: 'Timing', content: <TimingTab attempt={attempt} attempts={attempts} /> },
          {
            value: 'signature',
            label: 'Signature',
            content: <SignatureTab key={attempt?.id} attempt={attempt} body={event.body ?? null} eventId={event.id} />,
          },
          { value: 'event', label: 'Event', content: <EventTab event={event} /> },
          ...(event.subject
            ? [
                {
                  value: 'call' as const,
                  label: 'Same call',
                  content: (
                    <div className="p-4">
                      <CallTimeline tenantId={endpoint.tenantId} subject={event.subject} openId={delivery.id} />
                    </div>
                  ),
                },
              ]
            : []),
        ]}
      />
    </>
  )
}

/** The status, in words. */
function Why({ delivery }: { delivery: Detail }) {
  const { status, lastErrorCode, lastStatusCode, reason, nextAttemptAt, attempts, attemptCount } = delivery
  const last = attempts.at(-1)
  if (status === 'SUCCEEDED' && reason === null) return null
  const isFailing = lastErrorCode !== null && status !== 'SUCCEEDED'
  return (
    <div className={`rounded-md px-3 py-2 ${isFailing ? 'bg-bad-bg' : 'bg-sunken'}`}>
      {isFailing && last?.errorMessage && (
        <p className="font-medium text-bad [overflow-wrap:anywhere]">{last.errorMessage}</p>
      )}
      {isFailing && lastErrorCode && <p>{explainFailure(lastErrorCode, lastStatusCode)}</p>}
      {reason && <p>{explainReason(reason)}</p>}
      {status === 'PENDING' && attemptCount === 0 && !nextAttemptAt && <p>It is about to be sent.</p>}
      {status === 'PENDING' && nextAttemptAt && (
        <p className="font-medium">
          Next attempt <Countdown to={nextAttemptAt} />
        </p>
      )}
    </div>
  )
}

/** The newer one of the delivery that was read and the one that was pushed. */
function newer(read: Detail | null, pushed: Detail | null): Detail | null {
  if (!read || !pushed) return pushed ?? read
  if (pushed.attempts.length !== read.attempts.length)
    return pushed.attempts.length > read.attempts.length ? pushed : read
  return pushed
}
