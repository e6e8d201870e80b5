// The dead letters by endpoint and cause, with their event types: how many failed, where and how. What nobody acknowledged comes first,
// the largest group before the others.

import { Link } from '@tanstack/react-router'
import { Check, Eye, EyeOff, RotateCw } from 'lucide-react'
import { useMemo, useRef, useState } from 'react'
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
    lastDeadLetterAt
    acknowledgement {
      acknowledgedAt
      acknowledgedBy
    }
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

type Row = DeadLetterGroupRowFragment

/** The dead letters of one endpoint that failed for one cause. */
export type DeadLetterGroup = Omit<Row, 'eventType'> & {
  readonly key: string
  readonly types: readonly Pick<Row, 'eventType' | 'count'>[]
}

/** Groups with the same endpoint and cause become one. */
export function groupByCause(rows: readonly Row[]): DeadLetterGroup[] {
  const groups = new Map<string, DeadLetterGroup>()
  for (const row of rows) {
    const { eventType, ...ofCause } = row
    const { endpoint, errorCode, statusCode, count } = row
    const key = `${endpoint.id} ${errorCode ?? ''} ${statusCode ?? ''}`
    const before = groups.get(key)
    const types = [...(before?.types ?? []), { eventType, count }]
    const isExact = types.every((type) => type.count.precision === 'EXACT')
    groups.set(key, {
      ...ofCause,
      key,
      types,
      oldestAt: before && before.oldestAt < row.oldestAt ? before.oldestAt : row.oldestAt,
      newestAt: before && before.newestAt > row.newestAt ? before.newestAt : row.newestAt,
      count: {
        count: types.reduce((sum, type) => sum + type.count.count, 0),
        precision: isExact
          ? 'EXACT'
          : (before ?? row).count.precision === 'EXACT'
            ? count.precision
            : (before ?? row).count.precision,
      },
    })
  }
  return [...groups.values()].sort((a, b) => b.count.count - a.count.count)
}

/** More than there can be groups. */
const BEHIND = 1_000_000

/** Keeps the order of the groups, so that a button does not move when counts change. What was acknowledged already is behind the others. */
function useInPlace(groups: readonly DeadLetterGroup[]): readonly DeadLetterGroup[] {
  const places = useRef(new Map<string, number>())
  return useMemo(() => {
    for (const { key, acknowledgement } of groups)
      if (!places.current.has(key)) places.current.set(key, places.current.size + (acknowledgement ? BEHIND : 0))
    return [...groups].sort((a, b) => places.current.get(a.key)! - places.current.get(b.key)!)
  }, [groups])
}

/** The filter that matches the dead letters of a group, of all types or of one. */
export function searchOfGroup(
  { endpoint, errorCode, statusCode }: DeadLetterGroup,
  eventType?: string,
): DeliverySearch {
  return compact({
    endpointIds: [endpoint.id],
    eventTypes: eventType === undefined ? undefined : [eventType],
    errorCodes: errorCode ? [errorCode] : undefined,
    statusCodes: statusCode ? [String(statusCode)] : undefined,
  })
}

type GroupsProps = {
  /** The groups in their first order. Later each keeps its place, and new ones come last. */
  groups: readonly DeadLetterGroup[]
  /** Whether the dead letters of a group, or of one of its types, are listed. */
  isShown(group: DeadLetterGroup, eventType?: string): boolean
  onShow(group: DeadLetterGroup, eventType?: string): void
  /** null if the viewer may not retry. */
  onRetry: ((group: DeadLetterGroup) => void) | null
  /** null if the viewer may not acknowledge. */
  onAcknowledge: ((group: DeadLetterGroup, isAcknowledged: boolean) => Promise<void>) | null
}

export function DeadLetterGroups({ groups, ...actions }: GroupsProps) {
  const inPlace = useInPlace(groups)
  return (
    <ul
      aria-label="Dead letters by endpoint and cause"
      className="@container max-h-[42vh] shrink-0 divide-y divide-line overflow-auto rounded-lg border border-line bg-surface max-sm:max-h-[60vh]"
    >
      {inPlace.map((group) => (
        <GroupItem key={group.key} group={group} {...actions} />
      ))}
    </ul>
  )
}

type ItemProps = { group: DeadLetterGroup } & Omit<GroupsProps, 'groups'>

