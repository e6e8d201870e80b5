// The live data of the pages: lists of deliveries and events that stay current, and single streams.

import { useEffect, useMemo, useRef, useState, useSyncExternalStore } from 'react'
import type {
  DeliveryFilter,
  DeliveryRowFragment,
  EventFilter,
  EventRowFragment,
  FailedAttemptFilter,
  FailedAttemptRowFragment,
  TypedDocumentString,
} from '../gql/graphql.ts'
import { createStore, useStore } from '../lib/store.ts'
import { fetchQuery, graphql } from './client.ts'
import type { Fault } from './faults.ts'
import { createFeed, type Feed, type FeedOptions, type FeedState } from './feed.ts'
import { openStream, type StreamSink } from './streams.ts'

graphql(`
  fragment DeliveryRow on Delivery {
    id
    status
    reason
    attemptCount
    maxAttempts
    nextAttemptAt
    lastStatusCode
    lastErrorCode
    lastLatencyMs
    createdAt
    completedAt
    endpoint {
      id
      name
      status
    }
    event {
      id
      type
      subject
      sequence
      test
    }
  }
`)

graphql(`
  fragment EventRow on Event {
    id
    type
    subject
    sequence
    occurredAt
    createdAt
    test
    deliveries {
      id
      status
      attemptCount
      maxAttempts
      nextAttemptAt
      endpoint {
        id
        name
      }
    }
  }
`)

const DELIVERIES = graphql(`
  query LiveDeliveries($filter: DeliveryFilter, $first: Int, $after: String) {
    deliveries(filter: $filter, first: $first, after: $after) {
      nodes {
        ...DeliveryRow
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`)

/** People can copy this text as a subscription, so it is exactly the text that is used here. */
export const DELIVERY_UPDATES = graphql(`
  subscription DeliveryUpdates($filter: DeliveryFilter, $after: String) {
    deliveryUpdates(filter: $filter, after: $after) {
      cursor
      droppedCount
      resyncRequired
      deliveries {
        ...DeliveryRow
      }
    }
  }
`)

const EVENTS = graphql(`
  query LiveEvents($filter: EventFilter, $first: Int, $after: String) {
    events(filter: $filter, first: $first, after: $after) {
      nodes {
        ...EventRow
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`)

export const EVENT_UPDATES = graphql(`
  subscription EventUpdates($filter: EventFilter, $after: String) {
    eventUpdates(filter: $filter, after: $after) {
      cursor
      droppedCount
      resyncRequired
      events {
        ...EventRow
      }
    }
  }
`)

graphql(`
  fragment FailedAttemptRow on Attempt {
    id
    number
    startedAt
    latencyMs
    statusCode
    errorCode
    errorMessage
    delivery {
      id
      status
      attemptCount
      endpoint {
        id
        name
      }
      event {
        id
        type
        subject
        test
      }
    }
  }
`)

const FAILED_ATTEMPTS = graphql(`
  query FailedAttempts($filter: FailedAttemptFilter, $first: Int, $after: String) {
    failedAttempts(filter: $filter, first: $first, after: $after) {
      nodes {
        ...FailedAttemptRow
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`)

export type DeliveryRow = DeliveryRowFragment
export type EventRow = EventRowFragment
export type FailedAttemptRow = FailedAttemptRowFragment

const PAGE = 100

/** A feed, with its state for a component. */
export type LiveFeed<Row extends { id: string }> = FeedState<Row> & Omit<Feed<Row>, 'getState' | 'subscribe' | 'close'>

/**
 * The deliveries that match a filter, newest first, kept current. The filter of the stream leaves out status, reason and
 * codes: a visible row that changes is then updated even if it no longer matches.
 */
export function useDeliveryFeed(filter: DeliveryFilter, options: FeedOptions = {}): LiveFeed<DeliveryRow> {
  return useFeed<DeliveryRow>(JSON.stringify([filter, options]), () => {
    const { statuses: _s, reasons: _r, statusCodes: _c, errorCodes: _e, from: _f, to, ...lasting } = filter
    return createFeed<DeliveryRow>(
      {
        list: async (after) => {
          const { deliveries } = await fetchQuery(DELIVERIES, { filter, first: PAGE, after })
          return {
            rows: deliveries?.nodes ?? [],
            endCursor: deliveries?.pageInfo.endCursor ?? null,
            hasMore: deliveries?.pageInfo.hasNextPage ?? false,
          }
        },
        open: (after, sink) =>
          openStream(DELIVERY_UPDATES, () => ({ filter: lasting, after: after() }), {
            ...sink,
            next: ({ deliveryUpdates: { deliveries, ...batch } }) => sink.next({ ...batch, rows: deliveries }),
          }),
        matches: (row) => fits(filter, row) && (!to || row.createdAt < to),
      },
      options,
    )
  })
}

