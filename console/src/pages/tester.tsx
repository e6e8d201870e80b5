import { getRouteApi, Link } from '@tanstack/react-router'
import { FlaskConical } from 'lucide-react'
import { useEffect, useRef, useState } from 'react'
import { graphql } from '../api/client.ts'
import { useEveryPage } from '../api/every-page.ts'
import type { SentTest } from '../api/send-test.ts'
import { EndpointStatusBadge } from '../components/deliveries/status.tsx'
import { CallPlayer, PlayedTest } from '../components/events/call-player.tsx'
import { type CatalogueType, useCatalogue } from '../components/events/catalogue.ts'
import { TestForm } from '../components/tester/test-form.tsx'
import { TestResult } from '../components/tester/test-result.tsx'
import type { TesterPageQuery } from '../gql/graphql.ts'
import { namesApart } from '../lib/endpoint-names.ts'
import { useSetSearch } from '../lib/set-search.ts'
import { useRights } from '../session/session.ts'
import { useTenantId } from '../session/tenant.ts'
import { Button, buttonClass } from '../ui/button.tsx'
import { Field, Select } from '../ui/field.tsx'
import { Card, Page } from '../ui/page.tsx'
import { Empty, Failed, LoadingRows, Notice } from '../ui/states.tsx'
import { Tabs } from '../ui/tabs.tsx'
import { Time } from '../ui/time.tsx'

const PAGE = graphql(`
  query TesterPage($tenantId: ID, $after: String) {
    endpoints(tenantId: $tenantId, first: 100, after: $after) {
      nodes {
        id
        name
        url
        status
        health {
          failingSince
        }
        eventTypes
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`)

type TabName = 'event' | 'call'
type Search = { endpoint?: string; type?: string; tab?: TabName }
type Endpoint = NonNullable<TesterPageQuery['endpoints']>['nodes'][number]

const route = getRouteApi('/tester')

const LEAD = 'Sends real requests with the real signature: marked as tests, one attempt each, outside the statistics.'

export function TesterPage() {
  const tenantId = useTenantId()
  const { mayChange } = useRights()
  const search = route.useSearch() as Search
  const setSearch = useSetSearch<Search>()
  const catalogue = useCatalogue()
  const list = useEveryPage(PAGE, { tenantId }, (data) => data.endpoints)
  const fault = catalogue.fault ?? list.fault
  if (!mayChange)
    return (
      <Empty icon={<FlaskConical size={28} aria-hidden />} title="Only an admin can send tests">
        You can watch them under Deliveries.
      </Empty>
    )
  const { types } = catalogue
  const { nodes: endpoints } = list
  const retry = () => {
    catalogue.refetch()
    list.refetch()
  }
  if (fault && !(types && endpoints)) return <Failed fault={fault} onRetry={retry} />
  if (!types || !endpoints) return <LoadingRows />
  const named = endpoints.find(({ id }) => id === search.endpoint)
  // Which one is meant shows only in the whole list.
  if (search.endpoint !== undefined && !named && !list.isWhole) return <LoadingRows />
  const isUnknown = search.endpoint !== undefined && !named
  const endpoint =
    named ?? (isUnknown ? undefined : (endpoints.find(({ status }) => status === 'ACTIVE') ?? endpoints[0]))
  const { type, tab } = search
  const set = (change: Partial<Search>) =>
    setSearch({ ...search, ...(endpoint && { endpoint: endpoint.id }), ...change })
  const title = { title: 'Tester', lead: LEAD }
  const toolbar = <EndpointSelect endpoints={endpoints} endpoint={endpoint} onChange={(id) => set({ endpoint: id })} />
  if (isUnknown && endpoints.length > 0)
    return (
      <Page {...title} toolbar={toolbar}>
        <Empty icon={<FlaskConical size={28} aria-hidden />} title="There is no such endpoint">
          It was deleted, or belongs to another tenant. Choose one above.
        </Empty>
      </Page>
    )
  if (type !== undefined && !types.some(({ name }) => name === type))
    return (
      <Page {...title} toolbar={toolbar}>
        <Empty
          icon={<FlaskConical size={28} aria-hidden />}
          title={`There is no event type ${type}`}
          action={<Button onClick={() => set({ type: undefined })}>Choose another type</Button>}
        >
          The catalogue has every type that there is.
        </Empty>
      </Page>
    )
  if (!endpoint)
    return (
      <Page title="Tester">
        <Empty
          icon={<FlaskConical size={28} aria-hidden />}
          title="There is nothing to test yet"
          action={
            <Link to="/endpoints/new" className={buttonClass('primary')}>
              New endpoint
            </Link>
          }
        >
          A test goes to an endpoint. Make the first one.
        </Empty>
      </Page>
    )
  return (
    <Page isFull {...title} toolbar={toolbar}>
      <div className="-mx-6 -mb-6 flex max-sm:-mx-4 max-sm:-mb-4 min-h-0 flex-1 flex-col">
        <Tabs<TabName>
          label="What to play"
          value={tab === 'call' ? 'call' : 'event'}
          onChange={(next) => set({ tab: next })}
          tabs={[
            {
              value: 'event',
              label: 'One event',
              content: (
                <OneEvent
                  key={endpoint.id}
                  tenantId={tenantId}
                  endpoint={endpoint}
                  types={types}
                  type={type}
                  onTypeChange={(next) => set({ type: next })}
                />
              ),
            },
            {
              value: 'call',
              label: 'A whole call',
              content: (
                <div className="px-6 py-4 max-sm:px-4">
                  <CallPlayer types={types} endpoint={endpoint} />
                </div>
              ),
            },
          ]}
        />
      </div>
    </Page>
  )
}

