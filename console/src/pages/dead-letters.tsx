import { getRouteApi } from '@tanstack/react-router'
import { Download, PartyPopper, RotateCw } from 'lucide-react'
import { useCallback, useEffect, useMemo, useRef, useState } from 'react'
import { setAcknowledged } from '../api/acknowledge.ts'
import { graphql, useApiQuery } from '../api/client.ts'
import { deadLettersUrl, readDeadLetters } from '../api/dead-letter-export.ts'
import { retryDelivery } from '../api/deliver-again.ts'
import { asFault } from '../api/faults.ts'
import { type DeliveryRow, type LiveFeed, useDeliveryFeed } from '../api/live.ts'
import { useRereadOnChange } from '../api/reread.ts'
import { BulkRetryList } from '../components/dead-letters/bulk-retry-list.tsx'
import {
  type DeadLetterGroup,
  DeadLetterGroups,
  groupByCause,
  searchOfGroup,
} from '../components/dead-letters/dead-letter-groups.tsx'
import { RetryPlanDialog } from '../components/dead-letters/retry-plan-dialog.tsx'
import { actOnEach, RetrySelectionDialog } from '../components/deliveries/deliver-again-dialogs.tsx'
import { DELIVERY_COLUMNS } from '../components/deliveries/delivery-columns.tsx'
import { DeliveryFilters, isFiltered } from '../components/deliveries/delivery-filters.tsx'
import { DeliveryLink } from '../components/deliveries/delivery-link.tsx'
import { FeedNotices, NewRowsLine } from '../components/filters/feed-notices.tsx'
import type { DeliveryFilter } from '../gql/graphql.ts'
import { saveJson } from '../lib/download.ts'
import { formatCapped, formatCount } from '../lib/format.ts'
import { useOpenDelivery, useOpenDeliveryId } from '../lib/open-delivery.ts'
import { type DeliverySearch, deliveryFilter } from '../lib/search.ts'
import { useSetSearch } from '../lib/set-search.ts'
import { useDeliveryFilter } from '../lib/use-filter.ts'
import { describeOutcome, describeReason, explainFailure } from '../lib/words.ts'
import { useRights } from '../session/session.ts'
import { useTenantId } from '../session/tenant.ts'
import { Button, buttonClass } from '../ui/button.tsx'
import { type Column, DataTable } from '../ui/data-table.tsx'
import { Page } from '../ui/page.tsx'
import { Empty, Failed, LoadingRows, NoMatch } from '../ui/states.tsx'
import { Time, useNow } from '../ui/time.tsx'
import { toast } from '../ui/toast.tsx'

const PAGE = graphql(`
  query DeadLettersPage($tenantId: ID, $filter: DeliveryFilter, $everything: DeliveryFilter, $first: Int) {
    deadLetterGroups(filter: $filter, acknowledged: false, first: $first) {
      ...DeadLetterGroupRow
    }
    deliveryCount(filter: $everything) {
      count
      precision
    }
    stats(tenantId: $tenantId, window: LAST_30_DAYS) {
      current {
        deadLettered
      }
    }
    bulkRetries(tenantId: $tenantId, first: 5) {
      nodes {
        ...BulkRetryState
      }
    }
  }
`)

const ACKNOWLEDGED = graphql(`
  query AcknowledgedDeadLetters($filter: DeliveryFilter, $first: Int) {
    deadLetterGroups(filter: $filter, acknowledged: true, first: $first) {
      ...DeadLetterGroupRow
    }
  }
`)

/** How many groups by endpoint, cause and event type are read at first, how many more each time, and at most. */
const GROUPS = { atOnce: 50, most: 500 }

const route = getRouteApi('/dead-letters')

