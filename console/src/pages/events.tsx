// The accepted events, also those that no endpoint receives: as a list, or by call.

import { getRouteApi, Link } from '@tanstack/react-router'
import { CircleHelp, X } from 'lucide-react'
import { useMemo, useRef, useState } from 'react'
import { fetchQuery, graphql, useApiQuery } from '../api/client.ts'
import { type EventRow, useEventFeed, useStream } from '../api/live.ts'
import { CopyAsSubscription } from '../components/api/copy-as-subscription.tsx'
import { Body } from '../components/deliveries/attempt-tabs.tsx'
import { LastAnswer } from '../components/deliveries/delivery-columns.tsx'
import { DeliveryStatusBadge, TestBadge } from '../components/deliveries/status.tsx'
import { EVENT_COLUMNS } from '../components/events/event-columns.tsx'
import { ExplainDialog } from '../components/events/explain-dialog.tsx'
import { Outcomes } from '../components/events/outcomes.tsx'
import { useEndpointChoices, useEventTypeChoices } from '../components/filters/choices.ts'
import { FeedNotices, NewRowsLine } from '../components/filters/feed-notices.tsx'
import { FilterMenu, TextFilter } from '../components/filters/filter-menu.tsx'
import { ListTotal } from '../components/filters/list-total.tsx'
import { PeriodFilter } from '../components/filters/period-filter.tsx'
import { formatCount, formatSpan } from '../lib/format.ts'
import { useShortcut } from '../lib/keyboard.ts'
import { useOpenDelivery, useOpenDeliveryId } from '../lib/open-delivery.ts'
import { useRowsWithin } from '../lib/rows-within.ts'
import { compact, type EventSearch } from '../lib/search.ts'
import { useSetSearch } from '../lib/set-search.ts'
import { useEventFilter } from '../lib/use-filter.ts'
import { useTenantId } from '../session/tenant.ts'
import { Button, buttonClass, IconButton } from '../ui/button.tsx'
import { CopyButton } from '../ui/copy-button.tsx'
import { type Column, DataTable } from '../ui/data-table.tsx'
import { Facts, PANEL_CLASS, Page } from '../ui/page.tsx'
import { Empty, Failed, LoadingRows, NoMatch } from '../ui/states.tsx'
import { Countdown, Time } from '../ui/time.tsx'

const route = getRouteApi('/events')

const TEST_CHOICES = [
  { value: 'false', label: 'Without tests' },
  { value: 'true', label: 'Only tests' },
]

