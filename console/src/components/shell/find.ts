// What the search box offers for a text: pages, actions, endpoints, event types and lists by what they are called, and events by what
// is in them, as the API finds them.

import { useNavigate } from '@tanstack/react-router'
import { useEffect, useState } from 'react'
import { fetchQuery, graphql, useApiQuery } from '../../api/client.ts'
import { asFault } from '../../api/faults.ts'
import type { SearchEventsQuery } from '../../gql/graphql.ts'
import { formatMoment, shortId } from '../../lib/format.ts'
import { useOpenDelivery } from '../../lib/open-delivery.ts'
import { looksLikeNumber } from '../../lib/phone-number.ts'
import { useRights } from '../../session/session.ts'
import { useChosenTenant } from '../../session/tenant.ts'
import { useEndpointNames } from '../filters/choices.ts'
import { usePages } from './pages.ts'

export type Hit = { readonly id: string; readonly label: string; readonly detail?: string; go(): void }

export type Found = {
  readonly hits: readonly Hit[]
  /** What is said below the hits; null: nothing. */
  readonly note: string | null
}

const TYPES = graphql(`
  query SearchTypes {
    eventTypes {
      name
    }
  }
`)

const EVENTS = graphql(`
  query SearchEvents($filter: EventFilter) {
    events(filter: $filter, first: 40) {
      nodes {
        id
        type
        subject
        createdAt
      }
      pageInfo {
        hasNextPage
      }
    }
  }
`)

const MOST_OF_A_KIND = 5
const TYPING_MS = 200

/** `isOpen`: names are read when a person turns to the search box. */
export function useFound(text: string, isOpen: boolean): Found {
  const tenantId = useChosenTenant()
  const byName = useNamed(text, isOpen, tenantId)
  const byId = useIds(text)
  const events = useEvents(text, tenantId)
  if (text === '') return { hits: [], note: null }
  const hits = [...byId, ...byName, ...events.hits]
  const nothing = `Nothing found for “${text}”. Pages, endpoints, event types, and the numbers, ids, names and addresses in events were searched.`
  return { hits, note: events.note ?? (hits.length === 0 && !events.isLooking ? nothing : null) }
}

/** Hits for ids, numbers and statuses by their form alone. */
function useIds(text: string): Hit[] {
  const navigate = useNavigate()
  const openDelivery = useOpenDelivery()
  const hit = (label: string, go: () => void): Hit => ({ id: label, label, go })
  const id = text.toLowerCase()
  if (/^dlv_\w{20}/.test(id)) return [hit(`Open the delivery ${id}`, () => openDelivery(id))]
  if (/^evt_\w{20}/.test(id))
    return [
      hit(`Open the event ${id}`, () => void navigate({ to: '/events', search: { event: id } })),
      hit(`Deliveries of the event ${id}`, () => void navigate({ to: '/deliveries', search: { eventId: id } })),
    ]
  if (/^ep_\w{20}/.test(id))
    return [
      hit(`Open the endpoint ${id}`, () => void navigate({ to: '/endpoints/$endpointId', params: { endpointId: id } })),
      hit(
        `Deliveries to the endpoint ${id}`,
        () => void navigate({ to: '/deliveries', search: { endpointIds: [id] } }),
      ),
    ]
  if (/^blk_\w{20}/.test(id))
    return [
      hit(
        `Open the bulk retry ${id}`,
        () => void navigate({ to: '/bulk-retries/$bulkRetryId', params: { bulkRetryId: id } }),
      ),
    ]
  const byStatus = /^(?:http )?([1-5](?:\d\d|xx))$/i.exec(text)?.[1]?.toLowerCase()
  const hits: Hit[] = []
  if (byStatus)
    hits.push(
      hit(
        `Deliveries whose last response was HTTP ${byStatus}`,
        () => void navigate({ to: '/deliveries', search: { statusCodes: [byStatus] } }),
      ),
      hit(
        `Dead letters with HTTP ${byStatus}`,
        () => void navigate({ to: '/dead-letters', search: { statusCodes: [byStatus] } }),
      ),
    )
  if (looksLikeNumber(text))
    hits.push(hit(`Calls with the number ${text}`, () => void navigate({ to: '/calls', search: { number: text } })))
  return hits
}