export function DeadLettersPage() {
  const tenantId = useTenantId()
  const { delivery: _panel, tenant: _tenant, statuses: _statuses, test: _test, ...search } = route.useSearch()
  const setSearch = useSetSearch<DeliverySearch>()
  const { mayChange } = useRights()
  const filter = useDeliveryFilter(search, tenantId)
  const dead: DeliveryFilter = { ...filter, statuses: ['DEAD_LETTERED'] }
  const [first, setFirst] = useState(GROUPS.atOnce)
  const { data, fault, refetch: refetchOpen } = useApiQuery(PAGE, { tenantId, filter, everything: dead, first })
  const [wantsSeen, setWantsSeen] = useState(false)
  const isAllSeen = data?.deadLetterGroups?.length === 0
  const showsSeen = wantsSeen || isAllSeen
  const seen = useApiQuery(ACKNOWLEDGED, { filter, first }, { pause: !showsSeen })
  const { refetch: refetchSeen } = seen
  const refetch = useCallback(() => {
    refetchOpen()
    if (showsSeen) refetchSeen()
  }, [refetchOpen, refetchSeen, showsSeen])
  const feed = useDeliveryFeed(dead)
  const markChanged = useRereadOnChange({ tenantId, statuses: ['DEAD_LETTERED'] }, refetch)
  const [plan, setPlan] = useState<DeliveryFilter | null>(null)

  // A retried row is no longer a dead letter, so read the sums again.
  const gone = feed.rows.filter(({ status }) => status !== 'DEAD_LETTERED').length
  useEffect(() => {
    if (gone > 0) markChanged()
  }, [gone, markChanged])
  const running = data?.bulkRetries?.nodes.filter(({ status }) => status === 'RUNNING' || status === 'PAUSED') ?? []

  const openRows = data?.deadLetterGroups ?? NONE
  const seenRows = (showsSeen && seen.data?.deadLetterGroups) || NONE
  const groups = useMemo(() => openFirst(groupByCause(openRows), groupByCause(seenRows)), [openRows, seenRows])
  const count = data?.deliveryCount
  const isEmpty = count?.count === 0
  return (
    <Page
      isFull
      title="Dead letters"
      lead="Deliveries whose schedule is used up. Nothing is lost: retry them once the cause is fixed."
      actions={
        count &&
        count.count > 0 && (
          <>
            <a href={deadLettersUrl(filter)} download="dead-letters.json" className={buttonClass()}>
              <Download size={14} aria-hidden />
              Download {formatCapped(count)} as JSON
            </a>
            {mayChange && (
              <Button kind="primary" icon={<RotateCw size={14} aria-hidden />} onClick={() => setPlan(filter)}>
                Retry{' '}
                {count.count === 1 ? 'this one' : `${isFiltered(search) ? 'these' : 'all'} ${formatCapped(count)}`} …
              </Button>
            )}
          </>
        )
      }
      filters={
        <DeliveryFilters
          tenantId={tenantId}
          search={search}
          onChange={setSearch}
          without={['status', 'tests', 'reason', 'retried']}
        />
      }
    >
      {fault && !data ? (
        <Failed fault={fault} onRetry={refetch} />
      ) : !data ? (
        <LoadingRows />
      ) : (
        <div className="flex min-h-0 flex-1 flex-col gap-3">
          <FeedNotices feed={feed} />
          <BulkRetryList bulkRetries={running} />
          {isEmpty && feed.rows.length === 0 ? (
            isFiltered(search) ? (
              <NoMatch what="dead letters" onClear={() => setSearch({})} />
            ) : (
              <>
                <Empty icon={<PartyPopper size={28} aria-hidden />} title="Nothing has failed for good">
                  {data.stats && data.stats.current.deadLettered > 0
                    ? `In the last 30 days ${formatCount(data.stats.current.deadLettered)} deliveries became dead letters and stayed so.`
                    : 'A delivery comes here when every attempt of its schedule has failed.'}
                </Empty>
                <BulkRetryList bulkRetries={data.bulkRetries?.nodes ?? []} />
              </>
            )
          ) : (
            <>
              {groups.length > 0 && (
                <DeadLetterGroups
                  groups={groups}
                  isShown={(group, eventType) => isGroupOf(search, group, eventType)}
                  onShow={(group, eventType) =>
                    setSearch(
                      isGroupOf(search, group, eventType)
                        ? {}
                        : { ...withoutGroup(search), ...searchOfGroup(group, eventType) },
                    )
                  }
                  onRetry={
                    mayChange
                      ? (group) => setPlan(deliveryFilter({ ...search, ...searchOfGroup(group) }, tenantId))
                      : null
                  }
                  onAcknowledge={
                    mayChange
                      ? async (group, isAcknowledged) => {
                          await setAcknowledged(tenantId, group, isAcknowledged)
                          if (isAcknowledged) setWantsSeen(true)
                          refetch()
                        }
                      : null
                  }
                />
              )}
              <MoreGroups
                isMore={Math.max(openRows.length, seenRows.length) >= first}
                first={first}
                onMore={() => setFirst((before) => Math.min(GROUPS.most, before + GROUPS.atOnce))}
                showsSeen={isAllSeen ? null : showsSeen}
                onShowSeen={setWantsSeen}
              />
              <Rows feed={feed} total={count} />
            </>
          )}
        </div>
      )}
      {plan && <RetryPlanDialog filter={plan} onClose={() => setPlan(null)} />}
    </Page>
  )
}

const NONE: readonly never[] = []

