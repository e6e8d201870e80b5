// What a person should look at beside the incidents, the worst first: what is wrong, why, and where to fix it. An endpoint
// appears once, with its worst reason; its other reasons are listed with it.

import { Link } from '@tanstack/react-router'
import { CircleCheck, CirclePause, CircleSlash, Hourglass, Skull, TrendingDown } from 'lucide-react'
import type { ReactNode } from 'react'
import type { OverviewPageQuery } from '../../gql/graphql.ts'
import { formatCapped, formatClock, formatCount, formatSpan, isPoor } from '../../lib/format.ts'
import { describeOutcome, explainDisabled, explainFailure } from '../../lib/words.ts'
import { useRights } from '../../session/session.ts'
import { buttonClass } from '../../ui/button.tsx'
import { Ago, useNow } from '../../ui/time.tsx'
import type { Incident } from '../incidents/incident.ts'

type Endpoint = NonNullable<OverviewPageQuery['endpoints']>['nodes'][number]
type Group = NonNullable<OverviewPageQuery['deadLetterGroups']>[number]

const MOST_SHOWN = 8
/** The number of groups of dead letters to read. There may be more. */
const MOST_GROUPS = 20

/** Why an endpoint needs attention: a headline with what to do, and a short form beside a worse reason. */
type Reason = {
  /** The severity. The highest is the worst. */
  readonly weight: number
  readonly icon: ReactNode
  readonly title: string
  readonly text: ReactNode
  readonly action: ReactNode
  readonly inShort: string
}

type NeedsAttentionProps = {
  endpoints: readonly Endpoint[]
  groups: readonly Group[]
  incidents: readonly Incident[]
}

export function NeedsAttention({ endpoints, groups, incidents }: NeedsAttentionProps) {
  const { mayChange } = useRights()
  const now = useNow(MINUTE_MS / 2)
  const failing = new Set(incidents.map(({ endpoint }) => endpoint.id))
  // The endpoint of a dead letter may be deleted.
  const ids = new Set([...endpoints.map(({ id }) => id), ...groups.map(({ endpoint }) => endpoint.id)])
  const items = [...ids]
    .map((id) => {
      const endpoint = endpoints.find((one) => one.id === id)
      const dead = groups.filter((group) => group.endpoint.id === id)
      const reasons = [
        // An incident says that its endpoint is paused: it alone is no second entry.
        endpoint && (!failing.has(id) || dead.length > 0) && standstill(endpoint, mayChange),
        deadLetters(dead, groups.length >= MOST_GROUPS, mayChange),
        endpoint && !failing.has(id) && (behind(endpoint, now) ?? failedBefore(endpoint, now)),
      ]
      return { id, reasons: reasons.filter((reason) => !!reason).sort((a, b) => b.weight - a.weight) }
    })
    .filter(({ reasons }) => reasons.length > 0)
    .sort((a, b) => b.reasons[0]!.weight - a.reasons[0]!.weight)
  if (items.length === 0)
    return (
      <p className="flex items-center gap-2 px-4 py-3 text-good">
        <CircleCheck size={16} aria-hidden />
        {incidents.length > 0
          ? 'Nothing else.'
          : 'Nothing. There are no paused endpoints and no dead letters that nobody has looked at.'}
      </p>
    )
  return (
    <ul aria-label="Needs attention">
      {items.slice(0, MOST_SHOWN).map(({ id, reasons: [worst, ...others] }) => (
        <li key={id} className="flex items-start gap-3 border-b border-line px-4 py-2.5 last:border-0">
          <span className="mt-0.5">{worst!.icon}</span>
          <div className="min-w-0 flex-1">
            <p className="font-medium">{worst!.title}</p>
            <p className="text-ink-2">
              {worst!.text}
              {others.length > 0 && (
                <span className="text-ink"> Also: {others.map(({ inShort }) => inShort).join('; ')}.</span>
              )}
            </p>
          </div>
          {worst!.action}
        </li>
      ))}
      {items.length > MOST_SHOWN && (
        <li className="px-4 py-2">
          <Link to="/endpoints" className="text-link hover:underline">
            {formatCount(items.length - MOST_SHOWN)} more endpoints
          </Link>
        </li>
      )}
    </ul>
  )
}

const DISABLED_WEIGHT = 4
const DEAD_WEIGHT = 3
const BEHIND_WEIGHT = 2.5
const FAILING_WEIGHT = 2
const PAUSED_WEIGHT = 1

const MINUTE_MS = 60_000
/** How long an endpoint must go on without a failure until it works again. */
const WORKS_AFTER_MS = 5 * MINUTE_MS
/** How long a delivery must have been due until its endpoint is behind. */
const LATE_MS = MINUTE_MS

/** Endpoints that get no deliveries: disabled by the gateway, or paused by a person. */
function standstill({ id, name, status, disabledReason }: Endpoint, mayChange: boolean): Reason | null {
  if (status === 'ACTIVE') return null
  const action = (
    <Link to="/endpoints/$endpointId" params={{ endpointId: id }} className={buttonClass('plain', 'small')}>
      {mayChange ? 'Look and resume' : 'Look'}
    </Link>
  )
  if (status === 'DISABLED')
    return {
      weight: DISABLED_WEIGHT,
      icon: <CircleSlash size={16} className="text-bad" aria-hidden />,
      title: `${name} is disabled`,
      text: <>{explainDisabled(disabledReason)} Its deliveries are held; none is lost.</>,
      action,
      inShort: 'disabled',
    }
  return {
    weight: PAUSED_WEIGHT,
    icon: <CirclePause size={16} className="text-idle" aria-hidden />,
    title: `${name} is paused`,
    text: 'Its deliveries are held until somebody resumes it.',
    action,
    inShort: 'paused',
  }
}