/** Pages, actions, endpoints and event types whose name has every word. */
function useNamed(text: string, isOpen: boolean, tenantId: string | null): Hit[] {
  const navigate = useNavigate()
  const { mayChange, isOperator } = useRights()
  const endpoints = useEndpointNames(tenantId, { pause: !isOpen })
  const { data } = useApiQuery(TYPES, {}, { pause: !isOpen || tenantId === null })
  const words = text.toLowerCase().split(/\s+/).filter(Boolean)
  const names = (name: string) => words.length > 0 && words.every((word) => name.toLowerCase().includes(word))
  const pages = usePages()
  const actions = [
    { label: 'New endpoint', words: 'new make add create endpoint', may: mayChange, to: '/endpoints/new' },
    { label: 'Send a test event', words: 'send test event tester try', may: mayChange, to: '/tester' },
    { label: 'Retry dead letters', words: 'retry dead letters bulk', may: mayChange, to: '/dead-letters' },
    { label: 'New API key', words: 'new make create api key', may: mayChange, to: '/settings', tab: 'keys' },
    { label: 'Invite a person', words: 'invite person console link', may: mayChange, to: '/settings', tab: 'sessions' },
    { label: 'Audit log', words: 'audit log who did what', may: mayChange, to: '/settings', tab: 'audit' },
    { label: 'Publish an event', words: 'publish event api', may: isOperator, to: '/api' },
  ] as const
  return [
    ...pages
      .filter(({ label }) => names(label))
      .map(({ to, label }) => ({ id: `page ${to}`, label, detail: 'Page', go: () => void navigate({ to }) })),
    ...actions
      .filter((action) => action.may && (names(action.label) || names(action.words)))
      .map((action) => ({
        id: `action ${action.label}`,
        label: action.label,
        detail: 'Action',
        go: () => void navigate({ to: action.to, ...('tab' in action && { search: { tab: action.tab } }) }),
      })),
    ...(endpoints ?? [])
      .filter(({ name, url }) => names(`${name} ${url}`))
      .slice(0, MOST_OF_A_KIND)
      .map(({ id, label }) => ({
        id,
        label,
        detail: 'Endpoint',
        go: () => void navigate({ to: '/endpoints/$endpointId', params: { endpointId: id } }),
      })),
    ...(data?.eventTypes ?? [])
      .filter(({ name }) => text.length > 1 && names(name))
      .slice(0, MOST_OF_A_KIND)
      .flatMap(({ name }) => [
        {
          id: `events ${name}`,
          label: `Events of the type ${name}`,
          detail: 'Events',
          go: () => void navigate({ to: '/events', search: { eventTypes: [name] } }),
        },
        {
          id: `deliveries ${name}`,
          label: `Deliveries of the type ${name}`,
          detail: 'Deliveries',
          go: () => void navigate({ to: '/deliveries', search: { eventTypes: [name] } }),
        },
        {
          id: `type ${name}`,
          label: `${name} in the catalogue`,
          detail: 'Catalogue',
          go: () => void navigate({ to: '/catalogue', search: { type: name } }),
        },
      ]),
  ]
}

type EventNode = NonNullable<SearchEventsQuery['events']>['nodes'][number]
type Answer = {
  readonly text: string
  readonly nodes: readonly EventNode[]
  readonly hasMore: boolean
  readonly note: string | null
}

/** An id in short, such as call_…3MX2QCRG; a name that a platform gives its calls stays whole. */
function nameOfSubject(subject: string): string {
  return /^[a-z]+_\w{20,}$/i.test(subject) ? shortId(subject) : subject
}

/** The newest events with what was typed, those of one call together. */
function useEvents(text: string, tenantId: string | null) {
  const navigate = useNavigate()
  const [answer, setAnswer] = useState<Answer>({ text: '', nodes: [], hasMore: false, note: null })
  const isSearched = tenantId !== null && text.length > 1
  useEffect(() => {
    if (!isSearched) return
    let isLeft = false
    const timer = setTimeout(async () => {
      const found = await fetchQuery(EVENTS, { filter: { tenantId, search: text } }).then(
        ({ events }) => ({
          text,
          nodes: events?.nodes ?? [],
          hasMore: events?.pageInfo.hasNextPage ?? false,
          note: null,
        }),
        (error: unknown) => ({ text, nodes: [], hasMore: false, note: asFault(error).detail }),
      )
      if (!isLeft) setAnswer(found)
    }, TYPING_MS)
    return () => {
      isLeft = true
      clearTimeout(timer)
    }
  }, [text, tenantId, isSearched])
  const isCurrent = answer.text === text
  if (!isSearched || !isCurrent) return { hits: [], isLooking: isSearched, note: null }
  const calls = new Map<string, EventNode[]>()
  for (const node of answer.nodes) {
    const key = node.subject ?? node.id
    calls.set(key, [node, ...(calls.get(key) ?? [])])
  }
  const hits: Hit[] = [...calls].slice(0, 2 * MOST_OF_A_KIND).map(([key, nodes]) => {
    const { id, subject, createdAt } = nodes.at(-1)!
    return {
      id: `found ${key}`,
      // The beginning of an id is that of others of the same day.
      label: `${subject === null ? `Event ${shortId(id)}` : nameOfSubject(subject)}: ${nodes.map(({ type }) => type).join(' → ')}`,
      detail: formatMoment(createdAt),
      go: () =>
        void (subject === null
          ? navigate({ to: '/events', search: { event: id } })
          : navigate({ to: '/call', search: { subject } })),
    }
  })
  if (answer.nodes.length > 1 || answer.hasMore)
    hits.push({
      id: 'all events',
      label: `All events with “${text}”`,
      detail: 'Events',
      go: () => void navigate({ to: '/found', search: { text } }),
    })
  return { hits, isLooking: false, note: answer.note }
}