/** What somebody acknowledged between the two reads is among both. */
function openFirst(open: readonly DeadLetterGroup[], seen: readonly DeadLetterGroup[]): DeadLetterGroup[] {
  const seenKeys = new Set(seen.map(({ key }) => key))
  return [...open.filter(({ key }) => !seenKeys.has(key)), ...seen]
}

type MoreGroupsProps = {
  /** Whether there may be more groups than are shown. */
  isMore: boolean
  first: number
  onMore(): void
  /** null: nothing but acknowledged groups is there. */
  showsSeen: boolean | null
  onShowSeen(shows: boolean): void
}

function MoreGroups({ isMore, first, onMore, showsSeen, onShowSeen }: MoreGroupsProps) {
  if (!isMore && showsSeen === null) return null
  return (
    <div className="flex flex-wrap items-center gap-2">
      {isMore &&
        (first < GROUPS.most ? (
          <Button size="small" kind="quiet" onClick={onMore}>
            Show more groups
          </Button>
        ) : (
          <span className="text-ink-2">
            These are the largest groups. Filter by endpoint, type or failure to see others.
          </span>
        ))}
      {showsSeen !== null && (
        <Button size="small" kind="quiet" onClick={() => onShowSeen(!showsSeen)}>
          {showsSeen ? 'Hide acknowledged groups' : 'Show acknowledged groups'}
        </Button>
      )}
    </div>
  )
}

function Rows({
  feed,
  total,
}: {
  feed: LiveFeed<DeliveryRow>
  total: Parameters<typeof formatCapped>[0] | null | undefined
}) {
  const { mayChange } = useRights()
  const openId = useOpenDeliveryId()
  const open = useOpenDelivery()
  const list = useRef<HTMLDivElement>(null)
  const [selection, setSelection] = useState<ReadonlySet<string>>(new Set())
  const { put } = feed
  const columns = useMemo(() => [...COLUMNS, ...(mayChange ? [retryColumn(put)] : [])], [mayChange, put])
  const selected = feed.rows.filter(({ id }) => selection.has(id))
  if (feed.phase === 'failed' && feed.fault) return <Failed fault={feed.fault} onRetry={feed.retry} />
  if (feed.phase === 'loading') return <LoadingRows rows={6} />
  return (
    <div ref={list} className="relative flex min-h-52 flex-1 flex-col gap-2">
      {selected.length > 0 && (
        <Selected rows={selected} put={put} mayChange={mayChange} onDone={() => setSelection(new Set())} />
      )}
      <div className="relative flex min-h-0 flex-1 flex-col">
        <NewRowsLine
          feed={feed}
          onShow={() => list.current?.querySelector('.overflow-auto')?.scrollTo({ top: 0 })}
          total={total && ` of ${formatCapped(total)}`}
        />
        <DataTable
          label="Dead letters"
          columns={columns}
          rows={feed.rows}
          openId={openId}
          onOpen={({ id }) => open(id)}
          selection={selection}
          onSelect={setSelection}
          hasMore={feed.hasMore}
          isLoadingMore={feed.isLoadingMore}
          onMore={feed.loadMore}
        />
      </div>
    </div>
  )
}

const LINK_LASTS_MS = 24 * 3_600_000
const shown = new Map(DELIVERY_COLUMNS.map((column) => [column.id, column as Column<DeliveryRow>]))

const COLUMNS: readonly Column<DeliveryRow>[] = [
  { ...shown.get('status')!, width: 120 },
  {
    id: 'type',
    header: 'Type',
    narrow: 'title',
    least: 164,
    cell: ({ id, event, createdAt }) => (
      <span className="flex items-center gap-2">
        <DeliveryLink id={id}>{event.type}</DeliveryLink>
        {event.type === 'call.recorded' && <ExpiredLink createdAt={createdAt} />}
      </span>
    ),
  },
  { ...shown.get('endpoint')!, least: 120 },
  shown.get('call')!,
  {
    id: 'why',
    header: 'Failure',
    narrow: 'detail',
    narrowIsWhole: true,
    least: 156,
    rank: 1,
    cell: ({ lastErrorCode, lastStatusCode, reason }) => (
      <span
        className={lastErrorCode ? 'text-bad' : undefined}
        title={lastErrorCode ? explainFailure(lastErrorCode, lastStatusCode) : undefined}
      >
        {describeOutcome(lastErrorCode, lastStatusCode) ?? (reason ? describeReason(reason) : '–')}
      </span>
    ),
  },
  { ...shown.get('attempts')!, width: 84 },
  { id: 'first', rank: 4, header: 'Created', width: 120, cell: ({ createdAt }) => <Time at={createdAt} /> },
  {
    id: 'last',
    header: 'Gave up',
    narrow: 'end',
    width: 120,
    cell: ({ completedAt }) => <Time at={completedAt} />,
  },
]

