// The events that a search finds, newest first.

import { getRouteApi, Link } from '@tanstack/react-router'
import { useCallback, useEffect, useState } from 'react'
import { fetchQuery, graphql } from '../api/client.ts'
import { asFault, type Fault } from '../api/faults.ts'
import type { FoundEventsQuery } from '../gql/graphql.ts'
import { shortId } from '../lib/format.ts'
import { useTenantId } from '../session/tenant.ts'
import { Button } from '../ui/button.tsx'
import { Card, Page } from '../ui/page.tsx'
import { PlainTable } from '../ui/plain-table.tsx'
import { Empty, Failed } from '../ui/states.tsx'
import { Time } from '../ui/time.tsx'

const EVENTS = graphql(`
  query FoundEvents($filter: EventFilter, $after: String) {
    events(filter: $filter, first: 100, after: $after) {
      nodes {
        id
        type
        subject
        createdAt
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`)

const route = getRouteApi('/found')

type Found = {
  readonly events: readonly NonNullable<FoundEventsQuery['events']>['nodes'][number][]
  /** Where to go on; null: at the end, or not begun. */
  readonly after: string | null
  readonly isLooking: boolean
  readonly fault: Fault | null
}
const NOTHING: Found = { events: [], after: null, isLooking: true, fault: null }

export function FoundPage() {
  const { text } = route.useSearch()
  const tenantId = useTenantId()
  if (text.trim() === '')
    return <Empty title="Which events?">Type a number, an id, a name or an address into the search.</Empty>
  return <Results key={`${tenantId} ${text}`} tenantId={tenantId} text={text} />
}

function Results({ tenantId, text }: { tenantId: string; text: string }) {
  const [found, setFound] = useState(NOTHING)
  const look = useCallback(
    async (from: Found) => {
      setFound({ ...from, isLooking: true, fault: null })
      try {
        const { events } = await fetchQuery(EVENTS, { filter: { tenantId, search: text }, after: from.after })
        setFound({
          events: [...from.events, ...(events?.nodes ?? [])],
          after: events?.pageInfo.hasNextPage ? (events.pageInfo.endCursor ?? null) : null,
          isLooking: false,
          fault: null,
        })
      } catch (error) {
        setFound({ ...from, isLooking: false, fault: asFault(error) })
      }
    },
    [tenantId, text],
  )
  useEffect(() => void look(NOTHING), [look])
  const { events, after, isLooking, fault } = found
  return (
    <Page
      windowTitle={text}
      title={
        <>
          Events with <span className="font-mono text-base font-normal">{text}</span>
        </>
      }
      lead="The newest events that have it among their numbers, ids, names and addresses."
    >
      {fault && <Failed fault={fault} onRetry={() => void look(found)} isSmall />}
      {events.length > 0 && (
        <Card className="max-w-4xl">
          <PlainTable caption="Events" headers={['Type', 'Call', 'Event', 'Created']}>
            {events.map(({ id, type, subject, createdAt }) => (
              <tr key={id}>
                <td className="border-b border-line px-3 py-1.5 font-medium">{type}</td>
                <td className="border-b border-line px-3 py-1.5 font-mono text-xs">
                  {subject === null ? (
                    '–'
                  ) : (
                    <Link to="/call" search={{ subject }} className="text-link hover:underline">
                      {subject}
                    </Link>
                  )}
                </td>
                <td className="border-b border-line px-3 py-1.5 font-mono text-xs">
                  <Link to="/events" search={{ event: id }} title={id} className="text-link hover:underline">
                    {shortId(id)}
                  </Link>
                </td>
                <td className="border-b border-line px-3 py-1.5 whitespace-nowrap">
                  <Time at={createdAt} />
                </td>
              </tr>
            ))}
          </PlainTable>
        </Card>
      )}
      {events.length === 0 && after === null && !isLooking && !fault && (
        <Empty title="Nothing found">No event has it among its numbers, ids, names and addresses.</Empty>
      )}
      <div role="status" className="text-ink-3">
        {isLooking ? 'Looking …' : after === null && events.length > 0 ? 'There are no others.' : ''}
      </div>
      {after !== null && !isLooking && (
        <Button size="small" onClick={() => void look(found)}>
          Look further back
        </Button>
      )}
    </Page>
  )
}
