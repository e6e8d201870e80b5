// Deliveries as they happen, newest on top. The list stops when a person scrolls, opens a row or presses Space, and shows
// how many rows wait. Screen readers get a summary every ten seconds, not each row.

import { getRouteApi, Link } from '@tanstack/react-router'
import { Pause, Pin, PinOff, Play } from 'lucide-react'
import { useEffect, useMemo, useRef, useState } from 'react'
import { type DeliveryRow, useDeliveryFeed } from '../api/live.ts'
import { holdView } from '../api/streams.ts'
import { CopyAsSubscription } from '../components/api/copy-as-subscription.tsx'
import { DELIVERY_COLUMNS } from '../components/deliveries/delivery-columns.tsx'
import { DeliveryFilters, isFiltered } from '../components/deliveries/delivery-filters.tsx'
import { FeedNotices, NewRowsLine } from '../components/filters/feed-notices.tsx'
import { formatCount } from '../lib/format.ts'
import { useShortcut } from '../lib/keyboard.ts'
import { useOpenDelivery, useOpenDeliveryId } from '../lib/open-delivery.ts'
import type { DeliverySearch } from '../lib/search.ts'
import { useSetSearch } from '../lib/set-search.ts'
import { useDeliveryFilter } from '../lib/use-filter.ts'
import { useTenantId } from '../session/tenant.ts'
import { Button, IconButton } from '../ui/button.tsx'
import { type Column, DataTable } from '../ui/data-table.tsx'
import { Page } from '../ui/page.tsx'
import { Empty, Failed, LoadingRows, NoMatch } from '../ui/states.tsx'

const route = getRouteApi('/live')

const FOLLOWING = { follows: true, keep: 500, perSecond: 20 }
const SUMMARY_MS = 10_000

export function LivePage() {
  const tenantId = useTenantId()
  const { delivery: _panel, tenant: _tenant, ...search } = route.useSearch()
  const setSearch = useSetSearch<DeliverySearch>()
  const filter = useDeliveryFilter(search, tenantId)
  const feed = useDeliveryFeed(filter, FOLLOWING)
  const openId = useOpenDeliveryId()
  const open = useOpenDelivery()
  const view = useRef<HTMLDivElement>(null)
  const [isPaused, setPaused] = useState(false)
  const [isScrolled, setScrolled] = useState(false)
  const [pinned, setPinned] = useState<ReadonlyMap<string, DeliveryRow>>(new Map())

  const isHeld = isPaused || isScrolled || openId !== null
  const { setHeld } = feed
  useEffect(() => {
    setHeld(isHeld)
    if (isHeld) return holdView()
  }, [isHeld, setHeld])

  const resume = () => {
    setPaused(false)
    setScrolled(false)
    open(null)
    view.current?.querySelector('.overflow-auto')?.scrollTo({ top: 0 })
  }
  const toggle = () => (isHeld ? resume() : setPaused(true))
  useShortcut({ keys: 'Space', does: 'Pause or resume', group: 'This page' }, toggle)

  const columns = useMemo(
    (): readonly Column<DeliveryRow>[] => [
      {
        id: 'pin',
        header: <span className="sr-only">Pin</span>,
        width: 52,
        cell: (row) => {
          const isPinned = pinned.has(row.id)
          return (
            <IconButton
              size="small"
              label={isPinned ? 'Unpin' : 'Pin'}
              aria-pressed={isPinned}
              icon={isPinned ? <PinOff size={14} /> : <Pin size={14} className="opacity-50" />}
              onClick={() =>
                setPinned((before) => {
                  const next = new Map(before)
                  if (!next.delete(row.id)) next.set(row.id, row)
                  return next
                })
              }
            />
          )
        },
      },
      ...DELIVERY_COLUMNS,
    ],
    [pinned],
  )
  // A pinned row that is still in the list shows its current state.
  const pinnedRows = useMemo(() => {
    const now = new Map(feed.rows.map((row) => [row.id, row]))
    return [...pinned.values()].map((row) => now.get(row.id) ?? row)
  }, [pinned, feed.rows])

  const clear = () => setSearch({})
  return (
    <Page
      isFull
      title="Live"
      lead={isHeld ? 'Paused: nothing moves, nothing is lost.' : 'Every delivery as it happens.'}
      actions={
        <>
          <CopyAsSubscription of="deliveries" filter={filter} />
          <Button
            kind="primary"
            icon={isHeld ? <Play size={14} aria-hidden /> : <Pause size={14} aria-hidden />}
            onClick={toggle}
          >
            {isHeld ? 'Resume' : 'Pause'}
          </Button>
        </>
      }
      filters={
        <DeliveryFilters tenantId={tenantId} search={search} without={['period', 'reason']} onChange={setSearch} />
      }
    >
      <div className="flex min-h-0 flex-1 flex-col gap-2" ref={view}>
        <Summary rows={feed.rows} />
        <FeedNotices feed={feed} />
        {pinnedRows.length > 0 && (
          <DataTable
            label="Pinned"
            columns={columns}
            rows={pinnedRows}
            openId={openId}
            onOpen={({ id }) => open(id)}
            className="max-h-48 flex-none!"
          />
        )}
        {feed.phase === 'failed' && feed.fault ? (
          <Failed fault={feed.fault} onRetry={feed.retry} />
        ) : feed.phase === 'loading' ? (
          <LoadingRows />
        ) : feed.rows.length === 0 && feed.waiting === 0 ? (
          isFiltered(search) ? (
            <NoMatch what="deliveries" onClear={clear} />
          ) : (
            <Empty title="Quiet so far">The next delivery appears here by itself. Send a test to see one.</Empty>
          )
        ) : (
          <div
            className="relative flex min-h-0 flex-1 flex-col"
            role="log"
            aria-live="off"
            aria-label="Deliveries, newest first"
          >
            <NewRowsLine feed={feed} onShow={resume} isMoving={!isHeld} />
            <DataTable
              label="Deliveries as they happen"
              columns={columns}
              rows={feed.rows}
              openId={openId}
              onOpen={({ id }) => open(id)}
              onScroll={(top) => setScrolled(top > 8)}
              arrives
              footer={
                <p className="px-3 py-2 text-ink-3">
                  {feed.skipped > 0 && (
                    <>
                      <Link to="/deliveries" search={search} className="text-link hover:underline">
                        +{formatCount(feed.skipped)} more came too fast to show, open in Deliveries
                      </Link>
                      {' · '}
                    </>
                  )}
                  The newest {formatCount(Math.min(feed.rows.length, FOLLOWING.keep))} are kept here.{' '}
                  <Link to="/deliveries" search={search} className="text-link hover:underline">
                    All of them are in Deliveries
                  </Link>
                </p>
              }
            />
          </div>
        )}
      </div>
    </Page>
  )
}

/** Tells screen readers at intervals what arrived. */
function Summary({ rows }: { rows: readonly DeliveryRow[] }) {
  const latest = useRef(rows)
  latest.current = rows
  const [text, setText] = useState('')
  useEffect(() => {
    let since = new Date().toISOString()
    const timer = setInterval(() => {
      const ended = latest.current.filter(({ completedAt }) => completedAt && completedAt > since)
      since = new Date().toISOString()
      const delivered = ended.filter(({ status }) => status === 'SUCCEEDED').length
      if (ended.length > 0) setText(`${delivered} delivered, ${ended.length - delivered} failed or cancelled`)
    }, SUMMARY_MS)
    return () => clearInterval(timer)
  }, [])
  return (
    <p role="status" className="sr-only">
      {text}
    </p>
  )
}
