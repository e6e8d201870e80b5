import { CircleCheck, CirclePause, CircleX, RotateCw } from 'lucide-react'
import { graphql } from '../../api/client.ts'
import type { BulkRetryStateFragment, BulkRetryStatus } from '../../gql/graphql.ts'
import { type formatCapped, formatCount } from '../../lib/format.ts'
import { Badge, type Tone } from '../../ui/badge.tsx'

graphql(`
  fragment BulkRetryState on BulkRetry {
    id
    kind
    filter
    replay {
      endpoint {
        id
        name
      }
      includeDelivered
      includeUnmatched
    }
    status
    total
    totalPrecision
    retried
    succeeded
    deadLettered
    maxPerSecond
    createdBy
    createdAt
    completedAt
  }
`)

export type BulkRetry = BulkRetryStateFragment
type Capped = Parameters<typeof formatCapped>[0]

const LOOKS: Record<BulkRetryStatus, { tone: Tone; word: string; icon: typeof RotateCw }> = {
  RUNNING: { tone: 'wait', word: 'Running', icon: RotateCw },
  PAUSED: { tone: 'warn', word: 'Paused', icon: CirclePause },
  COMPLETED: { tone: 'good', word: 'Completed', icon: CircleCheck },
  CANCELLED: { tone: 'idle', word: 'Cancelled', icon: CircleX },
}

export function BulkRetryBadge({ status }: { status: BulkRetryStatus }) {
  const { tone, word, icon: Icon } = LOOKS[status] ?? { tone: 'idle', word: status, icon: RotateCw }
  return (
    <Badge tone={tone} icon={<Icon size={12} aria-hidden />}>
      {word}
    </Badge>
  )
}

/** Whether the bulk retry can still change. */
export function isUnderWay({ status }: Pick<BulkRetry, 'status'>): boolean {
  return status === 'RUNNING' || status === 'PAUSED'
}

/** What is done with its deliveries: a replay sends what may never have been sent. */
export function verbOf({ kind }: Pick<BulkRetry, 'kind'>): 'replayed' | 'retried' {
  return kind === 'REPLAY' ? 'replayed' : 'retried'
}

/** How many it retries: of a replay, as far as they are counted. */
export function totalOf({ total, totalPrecision }: BulkRetry): Capped {
  return { count: total, precision: totalPrecision }
}

/** How many of them it has not retried yet. */
export function leftOf({ total, retried, totalPrecision }: BulkRetry): Capped {
  return { count: Math.max(0, total - retried), precision: totalPrecision }
}

/** Whether something may still be retried. */
export function isSomeLeft(bulkRetry: BulkRetry): boolean {
  const { count, precision } = leftOf(bulkRetry)
  return count > 0 || precision !== 'EXACT'
}

/** The numbers of dead letters by outcome so far. Their sum is the number that matched, as far as it is counted. */
function partsOf(bulkRetry: BulkRetry) {
  const { total, retried, succeeded, deadLettered } = bulkRetry
  return [
    { name: 'delivered', count: succeeded, colour: 'bg-chart-good' },
    { name: 'dead again', count: deadLettered, colour: 'bg-chart-bad' },
    { name: 'on their way', count: Math.max(0, retried - succeeded - deadLettered), colour: 'bg-chart-a' },
    { name: `not ${verbOf(bulkRetry)} yet`, count: Math.max(0, total - retried), colour: 'bg-line' },
  ]
}

/** A bar of the outcomes, with the numbers in words beside it. */
export function BulkRetryBar({ bulkRetry, isLarge = false }: { bulkRetry: BulkRetry; isLarge?: boolean }) {
  const parts = partsOf(bulkRetry)
  const total = Math.max(1, bulkRetry.total)
  return (
    <div className="flex flex-col gap-1">
      <div
        role="progressbar"
        aria-label="Retried"
        aria-valuemin={0}
        aria-valuemax={bulkRetry.total}
        aria-valuenow={bulkRetry.retried}
        aria-valuetext={parts.map(({ name, count }) => `${count} ${name}`).join(', ')}
        className={`flex overflow-hidden rounded bg-sunken ${isLarge ? 'h-4' : 'h-2'}`}
      >
        {parts.map(({ name, count, colour }) => (
          <span
            key={name}
            className={`${colour} transition-[width] duration-300`}
            style={{ width: `${(count / total) * 100}%` }}
          />
        ))}
      </div>
      {isLarge && (
        <ul className="flex flex-wrap gap-x-4 text-xs text-ink-2 tabular-nums">
          {parts.map(({ name, count, colour }) => (
            <li key={name} className="flex items-center gap-1.5">
              <span className={`size-2 rounded-sm ${colour}`} aria-hidden />
              {formatCount(count)} {name}
            </li>
          ))}
        </ul>
      )}
    </div>
  )
}