/** Dead letters, by their largest group. More of them are worse. */
function deadLetters(groups: readonly Group[], mayBeMore: boolean, mayChange: boolean): Reason | null {
  const [largest, ...others] = groups.toSorted((a, b) => b.count.count - a.count.count)
  if (!largest) return null
  const { endpoint, eventType, errorCode, statusCode } = largest
  const total = {
    count: groups.reduce((sum, { count }) => sum + count.count, 0),
    precision: !mayBeMore && groups.every(({ count }) => count.precision === 'EXACT') ? 'EXACT' : 'AT_LEAST',
  }
  const words = `${formatCapped(total)} dead ${total.count === 1 ? 'letter' : 'letters'}`
  const oldestAt = groups.map((group) => group.oldestAt).sort()[0]
  const newestAt = groups
    .map((group) => group.newestAt)
    .sort()
    .at(-1)
  return {
    weight: DEAD_WEIGHT + (1 - 1 / (1 + total.count)),
    icon: <Skull size={16} className="text-bad" aria-hidden />,
    title: `${words} at ${endpoint.name}`,
    text: (
      <>
        {total.count === 1
          ? 'It is'
          : others.length > 0
            ? `${formatCapped(largest.count)} of them ${largest.count.count === 1 ? 'is' : 'are'}`
            : 'All are'}{' '}
        {eventType}.{' '}
        {errorCode
          ? `${describeOutcome(errorCode, statusCode)}. ${explainFailure(errorCode, statusCode)}`
          : 'The cause was not recorded.'}{' '}
        <span className="text-ink-3">
          Oldest <Ago at={oldestAt} />, newest <Ago at={newestAt} />.
        </span>
      </>
    ),
    action: (
      <Link
        to="/dead-letters"
        search={{
          endpointIds: [endpoint.id],
          ...(others.length > 0
            ? {}
            : {
                eventTypes: [eventType],
                ...(errorCode ? { errorCodes: [errorCode] } : {}),
                ...(statusCode ? { statusCodes: [String(statusCode)] } : {}),
              }),
        }}
        className={buttonClass('plain', 'small')}
      >
        {mayChange ? 'Look and retry' : 'Look'}
      </Link>
    ),
    inShort: words,
  }
}

/** An endpoint whose receiver takes less than is published: deliveries are due, and not sent. */
function behind({ id, name, status, recent, health }: Endpoint, now: number): Reason | null {
  if (status !== 'ACTIVE' || !health?.oldestDueAt) return null
  const lateMs = now - Date.parse(health.oldestDueAt)
  if (lateMs < LATE_MS) return null
  const { attempts = 0, failedAttempts = 0 } = recent?.current ?? {}
  const waiting = `${formatCapped(health.pendingCount)} ${health.pendingCount.count === 1 ? 'waits' : 'wait'}`
  return {
    weight: BEHIND_WEIGHT,
    icon: <Hourglass size={16} className="text-warn" aria-hidden />,
    title: `${name} is behind: ${waiting}`,
    text: (
      <>
        The oldest has been due for {formatSpan(lateMs)}. The receiver takes fewer than are published: look at how fast
        it answers, and at the limits in its settings.
        {failedAttempts > 0 &&
          ` ${formatCount(failedAttempts)} of ${formatCount(attempts)} attempts of the last hour failed.`}
      </>
    ),
    action: (
      <Link to="/endpoints/$endpointId" params={{ endpointId: id }} className={buttonClass('plain', 'small')}>
        Look
      </Link>
    ),
    inShort: 'behind',
  }
}

/** An endpoint that failed often in the last hour and works again, or fails now and then. Nothing waits for it. */
function failedBefore({ id, name, status, recent, health }: Endpoint, now: number): Reason | null {
  if (status !== 'ACTIVE' || !recent || !isPoor(recent.current.attemptSuccessRate)) return null
  const { attempts, failedAttempts, attemptSuccessRate } = recent.current
  const lastFailureAt = health?.lastFailureAt
  const works = health?.state === 'HEALTHY' && lastFailureAt && now - Date.parse(lastFailureAt) > WORKS_AFTER_MS
  const share = `${formatCount(failedAttempts)} of ${formatCount(attempts)} attempts of the last hour failed`
  return {
    weight: FAILING_WEIGHT + (1 - (attemptSuccessRate ?? 0)) / 2,
    icon: works ? (
      <CircleCheck size={16} className="text-good" aria-hidden />
    ) : (
      <TrendingDown size={16} className="text-warn" aria-hidden />
    ),
    title: works ? `${name} failed and works again` : `${name} often fails`,
    text: works ? (
      <>
        {share}, the last one at {formatClock(lastFailureAt)}. Every attempt since then succeeded.
      </>
    ) : (
      <>
        {share}.{' '}
        {health?.pendingCount.count
          ? `${formatCapped(health.pendingCount)} ${health.pendingCount.count === 1 ? 'waits' : 'wait'}.`
          : 'Retries delivered what failed; nothing waits.'}
      </>
    ),
    action: (
      <Link
        to="/failed-attempts"
        search={{ endpointIds: [id], since: '1h', delivered: true }}
        className={buttonClass('plain', 'small')}
      >
        See the failures
      </Link>
    ),
    inShort: share,
  }
}