type SelectProps = { endpoints: readonly Endpoint[]; endpoint: Endpoint | undefined; onChange(id: string): void }

function EndpointSelect({ endpoints, endpoint, onChange }: SelectProps) {
  const nameOf = namesApart(endpoints)
  return (
    <div className="flex min-w-0 flex-wrap items-end gap-3">
      <div className="w-80 max-w-full">
        <Field label="Endpoint">
          {(control) => (
            <Select {...control} value={endpoint?.id ?? ''} onChange={(event) => onChange(event.target.value)}>
              {!endpoint && (
                <option value="" disabled>
                  Choose an endpoint
                </option>
              )}
              {endpoints.map((one) => (
                <option key={one.id} value={one.id}>
                  {nameOf(one)}
                </option>
              ))}
            </Select>
          )}
        </Field>
      </div>
      {endpoint && (
        <span className="flex min-h-8 min-w-0 items-center gap-3">
          <EndpointStatusBadge status={endpoint.status} failingSince={endpoint.health?.failingSince ?? null} isNarrow />
          <span className="min-w-0 font-mono text-xs text-ink-2 [overflow-wrap:anywhere]">{endpoint.url}</span>
        </span>
      )}
    </div>
  )
}

type OneEventProps = {
  tenantId: string
  endpoint: Endpoint
  types: readonly CatalogueType[]
  type: string | undefined
  onTypeChange(type: string): void
}

const MOST_KEPT = 50

function OneEvent({ tenantId, endpoint, types, type, onTypeChange }: OneEventProps) {
  const [tests, setTests] = useState<readonly SentTest[]>([])
  const [openId, setOpenId] = useState<string | null>(null)
  const shown = tests.find(({ deliveryId }) => deliveryId === openId) ?? tests[0]
  const others = tests.filter((test) => test !== shown)
  const result = useRef<HTMLDivElement>(null)
  useEffect(() => {
    if (openId !== null) result.current?.scrollIntoView({ block: 'nearest' }) // On a phone it is below the form.
  }, [openId])
  return (
    <div className="grid items-start gap-4 px-6 py-4 max-sm:px-4 xl:grid-cols-2">
      <Card title="What to send">
        <div className="p-4">
          <TestForm
            isFull
            editorClass="h-80"
            types={types}
            tenantId={tenantId}
            endpointId={endpoint.id}
            eventType={type}
            onTypeChange={onTypeChange}
            onSent={(test) => {
              setOpenId(test.deliveryId)
              setTests((before) => [test, ...before].slice(0, MOST_KEPT))
            }}
          />
        </div>
      </Card>
      <div className="flex flex-col gap-4">
        <Card title="What happens">
          <div className="flex flex-col gap-3 p-4">
            {endpoint.status !== 'ACTIVE' && (
              <Notice tone="info">The endpoint is {endpoint.status.toLowerCase()}. Tests go out all the same.</Notice>
            )}
            {shown ? (
              // As high as the steps of an attempt, so that there is room for them when they come.
              <div ref={result} className="max-xl:min-h-80">
                <TestResult key={shown.deliveryId} test={shown} />
              </div>
            ) : (
              <p className="text-ink-2">
                Each step of the attempt appears here as it is taken: name, connection, TLS, request, first byte,
                answer.
              </p>
            )}
          </div>
        </Card>
        {others.length > 0 && (
          <Card
            title="Sent before"
            actions={
              <Button size="small" kind="quiet" onClick={() => setTests(shown ? [shown] : [])}>
                Clear
              </Button>
            }
          >
            <ul className="divide-y divide-line">
              {others.map((test) => (
                <li key={test.deliveryId} className="flex flex-wrap items-center gap-3 px-4 py-1.5">
                  <Time at={new Date(test.sentAt).toISOString()} />
                  <span className="flex-1 font-mono text-xs">{test.eventType}</span>
                  <PlayedTest test={test} />
                </li>
              ))}
            </ul>
          </Card>
        )}
      </div>
    </div>
  )
}
