// The requests that came to the test receiver, newest first. One that is open shows its headers and its body.

import { Link } from '@tanstack/react-router'
import { ChevronDown, ChevronRight, Inbox, ShieldAlert, ShieldCheck } from 'lucide-react'
import { useId, useState } from 'react'
import { graphql, useApiQuery } from '../../api/client.ts'
import type { ReceivedRequestRowFragment, ReceivedSignature } from '../../gql/graphql.ts'
import { formatBytes, formatMs } from '../../lib/format.ts'
import { Badge } from '../../ui/badge.tsx'
import { classes } from '../../ui/classes.ts'
import { Facts } from '../../ui/page.tsx'
import { Empty, Failed, LoadingRows, Notice } from '../../ui/states.tsx'
import { Time } from '../../ui/time.tsx'
import { Body, Headers } from '../deliveries/attempt-tabs.tsx'

graphql(`
  fragment ReceivedRequestRow on ReceivedRequest {
    id
    receivedAt
    signature
    secretHint
    statusCode
    delayMs
    attemptNumber
    bodyBytes
    headers {
      name
      value
    }
    delivery {
      id
    }
    endpoint {
      id
      name
    }
    event {
      id
      type
    }
  }
`)

const EVENT_BODY = graphql(`
  query ReceivedBody($id: ID!) {
    event(id: $id) {
      body
      payloadDeletedAt
    }
  }
`)

export type ReceivedRequest = ReceivedRequestRowFragment

const SIGNATURES: Record<ReceivedSignature, { word: string; explained: string }> = {
  VALID: { word: 'Signature valid', explained: 'A signing secret of the endpoint signed exactly these bytes.' },
  WRONG: {
    word: 'Signature wrong',
    explained: 'The signature is not that of the endpoint over this body. It was refused.',
  },
  OLD: {
    word: 'Replay',
    explained: 'The signature is right, but its time is more than five minutes away. It was refused.',
  },
  MISSING: { word: 'Not signed', explained: 'A header of the signature is absent. It was refused.' },
  UNKNOWN_DELIVERY: {
    word: 'Not from here',
    explained: 'It names no delivery of this tenant, so nobody here sent it. It was refused.',
  },
}

export function ReceivedList({ requests }: { requests: readonly ReceivedRequest[] }) {
  const [openId, setOpenId] = useState<string | null>(null)
  if (requests.length === 0)
    return (
      <Empty icon={<Inbox size={28} aria-hidden />} title="Nothing came yet">
        What an endpoint sends to this receiver appears here as it comes.
      </Empty>
    )
  return (
    <ul aria-label="Received requests">
      {requests.map((request) => (
        <Row
          key={request.id}
          request={request}
          isOpen={request.id === openId}
          onToggle={() => setOpenId(request.id === openId ? null : request.id)}
        />
      ))}
    </ul>
  )
}

function Row({ request, isOpen, onToggle }: { request: ReceivedRequest; isOpen: boolean; onToggle(): void }) {
  const id = useId()
  const { event, endpoint, attemptNumber, receivedAt, statusCode, delayMs } = request
  const Arrow = isOpen ? ChevronDown : ChevronRight
  return (
    <li className="border-b border-line last:border-0">
      <button
        type="button"
        aria-expanded={isOpen}
        aria-controls={id}
        onClick={onToggle}
        className={classes(
          'flex min-h-11 w-full flex-wrap items-center gap-x-3 gap-y-1 px-4 py-2 text-left hover:bg-hover',
          isOpen && 'bg-selected',
        )}
      >
        <Arrow size={14} className="shrink-0 text-ink-3" aria-hidden />
        <span className="w-20 shrink-0">
          <Time at={receivedAt} />
        </span>
        <span className="min-w-32 flex-1 truncate font-mono text-xs">{event?.type ?? 'unknown'}</span>
        {attemptNumber != null && <span className="text-ink-2">Attempt {attemptNumber}</span>}
        <span className="w-40 truncate text-ink-2 max-lg:hidden">{endpoint?.name}</span>
        <span className="max-sm:ml-6">
          <SignatureBadge signature={request.signature} />
        </span>
        <span className="ml-auto w-24 text-right tabular-nums">
          HTTP {statusCode}
          {delayMs > 0 && <span className="block text-xs text-ink-3">after {formatMs(delayMs)}</span>}
        </span>
      </button>
      <div id={id}>{isOpen && <Details request={request} />}</div>
    </li>
  )
}

function SignatureBadge({ signature }: { signature: ReceivedSignature }) {
  const { word, explained } = SIGNATURES[signature]
  const isValid = signature === 'VALID'
  const Icon = isValid ? ShieldCheck : ShieldAlert
  return (
    <Badge tone={isValid ? 'good' : 'bad'} icon={<Icon size={12} aria-hidden />} title={explained}>
      {word}
    </Badge>
  )
}

function Details({ request }: { request: ReceivedRequest }) {
  const { signature, secretHint, delivery, endpoint, event, headers, bodyBytes } = request
  const isValid = signature === 'VALID'
  return (
    <div className="flex flex-col gap-4 border-t border-line bg-sunken/40 px-4 py-4">
      <Facts
        facts={[
          ['Signature', SIGNATURES[signature].explained],
          ['Signed with', secretHint && <span className="font-mono text-xs">{secretHint}</span>],
          [
            'Delivery',
            delivery && (
              <Link to="/deliveries" search={{ delivery: delivery.id }} className="text-link hover:underline">
                Show the delivery and its attempts
              </Link>
            ),
          ],
          [
            'Endpoint',
            endpoint && (
              <Link
                to="/endpoints/$endpointId"
                params={{ endpointId: endpoint.id }}
                className="text-link hover:underline"
              >
                {endpoint.name}
              </Link>
            ),
          ],
          ['Size', formatBytes(bodyBytes)],
        ]}
      />
      {isValid && event && <ReceivedBody eventId={event.id} />}
      {isValid ? (
        <Headers
          label="Headers"
          headers={headers}
          note="Values of the endpoint’s own headers are not shown, and headers that a proxy added are left out."
        />
      ) : (
        <Notice tone="info">Of a request that is refused, headers and body are not kept.</Notice>
      )}
    </div>
  )
}

function ReceivedBody({ eventId }: { eventId: string }) {
  const { data, fault, refetch } = useApiQuery(EVENT_BODY, { id: eventId })
  if (fault && !data) return <Failed fault={fault} onRetry={refetch} isSmall />
  if (!data) return <LoadingRows rows={3} />
  return <Body event={data.event ?? { body: null }} />
}
