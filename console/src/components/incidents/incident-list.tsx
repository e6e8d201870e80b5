// The incidents of a tenant or an endpoint: what fails, since when, how much waits, what happens next, and what a person can do.

import { Link } from '@tanstack/react-router'
import { CirclePause, OctagonAlert, RotateCw, Send, TriangleAlert } from 'lucide-react'
import { type ReactNode, useState } from 'react'
import { formatCapped, formatClock, formatCount, formatSpan } from '../../lib/format.ts'
import { explainFailure } from '../../lib/words.ts'
import { useRights } from '../../session/session.ts'
import { Button, buttonClass } from '../../ui/button.tsx'
import { Ago, useNow } from '../../ui/time.tsx'
import { PauseButton } from '../endpoints/pause-button.tsx'
import { alwaysFails, causeSince, headlineOf, type Incident, keyOf, othersBehind, shareOf } from './incident.ts'
import { RetryWaitingDialog } from './retry-waiting-dialog.tsx'

type IncidentListProps = {
  incidents: readonly Incident[]
  /** Whether the list stands on the page of its endpoint, which has its own buttons for tests and pauses. */
  isOnEndpoint?: boolean
  onChanged(): void
}

export function IncidentList({ incidents, isOnEndpoint = false, onChanged }: IncidentListProps) {
  return (
    <ul aria-label="Incidents" className="divide-y divide-line">
      {incidents.map((incident) => (
        <IncidentItem
          key={keyOf(incident)}
          incident={incident}
          others={othersBehind(incident, incidents)}
          isOnEndpoint={isOnEndpoint}
          onChanged={onChanged}
        />
      ))}
    </ul>
  )
}

type ItemProps = { incident: Incident; others: number; isOnEndpoint: boolean; onChanged(): void }

function IncidentItem({ incident, others, isOnEndpoint, onChanged }: ItemProps) {
  const { mayChange } = useRights()
  const { endpoint } = incident
  return (
    <li className="grid grid-cols-[20px_minmax(0,1fr)] items-start gap-x-3 gap-y-2 px-4 py-3 xl:grid-cols-[20px_minmax(0,1fr)_auto]">
      <IncidentIcon incident={incident} />
      <div className="min-w-0">
        <p className="text-base font-semibold [overflow-wrap:anywhere]">
          {isOnEndpoint ? (
            causeSince(incident)
          ) : (
            <Link
              to="/endpoints/$endpointId"
              params={{ endpointId: endpoint.id }}
              className="hover:text-link hover:underline"
            >
              {headlineOf(incident)}
            </Link>
          )}
        </p>
        <p className="font-medium tabular-nums">
          <WhatHappensNext incident={incident} others={others} />
        </p>
        <p className="text-ink-2">
          {shareOf(incident)} {explainFailure(incident.errorCode, incident.statusCode)}
        </p>
        <LastAttempt incident={incident} />
      </div>
      <div className="flex flex-wrap items-center gap-2 max-xl:col-start-2">
        <Link
          to="/deliveries"
          search={{
            endpointIds: [endpoint.id],
            statuses: endpoint.status === 'ACTIVE' ? ['PENDING'] : ['HELD'],
            errorCodes: [incident.errorCode],
            ...(incident.statusCode ? { statusCodes: [String(incident.statusCode)] } : {}),
          }}
          className={buttonClass('plain', 'small')}
        >
          See deliveries
        </Link>
        {mayChange && (
          <>
            {!isOnEndpoint && (
              <>
                <Link
                  to="/endpoints/$endpointId"
                  params={{ endpointId: endpoint.id }}
                  search={{ tab: 'test' }}
                  className={buttonClass('plain', 'small')}
                >
                  <Send size={14} aria-hidden />
                  Test
                </Link>
                <PauseButton endpoint={endpoint} size="small" onChanged={onChanged} />
              </>
            )}
            {endpoint.status === 'ACTIVE' && incident.waiting.count > 0 && <RetryNow incident={incident} />}
          </>
        )}
      </div>
    </li>
  )
}

function RetryNow({ incident }: { incident: Incident }) {
  const [isAsking, setAsking] = useState(false)
  return (
    <>
      <Button size="small" icon={<RotateCw size={14} aria-hidden />} onClick={() => setAsking(true)}>
        Retry now …
      </Button>
      {isAsking && <RetryWaitingDialog incident={incident} onClose={() => setAsking(false)} />}
    </>
  )
}

function IncidentIcon({ incident }: { incident: Incident }) {
  if (incident.endpoint.status !== 'ACTIVE')
    return <CirclePause size={20} className="mt-0.5 shrink-0 text-idle" aria-hidden />
  if (alwaysFails(incident)) return <OctagonAlert size={20} className="mt-0.5 shrink-0 text-bad" aria-hidden />
  return <TriangleAlert size={20} className="mt-0.5 shrink-0 text-warn" aria-hidden />
}

/** "3,316 waiting, 120 of them not attempted yet · next 8 in 40 s · first of them a dead letter at 04:02" */
function WhatHappensNext({ incident, others }: { incident: Incident; others: number }) {
  const now = useNow()
  const { waiting, nextAttemptAt, nextAttemptCount, firstDeadLetterAt, endpoint } = incident
  const parts: ReactNode[] = []
  if (endpoint.status !== 'ACTIVE') parts.push(`${formatCapped(waiting)} held`)
  else if (waiting.count + others === 0) parts.push('nothing waits')
  else {
    const all = formatCapped({ count: waiting.count + others, precision: waiting.precision })
    parts.push(others > 0 ? `${all} waiting, ${formatCount(others)} of them not attempted yet` : `${all} waiting`)
  }
  if (nextAttemptAt) {
    const leftMs = Date.parse(nextAttemptAt) - now
    const count =
      nextAttemptCount && nextAttemptCount.count > 1 ? `next ${formatCapped(nextAttemptCount)}` : 'next attempt'
    // A receiver that is failing gets one attempt at a time, even when many are due.
    const isProbed = endpoint.health?.state === 'FAILING'
    if (leftMs >= 500) parts.push(`${count} in ${formatSpan(leftMs)}`)
    else parts.push(isProbed ? 'one attempt every few seconds until it works' : `${count} now`)
  }
  if (firstDeadLetterAt)
    parts.push(
      <time dateTime={firstDeadLetterAt} title="If every attempt until then fails">
        first of them a dead letter{' '}
        {Date.parse(firstDeadLetterAt) > now ? `at ${formatClock(firstDeadLetterAt)}` : 'soon'}
      </time>,
    )
  return parts.map((part, index) => (
    // biome-ignore lint/suspicious/noArrayIndexKey: the parts have a fixed order
    <span key={index}>
      {index > 0 && ' · '}
      {part}
    </span>
  ))
}

const MOST_SAID = 200

/** What the receiver said last, or why there was no response, with a link to the whole attempt. */
function LastAttempt({ incident: { lastAttempt } }: { incident: Incident }) {
  if (!lastAttempt) return null
  const said = (lastAttempt.responseBody?.trim() || lastAttempt.errorMessage) ?? ''
  return (
    <p className="text-ink-2 [overflow-wrap:anywhere]">
      <Link
        to="."
        search={(before: object) => ({ ...before, delivery: lastAttempt.delivery.id })}
        className="text-link underline"
      >
        Last attempt
      </Link>
      , <Ago at={lastAttempt.startedAt} />
      {said !== '' && (
        <>
          :{' '}
          <code className="rounded bg-sunken px-1 font-mono text-xs">
            {said.length > MOST_SAID ? `${said.slice(0, MOST_SAID)} …` : said}
          </code>
        </>
      )}
    </p>
  )
}