const FAILED_ATTEMPTS_EVERY_MS = 5_000

/** The failed attempts that match a filter, newest first. New ones are read at regular times, because no stream has them. */
export function useFailedAttemptFeed(filter: FailedAttemptFilter): LiveFeed<FailedAttemptRow> {
  return useFeed<FailedAttemptRow>(`failed attempts ${JSON.stringify(filter)}`, () => {
    const list = async (after: string | null) => {
      const { failedAttempts } = await fetchQuery(FAILED_ATTEMPTS, { filter, first: PAGE, after })
      return {
        rows: failedAttempts?.nodes ?? [],
        endCursor: failedAttempts?.pageInfo.endCursor ?? null,
        hasMore: failedAttempts?.pageInfo.hasNextPage ?? false,
      }
    }
    return createFeed<FailedAttemptRow>({
      list,
      open(_after, sink) {
        const batch = { cursor: '', droppedCount: 0, resyncRequired: false }
        sink.next({ ...batch, rows: [] })
        const timer = setInterval(() => {
          // An error says nothing new: the light tells that the gateway does not answer.
          if (!document.hidden)
            list(null).then(
              ({ rows }) => sink.next({ ...batch, rows }),
              () => {},
            )
        }, FAILED_ATTEMPTS_EVERY_MS)
        return () => clearInterval(timer)
      },
      matches: () => true,
    })
  })
}

const EVENT_DELIVERIES = graphql(`
  subscription EventDeliveryUpdates($filter: DeliveryFilter, $after: String) {
    deliveryUpdates(filter: $filter, after: $after) {
      cursor
      deliveries {
        id
        status
        attemptCount
        maxAttempts
        nextAttemptAt
        endpoint {
          id
          name
        }
        event {
          id
        }
      }
    }
  }
`)

const MOST_EARLY = 2_000

/** The events that match a filter, newest first, kept current, with their deliveries. */
export function useEventFeed(filter: EventFilter, options: FeedOptions = {}): LiveFeed<EventRow> {
  return useFeed<EventRow>(JSON.stringify([filter, options]), () => {
    /** Deliveries that arrived before their events. */
    const early = new Map<string, Map<string, EventDelivery>>()
    const caughtUp = (row: EventRow): EventRow => {
      const some = early.get(row.id)
      if (!some) return row
      early.delete(row.id)
      return [...some.values()].reduce(withDelivery, row)
    }
    const feed = createFeed<EventRow>(
      {
        list: async (after) => {
          const { events } = await fetchQuery(EVENTS, { filter, first: PAGE, after })
          return {
            rows: events?.nodes ?? [],
            endCursor: events?.pageInfo.endCursor ?? null,
            hasMore: events?.pageInfo.hasNextPage ?? false,
          }
        },
        open: (after, sink) =>
          openStream(EVENT_UPDATES, () => ({ filter, after: after() }), {
            ...sink,
            next: ({ eventUpdates: { events, ...batch } }) => sink.next({ ...batch, rows: events.map(caughtUp) }),
          }),
        matches: () => true,
      },
      options,
    )
    const { tenantId, eventTypes, subject, test } = filter
    let cursor: string | null = null
    const closeDeliveries = openStream(
      EVENT_DELIVERIES,
      () => ({ filter: { tenantId, eventTypes, subject, test }, after: cursor }),
      {
        next({ deliveryUpdates }) {
          cursor = deliveryUpdates.cursor
          for (const { event, ...delivery } of deliveryUpdates.deliveries) {
            if (feed.update(event.id, (row) => withDelivery(row, delivery))) continue
            const some = early.get(event.id) ?? new Map<string, EventDelivery>()
            early.set(event.id, some.set(delivery.id, delivery))
            const [oldest] = early.keys()
            if (early.size > MOST_EARLY && oldest !== undefined) early.delete(oldest)
          }
        },
      },
    )
    return {
      ...feed,
      close() {
        closeDeliveries()
        feed.close()
      },
    }
  })
}