export function EventsPage() {
  const tenantId = useTenantId()
  const { delivery: _panel, tenant: _tenant, ...search } = route.useSearch()
  const setSearch = useSetSearch<EventSearch>()
  const set = (change: Partial<EventSearch>) => setSearch(compact({ ...search, ...change }))
  const { view, event, ...filtered } = search
  const { eventTypes, subject, test, undeliveredTo, since, from, to } = filtered
  const filter = useEventFilter(filtered, tenantId)
  const feed = useEventFeed(filter)
  const rows = useRowsWithin(feed.rows, since)
  const types = useEventTypeChoices()
  const endpoints = useEndpointChoices(tenantId)
  const list = useRef<HTMLDivElement>(null)
  const isFiltered = [eventTypes, subject, test, undeliveredTo, since, from, to].some((value) => value !== undefined)
  const clear = () => setSearch(compact({ view, event }))
  const panelIsOpen = useOpenDeliveryId() !== null

  return (
    <div className="flex min-h-0 min-w-0 flex-1">
      <Page
        isFull
        title="Events"
        lead="What was published, and what became of it at every endpoint."
        actions={
          <>
            <CopyAsSubscription of="events" filter={filter} />
            <fieldset aria-label="Show as" className="flex rounded-md border border-line bg-surface p-0.5">
              <Button
                size="small"
                kind="quiet"
                aria-pressed={!view}
                className="aria-pressed:bg-selected aria-pressed:text-ink"
                onClick={() => set({ view: undefined })}
              >
                List
              </Button>
              <Button
                size="small"
                kind="quiet"
                aria-pressed={view === 'calls'}
                className="aria-pressed:bg-selected aria-pressed:text-ink"
                onClick={() => set({ view: 'calls', event: undefined })}
              >
                By call
              </Button>
            </fieldset>
          </>
        }
        filters={
          <>
            <FilterMenu
              label="Type"
              choices={types}
              chosen={eventTypes ?? []}
              onChange={(chosen) => set({ eventTypes: chosen })}
            />
            <FilterMenu
              label="Not delivered to"
              choices={endpoints}
              chosen={undeliveredTo ? [undeliveredTo] : []}
              onChange={(chosen) => set({ undeliveredTo: chosen.at(-1) })}
            />
            <FilterMenu
              label="Tests"
              choices={TEST_CHOICES}
              chosen={test === undefined ? [] : [String(test)]}
              onChange={(chosen) => set({ test: chosen.length === 0 ? undefined : chosen.at(-1) === 'true' })}
            />
            <PeriodFilter since={since} from={from} to={to} onChange={set} />
            <TextFilter
              label="Call"
              placeholder="Call or other subject"
              value={subject ?? ''}
              onChange={(text) => set({ subject: text || undefined })}
            />
            {isFiltered && (
              <Button kind="quiet" onClick={clear}>
                Clear filters
              </Button>
            )}
          </>
        }
      >
        <div className="relative flex min-h-0 flex-1 flex-col gap-2" ref={list}>
          <FeedNotices feed={feed} />
          {feed.phase === 'failed' && feed.fault ? (
            <Failed fault={feed.fault} onRetry={feed.retry} />
          ) : feed.phase === 'loading' ? (
            <LoadingRows />
          ) : rows.length === 0 && feed.waiting === 0 ? (
            isFiltered ? (
              <NoMatch what="events" onClear={clear} />
            ) : (
              <Empty
                title="No events yet"
                action={
                  <Link to="/api" className={buttonClass()}>
                    Publish one in the API page
                  </Link>
                }
              >
                They appear here the moment a publisher’s request is answered, or when you send a test.
              </Empty>
            )
          ) : (
            <div className="relative flex min-h-0 flex-1 flex-col">
              <NewRowsLine
                feed={feed}
                onShow={() => list.current?.querySelector('.overflow-auto')?.scrollTo({ top: 0 })}
                total={
                  <ListTotal
                    key={JSON.stringify(filtered)}
                    of="events"
                    filter={filter}
                    since={since}
                    atLeast={feed.rows.length}
                  />
                }
              />
              {view === 'calls' ? (
                <Calls rows={rows} hasMore={feed.hasMore} isLoadingMore={feed.isLoadingMore} onMore={feed.loadMore} />
              ) : (
                <DataTable
                  label="Events"
                  columns={EVENT_COLUMNS}
                  rows={rows}
                  openId={event ?? null}
                  onOpen={({ id }) => set({ event: id })}
                  hasMore={feed.hasMore}
                  isLoadingMore={feed.isLoadingMore}
                  onMore={feed.loadMore}
                />
              )}
            </div>
          )}
        </div>
      </Page>
      {event && !panelIsOpen && (
        <EventPanel key={event} eventId={event} tenantId={tenantId} onClose={() => set({ event: undefined })} />
      )}
    </div>
  )
}

type Call = { readonly id: string; readonly events: readonly EventRow[] }

const CALL_COLUMNS: readonly Column<Call>[] = [
  {
    id: 'subject',
    header: 'Call or other subject',
    narrow: 'title',
    width: 300,
    cell: ({ id }) => (
      <Link
        to="/call"
        search={{ subject: id }}
        tabIndex={-1}
        className="font-mono text-xs hover:text-link hover:underline"
        title={id}
      >
        {id}
      </Link>
    ),
  },
  {
    id: 'types',
    header: 'What happened',
    cell: ({ events }) => (
      <span title={events.map(({ type }) => type).join('\n')} className="text-ink-2">
        {events.map(({ type }) => type).join(' → ')}
      </span>
    ),
  },
  {
    id: 'events',
    header: 'Events',
    width: 72,
    align: 'right',
    rank: 2,
    cell: ({ events }) => formatCount(events.length),
  },
  {
    id: 'deliveries',
    header: 'Deliveries',
    narrow: 'detail',
    width: 208,
    cell: ({ events }) => <Outcomes deliveries={events.flatMap(({ deliveries }) => deliveries)} />,
  },
  {
    id: 'span',
    header: 'Over',
    width: 108,
    align: 'right',
    rank: 1,
    cell: ({ events }) => formatSpan(Date.parse(events.at(-1)!.occurredAt) - Date.parse(events[0]!.occurredAt)),
  },
  {
    id: 'last',
    header: 'Last event',
    narrow: 'end',
    width: 132,
    align: 'right',
    cell: ({ events }) => <Time at={events.at(-1)!.occurredAt} />,
  },
]

type CallsProps = { rows: readonly EventRow[]; hasMore: boolean; isLoadingMore: boolean; onMore(): void }

/** The loaded events by subject. The subject with the newest event comes first. */
function Calls({ rows, ...more }: CallsProps) {
  const navigate = route.useNavigate()
  const calls = useMemo(() => {
    const bySubject = new Map<string, EventRow[]>()
    for (const row of rows) {
      if (row.subject === null) continue
      const some = bySubject.get(row.subject)
      if (some) some.push(row)
      else bySubject.set(row.subject, [row])
    }
    return [...bySubject].map(([id, events]): Call => ({ id, events: events.toReversed() }))
  }, [rows])
  return (
    <DataTable
      label="Calls"
      columns={CALL_COLUMNS}
      rows={calls}
      onOpen={({ id }) => void navigate({ to: '/call', search: { subject: id } })}
      footer={
        <p className="px-3 py-2 text-ink-3">
          Gathered from the {formatCount(rows.length)} newest events that are loaded. Open a call to see all of it.
        </p>
      }
      {...more}
    />
  )
}

