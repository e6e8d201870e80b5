// The dialog before a replay: which events, how many, and how fast. Nothing happens before it is confirmed.

import { useNavigate } from '@tanstack/react-router'
import { History } from 'lucide-react'
import { useState } from 'react'
import { graphql, useApiQuery } from '../../api/client.ts'
import { issueAt, useAction } from '../../lib/actions.ts'
import { formatCapped, formatCount, formatSpan, toIso, toLocal } from '../../lib/format.ts'
import { Button } from '../../ui/button.tsx'
import { Dialog } from '../../ui/dialog.tsx'
import { Checkbox, Field, TextInput } from '../../ui/field.tsx'
import { Facts } from '../../ui/page.tsx'
import { Failed, LoadingRows, Notice } from '../../ui/states.tsx'
import { Ago, Time } from '../../ui/time.tsx'
import { SpeedField } from '../dead-letters/speed-field.tsx'
import type { EndpointDetail } from './endpoint-detail.ts'

const PLAN = graphql(`
  query ReplayPlan($endpointId: ID!, $filter: EventFilter!, $includeDelivered: Boolean, $includeUnmatched: Boolean) {
    replayPlan(
      endpointId: $endpointId
      filter: $filter
      includeDelivered: $includeDelivered
      includeUnmatched: $includeUnmatched
    ) {
      count {
        count
        precision
      }
      delivered
      unsent
      oldestAt
    }
  }
`)

const REPLAY = graphql(`
  mutation ReplayEvents(
    $endpointId: ID!
    $filter: EventFilter!
    $includeDelivered: Boolean
    $includeUnmatched: Boolean
    $maxPerSecond: Int
  ) {
    replayEvents(
      endpointId: $endpointId
      filter: $filter
      includeDelivered: $includeDelivered
      includeUnmatched: $includeUnmatched
      maxPerSecond: $maxPerSecond
    ) {
      ... on ReplayEventsSuccess {
        bulkRetry {
          id
        }
      }
      ...Refusal
    }
  }
`)

const CALM = 10
const AN_HOUR_MS = 3_600_000

export function ReplayDialog({ endpoint, onClose }: { endpoint: EndpointDetail; onClose(): void }) {
  const [from, setFrom] = useState(() => toLocal(new Date(Date.now() - AN_HOUR_MS).toISOString()))
  const [to, setTo] = useState('')
  const [includeDelivered, setDelivered] = useState(true)
  const [includeUnmatched, setUnmatched] = useState(false)
  const [maxPerSecond, setMaxPerSecond] = useState<number | null>(CALM)
  const fromIso = toIso(from)
  const toIsoTime = toIso(to)
  const isBackwards = fromIso !== undefined && toIsoTime !== undefined && toIsoTime <= fromIso
  const isReadable = fromIso !== undefined && !isBackwards
  const request = {
    endpointId: endpoint.id,
    filter: { from: fromIso ?? null, to: toIsoTime ?? null },
    includeDelivered,
    includeUnmatched,
  }
  const { data, fault, refetch, isLoading } = useApiQuery(PLAN, request, { pause: !isReadable })
  const replay = useAction(REPLAY, (reply) => reply.replayEvents)
  const navigate = useNavigate()
  const plan = isReadable ? data?.replayPlan : null
  const count = plan?.count.count ?? 0
  const isNone = count === 0 && plan?.count.precision === 'EXACT'
  const run = async () => {
    const done = await replay.run({ ...request, maxPerSecond })
    if (!done) return
    onClose()
    void navigate({ to: '/bulk-retries/$bulkRetryId', params: { bulkRetryId: done.bulkRetry.id } })
  }
  return (
    <Dialog
      isOpen
      onClose={onClose}
      title={`Replay to ${endpoint.name}`}
      description="Each event is sent with its own event id. A receiver that drops ids it knows drops what it has."
      footer={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button
            kind="primary"
            icon={<History size={14} aria-hidden />}
            disabled={!plan || isNone || isLoading}
            isBusy={replay.isBusy}
            onClick={() => void run()}
          >
            {plan && !isLoading ? `Replay ${formatCapped(plan.count)}` : 'Replay'}
          </Button>
        </>
      }
    >
      <div className="flex flex-col gap-4" onChange={() => replay.forget()}>
        <div className="grid gap-4 sm:grid-cols-2">
          <Field
            label="Created from"
            error={fromIso === undefined ? 'Choose the time from which on events are replayed.' : null}
          >
            {(control) => (
              <TextInput
                {...control}
                type="datetime-local"
                value={from}
                onChange={(event) => setFrom(event.target.value)}
              />
            )}
          </Field>
          <Field
            label="Until"
            hint="Empty: until now."
            error={isBackwards ? 'Choose a time after the start, or none.' : null}
          >
            {(control) => (
              <TextInput
                {...control}
                type="datetime-local"
                value={to}
                onChange={(event) => setTo(event.target.value)}
              />
            )}
          </Field>
        </div>
        <Checkbox
          label="Also what was delivered"
          hint="The receiver gets these events again."
          checked={includeDelivered}
          onChange={(event) => setDelivered(event.target.checked)}
        />
        <Checkbox
          label="Also what its filter does not match"
          hint="Events of all types, also those that no filter ever sent here."
          checked={includeUnmatched}
          onChange={(event) => setUnmatched(event.target.checked)}
        />
        {fault && !plan ? (
          <Failed fault={fault} onRetry={refetch} isSmall />
        ) : !isReadable ? null : !plan ? (
          <LoadingRows rows={3} />
        ) : isNone ? (
          <p role="status">No event of this time fits.</p>
        ) : (
          <div className={isLoading ? 'opacity-50' : undefined} aria-busy={isLoading}>
            <Facts
              facts={[
                ['Events', <strong key="count">{formatCapped(plan.count)}</strong>],
                ['Delivered before', formatCount(plan.delivered)],
                ['Never sent here', formatCount(plan.unsent)],
                [
                  'Oldest',
                  plan.oldestAt && (
                    <span key="oldest">
                      <Ago at={plan.oldestAt} />, <Time at={plan.oldestAt} />
                    </span>
                  ),
                ],
                [
                  'Takes about',
                  maxPerSecond === null ? 'as long as the receiver needs' : formatSpan((count / maxPerSecond) * 1_000),
                ],
              ]}
            />
          </div>
        )}
        {endpoint.status !== 'ACTIVE' && (
          <Notice>
            The endpoint is {endpoint.status.toLowerCase()}: what is replayed is held until it is resumed.
          </Notice>
        )}
        <SpeedField value={maxPerSecond} onChange={setMaxPerSecond} error={issueAt(replay.refusal, 'maxPerSecond')} />
      </div>
    </Dialog>
  )
}
