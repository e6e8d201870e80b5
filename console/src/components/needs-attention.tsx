// What a person should look at now, worst first: what is wrong, why, and where to put it right.

import { Link } from '@tanstack/react-router'
import { CircleCheck, CirclePause, CircleSlash, Skull, TrendingDown } from 'lucide-react'
import type { ReactNode } from 'react'
import { formatCapped, formatRate } from '../format.ts'
import type { OverviewPageQuery } from '../gql/graphql.ts'
import { useRights } from '../session.ts'
import { buttonClass } from '../ui/button.tsx'
import { Ago } from '../ui/time.tsx'
import { describeOutcome, explainDisabled, explainFailure } from '../words.ts'

type Endpoints = NonNullable<OverviewPageQuery['endpoints']>['nodes']
type Waiting = NonNullable<OverviewPageQuery['waiting']>['nodes']
type Groups = NonNullable<OverviewPageQuery['deadLetterGroups']>

const POOR_RATE = 0.95
const MOST_GROUPS = 6

type NeedsAttentionProps = { endpoints: Endpoints; groups: Groups; waiting: Waiting }

export function NeedsAttention({ endpoints, groups, waiting }: NeedsAttentionProps) {
  const { mayChange } = useRights()
  const disabled = endpoints.filter(({ status }) => status === 'DISABLED')
  const paused = endpoints.filter(({ status }) => status === 'PAUSED')
  const failing = endpoints.filter(
    ({ status, recent }) =>
      status === 'ACTIVE' && recent && recent.current.failedAttempts > 0 && isPoor(recent.current),
  )
  if (disabled.length + paused.length + failing.length + groups.length === 0)
    return (
      <p className="flex items-center gap-2 px-4 py-3 text-good">
        <CircleCheck size={16} aria-hidden />
        Nothing. Every endpoint is active, and there are no dead letters.
      </p>
    )
  return (
    <ul>
      {disabled.map(({ id, name, disabledReason }) => (
        <Item
          key={id}
          icon={<CircleSlash size={16} className="text-bad" aria-hidden />}
          title={`${name} is disabled`}
          action={<EndpointLink id={id} label={mayChange ? 'Look and resume' : 'Look'} />}
        >
          {explainDisabled(disabledReason)} Its deliveries are held and none is lost.
        </Item>
      ))}
      {groups.slice(0, MOST_GROUPS).map(({ endpoint, eventType, errorCode, statusCode, count, oldestAt, newestAt }) => (
        <Item
          key={`${endpoint.id} ${eventType} ${errorCode} ${statusCode}`}
          icon={<Skull size={16} className="text-bad" aria-hidden />}
          title={`${formatCapped(count)} dead ${count.count === 1 ? 'letter' : 'letters'} of ${eventType} at ${endpoint.name}`}
          action={
            <Link
              to="/dead-letters"
              search={{
                endpointIds: [endpoint.id],
                eventTypes: [eventType],
                ...(errorCode ? { errorCodes: [errorCode] } : {}),
                ...(statusCode ? { statusCodes: [statusCode] } : {}),
              }}
              className={buttonClass('plain', 'small')}
            >
              {mayChange ? 'Look and retry' : 'Look'}
            </Link>
          }
        >
          {errorCode
            ? `${describeOutcome(errorCode, statusCode)}. ${explainFailure(errorCode, statusCode)}`
            : 'The cause was not recorded.'}{' '}
          <span className="text-ink-3">
            Oldest <Ago at={oldestAt} />, newest <Ago at={newestAt} />.
          </span>
        </Item>
      ))}
      {groups.length > MOST_GROUPS && (
        <li className="px-4 py-2">
          <Link to="/dead-letters" className="text-link hover:underline">
            {groups.length - MOST_GROUPS} more groups of dead letters
          </Link>
        </li>
      )}
      {failing.map(({ id, name, recent }) => (
        <Item
          key={id}
          icon={<TrendingDown size={16} className="text-warn" aria-hidden />}
          title={`${name} often fails`}
          action={
            <Link
              to="/deliveries"
              search={{ endpointIds: [id], statuses: ['PENDING', 'DEAD_LETTERED'] }}
              className={buttonClass('plain', 'small')}
            >
              See what fails
            </Link>
          }
        >
          {recent!.current.failedAttempts} attempts failed in the last hour
          {recent!.current.successRate !== null &&
            `; ${formatRate(recent!.current.successRate)} of its deliveries succeeded in the end`}
          . They are retried by themselves. <Cause waiting={waiting.filter(({ endpoint }) => endpoint.id === id)} />
        </Item>
      ))}
      {paused.map(({ id, name }) => (
        <Item
          key={id}
          icon={<CirclePause size={16} className="text-idle" aria-hidden />}
          title={`${name} is paused`}
          action={<EndpointLink id={id} label={mayChange ? 'Look and resume' : 'Look'} />}
        >
          Its deliveries are held until somebody resumes it.
        </Item>
      ))}
    </ul>
  )
}

/** What most of the deliveries that wait for a retry last failed with. */
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

/** Many attempts fail, also when retries save most deliveries in the end. */
function isPoor({
  succeeded,
  failedAttempts,
  successRate,
}: {
  succeeded: number
  failedAttempts: number
  successRate: number | null
}): boolean {
  return (
    (successRate !== null && successRate < POOR_RATE) ||
    failedAttempts / Math.max(1, succeeded + failedAttempts) > 1 - POOR_RATE
  )
}

function EndpointLink({ id, label }: { id: string; label: string }) {
  return (
    <Link to="/endpoints/$endpointId" params={{ endpointId: id }} className={buttonClass('plain', 'small')}>
      {label}
    </Link>
  )
}

function Item({
  icon,
  title,
  children,
  action,
}: {
  icon: ReactNode
  title: string
  children: ReactNode
  action: ReactNode
}) {
  return (
    <li className="flex items-start gap-3 border-b border-line px-4 py-2.5 last:border-0">
      <span className="mt-0.5">{icon}</span>
      <div className="min-w-0 flex-1">
        <p className="font-medium">{title}</p>
        <p className="text-ink-2">{children}</p>
      </div>
      {action}
    </li>
  )
}