const EVENT = graphql(`
  query EventPanel($id: ID!) {
    event(id: $id) {
      id
      type
      subject
      sequence
      test
      occurredAt
      createdAt
      expiresAt
      body
      payloadDeletedAt
      deliveries {
        ...DeliveryRow
      }
    }
  }
`)

const EVENT_DELIVERIES = graphql(`
  subscription EventPanelUpdates($filter: DeliveryFilter) {
    deliveryUpdates(filter: $filter) {
      cursor
      deliveries {
        id
      }
    }
  }
`)

/** One event: its deliveries and its payload. */
function EventPanel({ eventId, tenantId, onClose }: { eventId: string; tenantId: string; onClose(): void }) {
  const { data, fault, refetch } = useApiQuery(EVENT, { id: eventId })
  const open = useOpenDelivery()
  const [isExplaining, setExplaining] = useState(false)
  useShortcut({ keys: 'Escape', does: 'Close the event', group: 'This page' }, onClose)
  // One event has few deliveries, so all are read again when one changes.
  useStream(
    EVENT_DELIVERIES,
    { filter: { tenantId, eventId } },
    {
      next: ({ deliveryUpdates }) => deliveryUpdates.deliveries.length > 0 && refetch(),
      resumed: refetch,
      poll: async () => void (await fetchQuery(EVENT, { id: eventId }).then(refetch)),
    },
  )
  const event = data?.event
  return (
    <aside aria-label="Event" className={`${PANEL_CLASS} gap-4 overflow-y-auto p-4`}>
      <header className="flex items-start gap-2">
        <div className="min-w-0 flex-1">
          <h2 className="flex items-center gap-2 text-base font-semibold">
            {event?.type ?? 'Event'}
            {event?.test && <TestBadge />}
          </h2>
          <p className="flex items-center gap-1 text-ink-2">
            <span className="truncate font-mono text-xs">{eventId}</span>
            <CopyButton text={eventId} label="Copy the event’s id" />
          </p>
        </div>
        <IconButton label="Close" icon={<X size={16} />} onClick={onClose} />
      </header>
      {fault ? (
        <Failed fault={fault} onRetry={refetch} />
      ) : !data ? (
        <LoadingRows />
      ) : !event ? (
        <Empty title="There is no such event">It does not exist, or belongs to somebody else.</Empty>
      ) : (
        <>
          <Facts
            facts={[
              [
                'Call',
                event.subject && (
                  <Link
                    key="subject"
                    to="/call"
                    search={{ subject: event.subject }}
                    className="font-mono text-xs text-link hover:underline"
                  >
                    {event.subject}
                  </Link>
                ),
              ],
              ['Sequence', event.sequence],
              ['Occurred', <Time key="occurred" at={event.occurredAt} />],
              ['Accepted', <Time key="accepted" at={event.createdAt} />],
              ['Of use until', event.expiresAt && <Time key="expires" at={event.expiresAt} />],
            ]}
          />
          <section>
            <h3 className="mb-1 font-semibold">Deliveries</h3>
            {event.deliveries.length === 0 ? (
              <p className="text-ink-2">
                None: no endpoint that was active, paused or disabled then wanted {event.type}. Events are matched once,
                when they are published.
              </p>
            ) : (
              <ul className="flex flex-col gap-0.5">
                {event.deliveries.map((row) => (
                  <li key={row.id}>
                    <button
                      type="button"
                      onClick={() => open(row.id)}
                      className="flex w-full items-center gap-3 rounded-md px-2 py-1.5 text-left hover:bg-hover"
                    >
                      <DeliveryStatusBadge status={row.status} attemptCount={row.attemptCount} />
                      <span className="min-w-0 flex-1 truncate">{row.endpoint.name}</span>
                      {row.status === 'PENDING' && row.nextAttemptAt ? (
                        <Countdown to={row.nextAttemptAt} />
                      ) : (
                        <LastAnswer {...row} />
                      )}
                    </button>
                  </li>
                ))}
              </ul>
            )}
            <Button className="mt-2" icon={<CircleHelp size={14} aria-hidden />} onClick={() => setExplaining(true)}>
              Why was this not sent?
            </Button>
            {isExplaining && (
              <ExplainDialog eventId={eventId} tenantId={tenantId} onClose={() => setExplaining(false)} />
            )}
          </section>
          <Body event={event} />
        </>
      )}
    </aside>
  )
}