type EventDelivery = EventRow['deliveries'][number]

function withDelivery(row: EventRow, delivery: EventDelivery): EventRow {
  const isKnown = row.deliveries.some(({ id }) => id === delivery.id)
  return {
    ...row,
    deliveries: isKnown
      ? row.deliveries.map((one) => (one.id === delivery.id ? delivery : one))
      : [...row.deliveries, delivery],
  }
}

/** Counts changes of an endpoint's status. Its waiting deliveries then have another status and must be read again. */
const endpointTurns = createStore(0)
const endpointStatuses = new Map<string, string>()

/** Records an endpoint that was pushed. */
export function noteEndpoint({ id, status }: { id: string; status: string }): void {
  const before = endpointStatuses.get(id)
  endpointStatuses.set(id, status)
  if (before !== undefined ? before !== status : status !== 'ACTIVE') endpointTurns.set(endpointTurns.get() + 1)
}

function useFeed<Row extends { id: string }>(key: string, create: () => Feed<Row>): LiveFeed<Row> {
  const [made, setMade] = useState<{ key: string; feed: Feed<Row> } | null>(null)
  const latest = useRef(create)
  latest.current = create
  useEffect(() => {
    const feed = latest.current()
    setMade({ key, feed })
    return () => feed.close()
  }, [key])
  const feed = made?.key === key ? made.feed : null
  const state = useSyncExternalStore(
    (listener) => feed?.subscribe(listener) ?? (() => {}),
    () => feed?.getState() ?? null,
  )
  const turns = useStore(endpointTurns)
  const seenTurns = useRef(turns)
  useEffect(() => {
    if (seenTurns.current === turns) return
    seenTurns.current = turns
    // An error here occurs again with the next change, and is then reported.
    feed?.reread().catch(() => {})
  }, [turns, feed])
  return useMemo(() => ({ ...((state ?? LOADING) as FeedState<Row>), ...(feed ?? (IDLE as Feed<Row>)) }), [state, feed])
}

const LOADING: FeedState<never> = {
  phase: 'loading',
  fault: null,
  rows: [],
  waiting: 0,
  skipped: 0,
  isHeld: false,
  hasMore: false,
  isLoadingMore: false,
  caughtUp: null,
  wasReread: false,
}
const nothing = () => {}
const IDLE = {
  getState: () => LOADING,
  subscribe: () => nothing,
  showWaiting: nothing,
  setHeld: nothing,
  loadMore: nothing,
  reread: async () => {},
  retry: nothing,
  dismissNotice: nothing,
  put: nothing,
  update: () => false,
  close: nothing,
}

/** Whether a delivery matches the parts of the filter that can change. */
function fits({ statuses, reasons, statusCodes, errorCodes }: DeliveryFilter, row: DeliveryRow): boolean {
  return (
    has(statuses, row.status) &&
    has(reasons, row.reason) &&
    has(statusCodes, row.lastStatusCode) &&
    has(errorCodes, row.lastErrorCode)
  )
}

function has<Value>(wanted: readonly Value[] | null | undefined, value: Value | null | undefined): boolean {
  return !wanted || (value !== null && value !== undefined && wanted.includes(value))
}

/** Keeps a stream open while the component is mounted and `variables` is not null. Returns why it was refused. */
export function useStream<Data, Variables>(
  document: TypedDocumentString<Data, Variables>,
  variables: Variables | null,
  sink: StreamSink<Data> | StreamSink<Data>['next'],
): Fault | null {
  const [fault, setFault] = useState<Fault | null>(null)
  const latest = useRef(sink)
  latest.current = sink
  const key = variables === null ? null : JSON.stringify(variables)
  useEffect(() => {
    setFault(null)
    if (key === null) return
    const now = () => (typeof latest.current === 'function' ? { next: latest.current } : latest.current)
    const first = now()
    return openStream(document, () => JSON.parse(key) as Variables, {
      next: (data) => now().next(data),
      resumed: () => now().resumed?.(),
      refused: (why) => {
        setFault(why)
        now().refused?.(why)
      },
      ...(first.ended ? { ended: () => now().ended?.() } : {}),
      ...(first.poll ? { poll: () => now().poll?.() ?? Promise.resolve() } : {}),
    })
  }, [document, key])
  return fault
}
