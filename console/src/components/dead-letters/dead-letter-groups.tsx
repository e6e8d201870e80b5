// The dead letters by group: how many failed, where and how, the largest group first.

import { Link } from '@tanstack/react-router'
import { Check, RotateCw } from 'lucide-react'
import { useMemo, useRef } from 'react'
import { graphql } from '../../api/client.ts'
import type { DeadLetterGroupRowFragment } from '../../gql/graphql.ts'
import { formatCapped } from '../../lib/format.ts'
import { compact, type DeliverySearch } from '../../lib/search.ts'
import { describeOutcome, explainFailure } from '../../lib/words.ts'
import { Button } from '../../ui/button.tsx'
import { classes } from '../../ui/classes.ts'
import { Ago } from '../../ui/time.tsx'
import { EndpointStatusBadge } from '../deliveries/status.tsx'

graphql(`
  fragment DeadLetterGroupRow on DeadLetterGroup {
    eventType
    errorCode
    statusCode
    oldestAt
    newestAt
    count {
      count
      precision
    }
    endpoint {
      id
      name
      status
      deletedAt
    }
  }
`)

export type DeadLetterGroup = DeadLetterGroupRowFragment

function keyOf({ endpoint, eventType, errorCode, statusCode }: DeadLetterGroup): string {
  return `${endpoint.id} ${eventType} ${errorCode} ${statusCode}`
}

/** Keeps the order of the groups, so that a button does not move when counts change. */
function useInPlace(groups: readonly DeadLetterGroup[]): readonly DeadLetterGroup[] {
  const places = useRef(new Map<string, number>())
  return useMemo(() => {
    for (const group of groups) {
      const key = keyOf(group)
      if (!places.current.has(key)) places.current.set(key, places.current.size)
    }
    return [...groups].sort((a, b) => places.current.get(keyOf(a))! - places.current.get(keyOf(b))!)
  }, [groups])
}

/** The filter that matches the dead letters of a group. */
export function searchOfGroup({ endpoint, eventType, errorCode, statusCode }: DeadLetterGroup): DeliverySearch {
  return compact({
    endpointIds: [endpoint.id],
    eventTypes: [eventType],
    errorCodes: errorCode ? [errorCode] : undefined,
    statusCodes: statusCode ? [String(statusCode)] : undefined,
  })
}

type GroupsProps = {
  /** The groups in their first order. Later each keeps its place, and new ones come last. */
  groups: readonly DeadLetterGroup[]
  /** The filter of the group whose dead letters are listed. */
  isShown(group: DeadLetterGroup): boolean
  onShow(group: DeadLetterGroup): void
  /** null if the viewer may not retry. */
  onRetry: ((group: DeadLetterGroup) => void) | null
}

export function DeadLetterGroups({ groups, isShown, onShow, onRetry }: GroupsProps) {
  const inPlace = useInPlace(groups)
  return (
    <div className="max-h-[38vh] shrink-0 overflow-auto rounded-lg border border-line bg-surface">
      <table className="w-full border-separate border-spacing-0">
        <caption className="sr-only">Dead letters by endpoint, failure and event type</caption>
        <thead>
          <tr>
            {['Count', 'Why', 'Endpoint', 'Event type', 'Oldest', 'Newest', ''].map((header, index) => (
              <th
                key={header || 'actions'}
                scope="col"
                className={classes(
                  'sticky top-0 z-10 h-9 border-b border-line bg-surface px-3 text-left text-xs font-medium text-ink-3',
                  index === 0 && 'w-24 text-right!',
                )}
              >
                {header || <span className="sr-only">Actions</span>}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {inPlace.map((group) => {
            const { endpoint, eventType, errorCode, statusCode, count } = group
            const why = describeOutcome(errorCode, statusCode) ?? 'No attempt was made'
            return (
              <tr key={keyOf(group)} className={classes(isShown(group) ? 'bg-selected' : 'hover:bg-hover')}>
                <Cell className="text-right text-base font-semibold text-bad tabular-nums">{formatCapped(count)}</Cell>
                <Cell>
                  <button
                    type="button"
                    className="text-left font-medium hover:text-link hover:underline"
                    aria-pressed={isShown(group)}
                    title={errorCode ? explainFailure(errorCode, statusCode) : undefined}
                    onClick={() => onShow(group)}
                  >
                    {why}
                  </button>
                </Cell>
                <Cell>
                  <span className="flex items-center gap-2">
                    <Link
                      to="/endpoints/$endpointId"
                      params={{ endpointId: endpoint.id }}
                      className="truncate hover:text-link hover:underline"
                    >
                      {endpoint.name}
                    </Link>
                    {endpoint.deletedAt ? (
                      <span className="text-xs text-ink-3">deleted</span>
                    ) : (
                      endpoint.status !== 'ACTIVE' && <EndpointStatusBadge status={endpoint.status} />
                    )}
                  </span>
                </Cell>
                <Cell className="font-mono text-xs">{eventType}</Cell>
                <Cell className="text-ink-2">
                  <Ago at={group.oldestAt} />
                </Cell>
                <Cell className="text-ink-2">
                  <Ago at={group.newestAt} />
                </Cell>
                <Cell className="text-right whitespace-nowrap">
                  <span className="inline-flex gap-1">
                    <Button
                      size="small"
                      kind="quiet"
                      icon={isShown(group) ? <Check size={14} aria-hidden /> : undefined}
                      onClick={() => onShow(group)}
                    >
                      {isShown(group) ? 'Listed below' : 'List'}
                    </Button>
                    {onRetry && !endpoint.deletedAt && (
                      <Button size="small" icon={<RotateCw size={14} aria-hidden />} onClick={() => onRetry(group)}>
                        Retry
                      </Button>
                    )}
                  </span>
                </Cell>
              </tr>
            )
          })}
        </tbody>
      </table>
    </div>
  )
}

function Cell({ children, className }: { children: React.ReactNode; className?: string }) {
  return <td className={classes('h-10 border-b border-line px-3', className)}>{children}</td>
}
