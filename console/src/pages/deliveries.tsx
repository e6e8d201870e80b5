import { getRouteApi } from '@tanstack/react-router'
import { Ban, Download, RotateCw } from 'lucide-react'
import { useRef, useState } from 'react'
import { cancelDelivery, isCancellable, retryDelivery, retryLabel } from '../api/deliver-again.ts'
import type { DeliveryRow } from '../api/live.ts'
import { useDeliveryFeed } from '../api/live.ts'
import { CopyAsSubscription } from '../components/api/copy-as-subscription.tsx'
import { actOnEach, CancelDialog, RetrySelectionDialog } from '../components/deliveries/deliver-again-dialogs.tsx'
import { DELIVERY_COLUMNS } from '../components/deliveries/delivery-columns.tsx'
import { DeliveryFilters, isFiltered } from '../components/deliveries/delivery-filters.tsx'
import { FeedNotices, NewRowsLine } from '../components/filters/feed-notices.tsx'
import { ListTotal } from '../components/filters/list-total.tsx'
import { asAnswered, saveJson } from '../lib/download.ts'
import { formatCount } from '../lib/format.ts'
import { useOpenDelivery, useOpenDeliveryId } from '../lib/open-delivery.ts'
import { useRowsWithin } from '../lib/rows-within.ts'
import type { DeliverySearch } from '../lib/search.ts'
import { useSetSearch } from '../lib/set-search.ts'
import { useDeliveryFilter } from '../lib/use-filter.ts'
import { useRights } from '../session/session.ts'
import { useTenantId } from '../session/tenant.ts'
import { Button } from '../ui/button.tsx'
import { DataTable } from '../ui/data-table.tsx'
import { Page } from '../ui/page.tsx'
import { Empty, Failed, LoadingRows, NoMatch } from '../ui/states.tsx'
import { toast } from '../ui/toast.tsx'

const route = getRouteApi('/deliveries')

export function DeliveriesPage() {
  const tenantId = useTenantId()
  const { delivery: _panel, tenant: _tenant, ...search } = route.useSearch()
  const setSearch = useSetSearch<DeliverySearch>()
  const filter = useDeliveryFilter(search, tenantId)
  const feed = useDeliveryFeed(filter)
  const rows = useRowsWithin(feed.rows, search.since)
  const openId = useOpenDeliveryId()
  const open = useOpenDelivery()
  const [selection, setSelection] = useState<ReadonlySet<string>>(new Set())
  const list = useRef<HTMLDivElement>(null)
  const clear = () => setSearch({})
  const { mayChange } = useRights()

  return (
    <Page
      isFull
      title="Deliveries"
      lead="One event for one endpoint, with every attempt it took."
      actions={<CopyAsSubscription of="deliveries" filter={filter} />}
      filters={<DeliveryFilters tenantId={tenantId} search={search} onChange={setSearch} />}
    >
      <div className="relative flex min-h-0 flex-1 flex-col gap-2" ref={list}>
        <FeedNotices feed={feed} />
        {selection.size > 0 && (
          <Selected
            rows={rows.filter(({ id }) => selection.has(id))}
            put={feed.put}
            onDone={() => setSelection(new Set())}
            mayChange={mayChange}
          />
        )}
        {feed.phase === 'failed' && feed.fault ? (
          <Failed fault={feed.fault} onRetry={feed.retry} />
        ) : feed.phase === 'loading' ? (
          <LoadingRows />
        ) : rows.length === 0 && feed.waiting === 0 ? (
          isFiltered(search) ? (
            <NoMatch what="deliveries" onClear={clear} />
          ) : (
            <Empty title="No deliveries yet">
              They appear here the moment an event is published that an endpoint wants, or when you send a test.
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
                  of="deliveries"
                  filter={filter}
                  since={search.since}
                  atLeast={feed.rows.length}
                />
              }
            />
            <DataTable
              label="Deliveries"
              columns={DELIVERY_COLUMNS}
              rows={rows}
              openId={openId}
              onOpen={({ id }) => open(id)}
              selection={selection}
              onSelect={setSelection}
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

type SelectedProps = { rows: readonly DeliveryRow[]; put(row: DeliveryRow): void; onDone(): void; mayChange: boolean }

/** The actions for the selected rows. */
function Selected({ rows, put, onDone, mayChange }: SelectedProps) {
  const [done, setDone] = useState<number | null>(null)
  const retriable = rows.filter((row) => retryLabel(row) !== null && row.status !== 'SUCCEEDED')
  const cancellable = rows.filter(isCancellable)
  const [asking, setAsking] = useState<'retry' | 'cancel' | null>(null)
  const each = async (
    some: readonly DeliveryRow[],
    act: (row: DeliveryRow) => Promise<DeliveryRow | null>,
    what: string,
    maxPerSecond: number | null = null,
  ) => {
    let count = 0
    setAsking(null)
    setDone(0)
    const one = async (row: DeliveryRow) => {
      const changed = await act(row)
      if (!changed) return
      put(changed)
      count++
    }
    await actOnEach(some, one, { maxPerSecond, onDone: setDone })
    setDone(null)
    toast({
      tone: count === some.length ? 'good' : 'info',
      title: `${formatCount(count)} of ${formatCount(some.length)} ${what}.`,
    })
    onDone()
  }
  const isBusy = done !== null
  return (
    <div
      role="toolbar"
      aria-label="Selected deliveries"
      className="flex flex-wrap items-center gap-2 rounded-md bg-selected px-3 py-1.5"
    >
      <span className="mr-2 font-medium">
        {isBusy ? `${formatCount(done)} done …` : `${formatCount(rows.length)} selected`}
      </span>
      {mayChange && (
        <>
          <Button
            size="small"
            icon={<RotateCw size={14} aria-hidden />}
            disabled={isBusy || retriable.length === 0}
            onClick={() => setAsking('retry')}
          >
            Retry {formatCount(retriable.length)} …
          </Button>
          <Button
            size="small"
            icon={<Ban size={14} aria-hidden />}
            disabled={isBusy || cancellable.length === 0}
            onClick={() => setAsking('cancel')}
          >
            Cancel {formatCount(cancellable.length)} …
          </Button>
        </>
      )}
      <Button
        size="small"
        icon={<Download size={14} aria-hidden />}
        onClick={() => saveJson('deliveries', asAnswered(rows))}
      >
        Download as JSON
      </Button>
      <Button size="small" kind="quiet" onClick={onDone}>
        Clear selection
      </Button>
      {asking === 'retry' && (
        <RetrySelectionDialog
          rows={retriable}
          onClose={() => setAsking(null)}
          onConfirm={(maxPerSecond) => void each(retriable, retryDelivery, 'retried', maxPerSecond)}
        />
      )}
      {asking === 'cancel' && (
        <CancelDialog
          rows={cancellable}
          onClose={() => setAsking(null)}
          onConfirm={() => void each(cancellable, cancelDelivery, 'cancelled')}
        />
      )}
    </div>
  )
}
