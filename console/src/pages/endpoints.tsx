import { Link, useNavigate } from '@tanstack/react-router'
import { Plus, Webhook } from 'lucide-react'
import { useEffect, useMemo, useState } from 'react'
import { graphql } from '../api/client.ts'
import { useEveryPage } from '../api/every-page.ts'
import { useDeliveryFeed, useStream } from '../api/live.ts'
import { type EndpointRow, endpointColumns, type LastDelivery } from '../components/endpoints/endpoint-columns.tsx'
import { useInterval } from '../lib/use-interval.ts'
import { useRights } from '../session/session.ts'
import { useTenantId } from '../session/tenant.ts'
import { Button, buttonClass } from '../ui/button.tsx'
import { DataTable } from '../ui/data-table.tsx'
import { TextInput } from '../ui/field.tsx'
import { Page } from '../ui/page.tsx'
import { Empty, Failed, LoadingRows, NoMatch, Notice } from '../ui/states.tsx'

const PAGE = graphql(`
  query EndpointsPage($tenantId: ID, $after: String) {
    endpoints(tenantId: $tenantId, first: 100, after: $after) {
      nodes {
        ...EndpointRow
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`)

const UPDATES = graphql(`
  subscription EndpointsPageUpdates($tenantId: ID) {
    endpointUpdates(tenantId: $tenantId) {
      endpoint {
        ...EndpointRow
      }
    }
  }
`)

/** How often to read success rates and latencies, which are sums over hours and need no push. */
const STATS_EVERY_MS = 30_000

export function EndpointsPage() {
  const tenantId = useTenantId()
  const { mayChange } = useRights()
  const navigate = useNavigate()
  const { nodes: all, isWhole, fault, refetch } = useEveryPage(PAGE, { tenantId }, ({ endpoints }) => endpoints)
  const pushed = usePushed(tenantId, all, refetch)
  const lastOf = useLastDeliveries(tenantId)
  const [words, setWords] = useState('')

  const rows = useMemo(() => merge(all ?? [], pushed), [all, pushed])
  const wanted = words.trim().toLowerCase()
  const shown = rows.filter(({ id, name, url }) => `${id} ${name} ${url}`.toLowerCase().includes(wanted))
  const columns = useMemo(() => endpointColumns(lastOf), [lastOf])

  const create = mayChange && (
    <Link to="/endpoints/new" className={buttonClass('primary')}>
      <Plus size={14} aria-hidden />
      New endpoint
    </Link>
  )
  return (
    <Page
      isFull
      title="Endpoints"
      lead="Where events go: a URL each, with its own filter, secret and limits."
      actions={create}
      toolbar={
        rows.length > 0 && (
          <TextInput
            aria-label="Search endpoints"
            placeholder="Name or URL"
            className="max-w-72"
            value={words}
            onChange={(event) => setWords(event.target.value)}
          />
        )
      }
    >
      {fault && !all ? (
        <Failed fault={fault} onRetry={refetch} />
      ) : !all || (shown.length === 0 && !isWhole) ? (
        <LoadingRows />
      ) : rows.length === 0 ? (
        <Empty icon={<Webhook size={28} aria-hidden />} title="No endpoints yet" action={create}>
          An endpoint is an HTTPS address of yours.{' '}
          {mayChange ? 'Make the first one' : 'Somebody with the role ADMIN makes the first one'}, send it a test, and
          check its signature.
        </Empty>
      ) : shown.length === 0 ? (
        <NoMatch what="endpoints" onClear={() => setWords('')} />
      ) : (
        <>
          {fault && (
            <div className="mb-2">
              <Notice
                tone="bad"
                action={
                  <Button size="small" onClick={refetch}>
                    Try again
                  </Button>
                }
              >
                {fault.title}. The numbers are those of the last answer.
              </Notice>
            </div>
          )}
          <DataTable
            label="Endpoints"
            rowHeight={52}
            narrowRowHeight={92}
            columns={columns}
            rows={shown}
            onOpen={({ id }) => void navigate({ to: '/endpoints/$endpointId', params: { endpointId: id } })}
            footer={!isWhole && <p className="p-3 text-center text-ink-2">More are read …</p>}
          />
        </>
      )}
    </Page>
  )
}

/** The endpoints that changed after the list was read. */
function usePushed(tenantId: string, data: object | undefined, refetch: () => void): ReadonlyMap<string, EndpointRow> {
  const [pushed, setPushed] = useState<ReadonlyMap<string, EndpointRow>>(new Map())
  useStream(
    UPDATES,
    { tenantId },
    {
      next: ({ endpointUpdates: { endpoint } }) => setPushed((before) => new Map(before).set(endpoint.id, endpoint)),
      resumed: refetch,
    },
  )
  // biome-ignore lint/correctness/useExhaustiveDependencies: a newer list includes what was pushed
  useEffect(() => setPushed(new Map()), [data])
  useInterval(refetch, STATS_EVERY_MS)
  return pushed
}

/** The newest delivery of each endpoint, by push. */
function useLastDeliveries(tenantId: string): (row: EndpointRow) => LastDelivery | undefined {
  const { rows } = useDeliveryFeed({ tenantId }, { follows: true, keep: 200 })
  return useMemo(() => {
    const newest = new Map<string, LastDelivery>()
    for (const row of rows) if (!newest.has(row.endpoint.id)) newest.set(row.endpoint.id, row)
    return ({ id, deliveries }) => {
      const read = deliveries?.nodes[0]
      const live = newest.get(id)
      return live && (!read || live.id >= read.id) ? live : read
    }
  }, [rows])
}

function merge(rows: readonly EndpointRow[], pushed: ReadonlyMap<string, EndpointRow>): EndpointRow[] {
  const known = new Set(rows.map(({ id }) => id))
  const fresh = [...pushed.values()].filter(({ id }) => !known.has(id))
  return [...fresh, ...rows.map((row) => pushed.get(row.id) ?? row)]
    .filter(({ deletedAt }) => !deletedAt)
    .sort((a, b) => (a.id < b.id ? 1 : -1))
}