function retryColumn(put: (row: DeliveryRow) => void): Column<DeliveryRow> {
  return {
    id: 'retry',
    header: <span className="sr-only">Retry</span>,
    headerLabel: 'Retry',
    width: 100,
    align: 'right',
    cell: (row) => (row.status === 'DEAD_LETTERED' ? <RetryOne row={row} put={put} /> : null),
  }
}

function RetryOne({ row, put }: { row: DeliveryRow; put(row: DeliveryRow): void }) {
  const [isBusy, setBusy] = useState(false)
  return (
    <Button
      size="small"
      icon={<RotateCw size={14} aria-hidden />}
      isBusy={isBusy}
      aria-label={`Retry ${row.event.type} to ${row.endpoint.name}`}
      onClick={async () => {
        setBusy(true)
        const changed = await retryDelivery(row)
        setBusy(false)
        if (changed) put(changed)
      }}
    >
      Retry
    </Button>
  )
}

/** The signed link in the event of a recording is valid for one day. A later receiver must request another link. */
function ExpiredLink({ createdAt }: { createdAt: string }) {
  const now = useNow(60_000)
  if (now - Date.parse(createdAt) < LINK_LASTS_MS) return null
  return (
    <span
      className="rounded bg-warn-bg px-1.5 text-xs font-medium text-warn"
      title="The recording link inside works for 24 hours. Receivers ask for a fresh one by recording_id."
    >
      link expired
    </span>
  )
}

type SelectedProps = { rows: readonly DeliveryRow[]; put(row: DeliveryRow): void; mayChange: boolean; onDone(): void }

function Selected({ rows, put, mayChange, onDone }: SelectedProps) {
  const [done, setDone] = useState<number | null>(null)
  const dead = rows.filter(({ status }) => status === 'DEAD_LETTERED')
  const [isAsking, setAsking] = useState(false)
  const retry = async (maxPerSecond: number | null) => {
    let count = 0
    setAsking(false)
    setDone(0)
    const one = async (row: DeliveryRow) => {
      const changed = await retryDelivery(row)
      if (!changed) return
      put(changed)
      count++
    }
    await actOnEach(dead, one, { maxPerSecond, onDone: setDone })
    setDone(null)
    toast({
      tone: count === dead.length ? 'good' : 'info',
      title: `${formatCount(count)} of ${formatCount(dead.length)} retried.`,
    })
    onDone()
  }
  const save = async () => {
    setDone(0)
    try {
      saveJson('dead-letters', await readDeadLetters(rows.map(({ id }) => id)))
    } catch (error) {
      toast({ tone: 'bad', title: asFault(error).detail })
    }
    setDone(null)
  }
  const isBusy = done !== null
  return (
    <div
      role="toolbar"
      aria-label="Selected dead letters"
      className="flex flex-wrap items-center gap-2 rounded-md bg-selected px-3 py-1.5"
    >
      <span className="mr-2 font-medium">
        {isBusy ? `${formatCount(done)} done …` : `${formatCount(rows.length)} selected`}
      </span>
      {mayChange && dead.length > 0 && (
        <Button
          size="small"
          icon={<RotateCw size={14} aria-hidden />}
          disabled={isBusy}
          onClick={() => setAsking(true)}
        >
          Retry {formatCount(dead.length)} …
        </Button>
      )}
      <Button size="small" icon={<Download size={14} aria-hidden />} disabled={isBusy} onClick={() => void save()}>
        Download as JSON
      </Button>
      <Button size="small" kind="quiet" onClick={onDone}>
        Clear selection
      </Button>
      {isAsking && (
        <RetrySelectionDialog
          rows={dead}
          onClose={() => setAsking(false)}
          onConfirm={(maxPerSecond) => void retry(maxPerSecond)}
        />
      )}
    </div>
  )
}

function isGroupOf(search: DeliverySearch, group: DeadLetterGroup, eventType?: string): boolean {
  if (eventType === undefined && search.eventTypes) return false
  return Object.entries(searchOfGroup(group, eventType)).every(
    ([name, value]) => JSON.stringify(search[name as keyof DeliverySearch]) === JSON.stringify(value),
  )
}

/** A search without what a group of dead letters sets. */
function withoutGroup(search: DeliverySearch): DeliverySearch {
  const { endpointIds: _endpoints, eventTypes: _types, errorCodes: _codes, statusCodes: _http, ...rest } = search
  return rest
}
