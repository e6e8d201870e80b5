// The attempts that failed, newest first, also those whose delivery succeeded later.

import { getRouteApi, Link } from '@tanstack/react-router'
import { useRef } from 'react'
import { type FailedAttemptRow, useFailedAttemptFeed } from '../api/live.ts'
import { LastAnswer } from '../components/deliveries/delivery-columns.tsx'
import { CAUSE_CHOICES, TEST_CHOICES } from '../components/deliveries/delivery-filters.tsx'
import { DeliveryLink } from '../components/deliveries/delivery-link.tsx'
import { DeliveryStatusBadge, TestBadge } from '../components/deliveries/status.tsx'
import { useEndpointChoices } from '../components/filters/choices.ts'
import { FeedNotices, NewRowsLine } from '../components/filters/feed-notices.tsx'
import { FilterMenu, HttpFilter } from '../components/filters/filter-menu.tsx'
import { ListTotal } from '../components/filters/list-total.tsx'
import { PeriodFilter } from '../components/filters/period-filter.tsx'
import { useOpenDelivery, useOpenDeliveryId } from '../lib/open-delivery.ts'
import { compact, type FailedAttemptSearch } from '../lib/search.ts'
import { useSetSearch } from '../lib/set-search.ts'
import { useFailedAttemptFilter } from '../lib/use-filter.ts'
import { describeLatency, whyFailed } from '../lib/words.ts'
import { useTenantId } from '../session/tenant.ts'
import { Button, buttonClass } from '../ui/button.tsx'
import { type Column, DataTable } from '../ui/data-table.tsx'
import { Page } from '../ui/page.tsx'
import { Empty, Failed, LoadingRows, NoMatch } from '../ui/states.tsx'
import { Time } from '../ui/time.tsx'

const route = getRouteApi('/failed-attempts')

export function FailedAttemptsPage() {
  const tenantId = useTenantId()
  const { delivery: _panel, tenant: _tenant, ...search } = route.useSearch()
  const setSearch = useSetSearch<FailedAttemptSearch>()
  const filter = useFailedAttemptFilter(search, tenantId)
  const feed = useFailedAttemptFeed(filter)
  const openId = useOpenDeliveryId()
  const open = useOpenDelivery()
  const list = useRef<HTMLDivElement>(null)
  const isFiltered = Object.keys(search).length > 0
  return (
    <Page
      isFull
      title="Failed attempts"
      lead="Every attempt that failed, also of deliveries that succeeded later."
      actions={
        <Link to="/deliveries" className={buttonClass()}>
          Deliveries
        </Link>
      }
      filters={<Filters tenantId={tenantId} search={search} onChange={setSearch} />}
    >
      <div className="relative flex min-h-0 flex-1 flex-col gap-2" ref={list}>
        <FeedNotices feed={feed} />
        {feed.phase === 'failed' && feed.fault ? (
          <Failed fault={feed.fault} onRetry={feed.retry} />
        ) : feed.phase === 'loading' ? (
          <LoadingRows />
        ) : feed.rows.length === 0 && feed.waiting === 0 ? (
          isFiltered ? (
            <NoMatch what="failed attempts" onClear={() => setSearch({})} />
          ) : (
            <Empty title="No attempt has failed">
              The attempts that fail appear here, with what the receiver answered.
            </Empty>
          )
        ) : (
          <div className="relative flex min-h-0 flex-1 flex-col">
            <NewRowsLine
              feed={feed}
              onShow={() => list.current?.querySelector('.overflow-auto')?.scrollTo({ top: 0 })}
              total={
                <ListTotal
                  key={JSON.stringify(search)}
                  of="failedAttempts"
                  filter={filter}
                  since={search.since}
                  atLeast={feed.rows.length}
                />
              }
            />
            <DataTable
              label="Failed attempts"
              columns={COLUMNS}
              rows={feed.rows}
              openId={feed.rows.find(({ delivery }) => delivery.id === openId)?.id}
              onOpen={({ delivery }) => open(delivery.id)}
              hasMore={feed.hasMore}
              isLoadingMore={feed.isLoadingMore}
              onMore={feed.loadMore}
            />
          </div>
        )}
      </div>
    </Page>
  )
}