function GroupItem({ group, isShown, onShow, onRetry, onAcknowledge }: ItemProps) {
  const { endpoint, errorCode, statusCode, count, types, acknowledgement } = group
  const why = describeOutcome(errorCode, statusCode) ?? 'No attempt was made'
  return (
    <li
      className={classes(
        'grid grid-cols-[56px_minmax(0,1fr)] items-start gap-x-4 gap-y-2 px-4 py-2.5 @3xl:grid-cols-[56px_minmax(0,1fr)_auto]',
        isShown(group) && 'bg-selected',
      )}
    >
      <span
        className={classes(
          'text-right text-base font-semibold tabular-nums',
          acknowledgement ? 'text-ink-2' : 'text-bad',
        )}
      >
        {formatCapped(count)}
      </span>
      <div className="min-w-0">
        <p className="flex flex-wrap items-center gap-x-2">
          <button
            type="button"
            className="text-left font-semibold hover:text-link hover:underline"
            aria-pressed={isShown(group)}
            title={errorCode ? explainFailure(errorCode, statusCode) : undefined}
            onClick={() => onShow(group)}
          >
            {why}
          </button>
          <Link
            to="/endpoints/$endpointId"
            params={{ endpointId: endpoint.id }}
            className="min-w-0 truncate hover:text-link hover:underline"
          >
            {endpoint.name}
          </Link>
          {endpoint.deletedAt ? (
            <span className="text-xs text-ink-3">deleted</span>
          ) : (
            endpoint.status !== 'ACTIVE' && <EndpointStatusBadge status={endpoint.status} />
          )}
          <span className="text-ink-3">
            oldest <Ago at={group.oldestAt} />, newest <Ago at={group.newestAt} />
          </span>
          {acknowledgement && (
            <span className="text-ink-3">
              acknowledged by {acknowledgement.acknowledgedBy} <Ago at={acknowledgement.acknowledgedAt} />
            </span>
          )}
        </p>
        <ul aria-label="Types" className="mt-1 flex flex-wrap gap-1.5">
          {types.map(({ eventType, count: ofType }) => (
            <li key={eventType}>
              <button
                type="button"
                aria-pressed={isShown(group, eventType)}
                onClick={() => onShow(group, eventType)}
                className={classes(
                  'flex items-center gap-1.5 rounded border px-1.5 font-mono text-xs hover:border-accent',
                  isShown(group, eventType) ? 'border-accent bg-selected' : 'border-line',
                )}
              >
                {eventType}
                <span className="text-ink-2 tabular-nums">{formatCapped(ofType)}</span>
              </button>
            </li>
          ))}
        </ul>
      </div>
      <span className="flex flex-wrap gap-1 @max-3xl:col-start-2">
        <Button
          size="small"
          kind="quiet"
          icon={isShown(group) ? <Check size={14} aria-hidden /> : undefined}
          onClick={() => onShow(group)}
        >
          {isShown(group) ? 'Listed below' : 'List'}
        </Button>
        {onAcknowledge && <AcknowledgeButton group={group} onAcknowledge={onAcknowledge} />}
        {onRetry && !endpoint.deletedAt && (
          <Button size="small" icon={<RotateCw size={14} aria-hidden />} onClick={() => onRetry(group)}>
            Retry …
          </Button>
        )}
      </span>
    </li>
  )
}

function AcknowledgeButton({
  group,
  onAcknowledge,
}: {
  group: DeadLetterGroup
  onAcknowledge: NonNullable<GroupsProps['onAcknowledge']>
}) {
  const [isBusy, setBusy] = useState(false)
  const isSeen = Boolean(group.acknowledgement)
  return (
    <Button
      size="small"
      kind="quiet"
      isBusy={isBusy}
      icon={isSeen ? <Eye size={14} aria-hidden /> : <EyeOff size={14} aria-hidden />}
      title={
        isSeen
          ? 'They count in the badge again, for everybody.'
          : 'They stay, and leave the badge for everybody until one more comes for the same cause.'
      }
      onClick={async () => {
        setBusy(true)
        await onAcknowledge(group, !isSeen)
        setBusy(false)
      }}
    >
      {isSeen ? 'Count again' : 'Acknowledge'}
    </Button>
  )
}
