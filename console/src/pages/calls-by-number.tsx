// The calls in which a number took part, in any spelling. The page reads the newest events that the search of the API finds,
// says how far back it looked, and looks further when asked.

import { getRouteApi, Link } from '@tanstack/react-router'
import { useCallback, useEffect, useRef, useState } from 'react'
import { fetchQuery, graphql } from '../api/client.ts'
import { asFault, type Fault } from '../api/faults.ts'
import { Outcomes } from '../components/events/outcomes.tsx'
import type { CallsByNumberQuery } from '../gql/graphql.ts'
import { formatCount } from '../lib/format.ts'
import { isSameNumber, numbersIn } from '../lib/phone-number.ts'
import { useTenantId } from '../session/tenant.ts'
import { Button } from '../ui/button.tsx'
import { Card, Page } from '../ui/page.tsx'
import { PlainTable } from '../ui/plain-table.tsx'
import { Empty, Failed } from '../ui/states.tsx'
import { Time } from '../ui/time.tsx'

const EVENTS = graphql(`
  query CallsByNumber($filter: EventFilter, $after: String) {
    events(filter: $filter, first: 100, after: $after) {
      nodes {
        id
        type
        subject
        occurredAt
        payload
        deliveries {
          status
        }
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`)

const PAGES_AT_ONCE = 10

const route = getRouteApi('/calls')

type EventOfNumber = NonNullable<CallsByNumberQuery['events']>['nodes'][number]
type Call = { readonly subject: string; readonly events: readonly EventOfNumber[]; readonly numbers: readonly string[] }
type Looked = {
  readonly calls: readonly Call[]
  readonly eventCount: number
  /** When the oldest event that was read occurred. */
  readonly backTo: string | null
  /** Where to look further; null at the end. */
  readonly after: string | null
  readonly isLooking: boolean
  readonly fault: Fault | null
}
const NOTHING: Looked = { calls: [], eventCount: 0, backTo: null, after: null, isLooking: true, fault: null }

export function CallsByNumberPage() {
  const { number } = route.useSearch()
  const tenantId = useTenantId()
  if (number === '')
    return <Empty title="Which number?">Type one into the search, in any spelling: +44 20 …, 0044 …, 020 …, 112.</Empty>
  return <Calls key={`${tenantId} ${number}`} tenantId={tenantId} number={number} />
}

function Calls({ tenantId, number }: { tenantId: string; number: string }) {
  const { calls, eventCount, backTo, after, isLooking, fault, lookFurther } = useCalls(tenantId, number)
  return (
    <Page
      windowTitle={number}
      title={
        <>
          Calls with <span className="font-mono text-base font-normal">{number}</span>
        </>
      }
      lead="Every call whose events name it, in any spelling, and what became of these events."
    >
      {fault && <Failed fault={fault} onRetry={lookFurther} isSmall />}
      {calls.length > 0 && (
        <Card className="max-w-5xl">
          <PlainTable caption="Calls" headers={['Call', 'What happened', 'Their deliveries', 'Numbers', 'Last event']}>
            {calls.map(({ subject, events, numbers }) => (
              <tr key={subject} className="align-top">
                <td className="border-b border-line px-3 py-1.5">
                  <Link to="/call" search={{ subject }} className="font-mono text-xs text-link hover:underline">
                    {subject}
                  </Link>
                </td>
                <td className="border-b border-line px-3 py-1.5 text-ink-2">
                  {events.map(({ type }) => type).join(' → ')}
                </td>
                <td className="border-b border-line px-3 py-1.5">
                  <Outcomes deliveries={events.flatMap(({ deliveries }) => deliveries)} />
                </td>
                <td className="border-b border-line px-3 py-1.5 font-mono text-xs">{numbers.join(', ')}</td>
                <td className="border-b border-line px-3 py-1.5 whitespace-nowrap">
                  <Time at={events.at(-1)!.occurredAt} />
                </td>
              </tr>
            ))}
          </PlainTable>
        </Card>
      )}
      {calls.length === 0 && !isLooking && !fault && (
        <Empty title="No call with this number">Nothing that was searched names it.</Empty>
      )}
      <div role="status" className="flex items-center gap-3 text-ink-3">
        {isLooking ? (
          'Looking …'
        ) : (
          <span>
            {formatCount(eventCount)} {eventCount === 1 ? 'event has' : 'events have'} it
            {backTo && (
              <>
                , back to <Time at={backTo} />
              </>
            )}
            {after === null && ', and there are no others'}.
          </span>
        )}
        {after !== null && !isLooking && (
          <Button size="small" onClick={lookFurther}>
            Look further back
          </Button>
        )}
      </div>
    </Page>
  )
}

function useCalls(tenantId: string, number: string) {
  const [looked, setLooked] = useState(NOTHING)
  const isLeft = useRef(false)
  const look = useCallback(
    async (from: Looked) => {
      let at: Looked = { ...from, isLooking: true, fault: null }
      try {
        for (let page = 0; page < PAGES_AT_ONCE && !isLeft.current; page++) {
          const filter = { tenantId, search: number }
          const { events } = await fetchQuery(EVENTS, { filter, after: at.after })
          if (!events) break
          at = {
            ...at,
            calls: withEvents(at.calls, events.nodes, number),
            eventCount: at.eventCount + events.nodes.length,
            backTo: events.nodes.at(-1)?.occurredAt ?? at.backTo,
            after: events.pageInfo.hasNextPage ? (events.pageInfo.endCursor ?? null) : null,
          }
          if (!isLeft.current) setLooked(at)
          if (at.after === null) break
        }
        if (!isLeft.current) setLooked({ ...at, isLooking: false })
      } catch (error) {
        if (!isLeft.current) setLooked({ ...at, isLooking: false, fault: asFault(error) })
      }
    },
    [tenantId, number],
  )
  useEffect(() => {
    isLeft.current = false
    void look(NOTHING)
    return () => {
      isLeft.current = true
    }
  }, [look])
  return { ...looked, lookFurther: () => void look(looked) }
}

/** The calls with those of these events that name the number; the newest call first, its events oldest first. */
function withEvents(calls: readonly Call[], events: readonly EventOfNumber[], number: string): readonly Call[] {
  const bySubject = new Map(calls.map((call) => [call.subject, call]))
  for (const event of events) {
    const numbers = numbersIn((event.payload as { data?: unknown } | null)?.data)
    if (event.subject === null || !numbers.some((one) => isSameNumber(number, one))) continue
    const before = bySubject.get(event.subject)
    bySubject.set(event.subject, {
      subject: event.subject,
      events: [event, ...(before?.events ?? [])],
      numbers: [...new Set([...(before?.numbers ?? []), ...numbers])],
    })
  }
  return [...bySubject.values()]
}