const DELIVERED_CHOICES = [
  { value: 'true', label: 'Delivered later' },
  { value: 'false', label: 'Not delivered' },
]

type FiltersProps = { tenantId: string; search: FailedAttemptSearch; onChange(search: FailedAttemptSearch): void }

function Filters({ tenantId, search, onChange }: FiltersProps) {
  const endpoints = useEndpointChoices(tenantId)
  const set = (change: Partial<FailedAttemptSearch>) => onChange(compact({ ...search, ...change }))
  const flagOf = (chosen: string[]) => (chosen.length === 0 ? undefined : chosen.at(-1) === 'true')
  return (
    <>
      <FilterMenu
        label="Endpoint"
        choices={endpoints}
        chosen={search.endpointIds ?? []}
        onChange={(endpointIds) => set({ endpointIds })}
      />
      <FilterMenu
        label="Failure"
        choices={CAUSE_CHOICES}
        chosen={search.errorCodes ?? []}
        onChange={(errorCodes) => set({ errorCodes })}
      />
      <FilterMenu
        label="Delivery"
        choices={DELIVERED_CHOICES}
        chosen={search.delivered === undefined ? [] : [String(search.delivered)]}
        onChange={(chosen) => set({ delivered: flagOf(chosen) })}
      />
      <FilterMenu
        label="Tests"
        choices={TEST_CHOICES}
        chosen={search.test === undefined ? [] : [String(search.test)]}
        onChange={(chosen) => set({ test: flagOf(chosen) })}
      />
      <PeriodFilter since={search.since} from={search.from} to={search.to} onChange={set} />
      <HttpFilter codes={search.statusCodes} onChange={(statusCodes) => set({ statusCodes })} />
      {Object.keys(search).length > 0 && (
        <Button kind="quiet" onClick={() => onChange({})}>
          Clear filters
        </Button>
      )}
    </>
  )
}

const COLUMNS: readonly Column<FailedAttemptRow>[] = [
  { id: 'started', header: 'Time', narrow: 'end', width: 132, cell: ({ startedAt }) => <Time at={startedAt} /> },
  {
    id: 'type',
    header: 'Type',
    narrow: 'title',
    cell: ({ delivery: { id, event } }) => (
      <span className="flex items-center gap-2">
        <DeliveryLink id={id}>{event.type}</DeliveryLink>
        {event.test && <TestBadge />}
      </span>
    ),
  },
  {
    id: 'endpoint',
    header: 'Endpoint',
    narrow: 'detail',
    cell: ({ delivery: { endpoint } }) => (
      <span title={endpoint.name} className="text-ink-2">
        {endpoint.name}
      </span>
    ),
  },
  {
    id: 'response',
    header: 'Response',
    narrow: 'detail',
    width: 150,
    cell: ({ statusCode, errorCode }) => <LastAnswer lastStatusCode={statusCode} lastErrorCode={errorCode} />,
  },
  {
    id: 'why',
    header: 'Why',
    rank: 3,
    cell: (attempt) => <span title={attempt.errorMessage ?? ''}>{whyFailed(attempt)}</span>,
  },
  { id: 'number', header: 'Attempt', rank: 2, width: 80, align: 'right', cell: ({ number }) => number },
  {
    id: 'latency',
    header: 'Latency',
    rank: 1,
    width: 84,
    align: 'right',
    cell: ({ errorCode, latencyMs }) => describeLatency(errorCode, latencyMs),
  },
  {
    id: 'status',
    header: 'Delivery now',
    narrow: 'state',
    width: 124,
    cell: ({ delivery: { status, attemptCount } }) => (
      <DeliveryStatusBadge status={status} attemptCount={attemptCount} />
    ),
  },
]
