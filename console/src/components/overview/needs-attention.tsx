// The problems that a person should look at now, the worst first: what is wrong, why, and where to fix it. An endpoint
// appears once, with its worst reason; its other reasons are listed with it.

import { Link } from '@tanstack/react-router'
import { CircleCheck, CirclePause, CircleSlash, Skull, TrendingDown } from 'lucide-react'
import type { ReactNode } from 'react'
import type { OverviewPageQuery } from '../../gql/graphql.ts'
import { formatCapped, formatCount, formatRate } from '../../lib/format.ts'
import { describeOutcome, explainDisabled, explainFailure } from '../../lib/words.ts'
import { useRights } from '../../session/session.ts'
import { buttonClass } from '../../ui/button.tsx'
import { Ago } from '../../ui/time.tsx'

type Endpoint = NonNullable<OverviewPageQuery['endpoints']>['nodes'][number]
type Waiting = NonNullable<OverviewPageQuery['waiting']>['nodes']
type Group = NonNullable<OverviewPageQuery['deadLetterGroups']>[number]

const POOR_RATE = 0.95
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

type NeedsAttentionProps = { endpoints: readonly Endpoint[]; groups: readonly Group[]; waiting: Waiting }

export function NeedsAttention({ endpoints, groups, waiting }: NeedsAttentionProps) {
  const { mayChange } = useRights()
  // The endpoint of a dead letter may be deleted.
  const ids = new Set([...endpoints.map(({ id }) => id), ...groups.map(({ endpoint }) => endpoint.id)])
  const items = [...ids]
    .map((id) => {
      const endpoint = endpoints.find((one) => one.id === id)
      const dead = groups.filter((group) => group.endpoint.id === id)
      const reasons = [
        endpoint && standstill(endpoint, mayChange),
        deadLetters(dead, groups.length >= MOST_GROUPS, mayChange),
        endpoint && failing(endpoint, waiting),
      ]
      return { id, reasons: reasons.filter((reason) => reason != null).sort((a, b) => b.weight - a.weight) }
    })
    .filter(({ reasons }) => reasons.length > 0)
    .sort((a, b) => b.reasons[0]!.weight - a.reasons[0]!.weight)
  if (items.length === 0)
    return (
      <p className="flex items-center gap-2 px-4 py-3 text-good">
        <CircleCheck size={16} aria-hidden />
        Nothing. Every endpoint is active, and there are no dead letters.
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
const FAILING_WEIGHT = 2
const PAUSED_WEIGHT = 1

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
                ...(statusCode ? { statusCodes: [statusCode] } : {}),
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

/** Endpoints with many failing attempts now, even if retries make most deliveries succeed in the end. */
function failing({ id, name, status, recent }: Endpoint, waiting: Waiting): Reason | null {
  if (status !== 'ACTIVE' || !recent || recent.current.failedAttempts === 0) return null
  const { succeeded, failedAttempts, successRate } = recent.current
  const share = failedAttempts / Math.max(1, succeeded + failedAttempts)
  const isPoor = (successRate !== null && successRate < POOR_RATE) || share > 1 - POOR_RATE
  if (!isPoor) return null
  const attempts = `${formatCount(failedAttempts)} ${failedAttempts === 1 ? 'attempt' : 'attempts'} failed in the last hour`
  return {
    weight: FAILING_WEIGHT + share / 2,
    icon: <TrendingDown size={16} className="text-warn" aria-hidden />,
    title: `${name} often fails`,
    text: (
      <>
        {attempts}
        {successRate !== null && `; ${formatRate(successRate)} of its deliveries succeeded in the end`}. They are
        retried automatically. <Cause waiting={waiting.filter(({ endpoint }) => endpoint.id === id)} />
      </>
    ),
    action: (
      <Link
        to="/deliveries"
        search={{ endpointIds: [id], statuses: ['PENDING', 'DEAD_LETTERED'] }}
        className={buttonClass('plain', 'small')}
      >
        See what fails
      </Link>
    ),
    inShort: attempts,
  }
}

/** The most common error of the deliveries that wait for a retry. */
function Cause({ waiting }: { waiting: Waiting }) {
  const counts = new Map<string, { row: Waiting[number]; count: number }>()
  for (const row of waiting) {
    if (!row.lastErrorCode) continue
    const key = `${row.lastErrorCode} ${row.lastStatusCode}`
    counts.set(key, { row, count: (counts.get(key)?.count ?? 0) + 1 })
  }
  const [most] = [...counts.values()].sort((a, b) => b.count - a.count)
  if (!most?.row.lastErrorCode) return null
  const { lastErrorCode, lastStatusCode } = most.row
  return (
    <strong className="font-medium text-ink">
      Now mostly: {describeOutcome(lastErrorCode, lastStatusCode)}. {explainFailure(lastErrorCode, lastStatusCode)}
    </strong>
  )
}
