import { getRouteApi, Link } from '@tanstack/react-router'
import { Send } from 'lucide-react'
import { useState } from 'react'
import { graphql } from '../api/client.ts'
import { useEveryPage } from '../api/every-page.ts'
import { SchemaTable } from '../components/api/schema-table.tsx'
import { EndpointStatusBadge } from '../components/deliveries/status.tsx'
import { groupsOf, titleOf } from '../components/endpoints/event-type-picker.tsx'
import { VerifySnippets } from '../components/endpoints/verify-snippets.tsx'
import { type CatalogueType, exampleOf, schemaOf, useCatalogue } from '../components/events/catalogue.ts'
import type { CatalogueEndpointsQuery } from '../gql/graphql.ts'
import { formatBytes } from '../lib/format.ts'
import { useRights } from '../session/session.ts'
import { useChosenTenant } from '../session/tenant.ts'
import { buttonClass } from '../ui/button.tsx'
import { classes } from '../ui/classes.ts'
import { Json } from '../ui/code.tsx'
import { TextInput } from '../ui/field.tsx'
import { Page } from '../ui/page.tsx'
import { Empty, Failed, LoadingRows } from '../ui/states.tsx'
import { Tabs } from '../ui/tabs.tsx'

const ENDPOINTS = graphql(`
  query CatalogueEndpoints($tenantId: ID, $after: String) {
    endpoints(tenantId: $tenantId, first: 100, after: $after) {
      nodes {
        id
        name
        status
        eventTypes
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`)

const route = getRouteApi('/catalogue')

export function CataloguePage() {
  const tenantId = useChosenTenant()
  const { type: wanted } = route.useSearch()
  const { types, fault, refetch } = useCatalogue()
  const { nodes: endpoints } = useEveryPage(ENDPOINTS, { tenantId }, (data) => data.endpoints, {
    pause: tenantId === null,
  })
  const [words, setWords] = useState('')
  if (fault && !types) return <Failed fault={fault} onRetry={refetch} />
  if (!types) return <LoadingRows />
  const type = wanted === undefined ? types[0]! : types.find(({ name }) => name === wanted)
  const found = types.filter(({ name, description }) =>
    `${name} ${description}`.toLowerCase().includes(words.trim().toLowerCase()),
  )
  return (
    <Page
      isFull
      title="Catalogue"
      lead={`Every type an event can have, as of ${types[0]!.apiVersion}. Members that a schema does not name may come too, and lists of words are open.`}
    >
      <div className="grid min-h-0 min-w-0 flex-1 gap-4 max-md:grid-cols-[minmax(0,1fr)] max-md:grid-rows-[auto_minmax(0,1fr)] md:grid-cols-[240px_minmax(0,1fr)]">
        <nav aria-label="Event types" className="flex min-h-0 flex-col gap-3 overflow-y-auto max-md:max-h-48">
          <TextInput
            aria-label="Search the catalogue"
            className="shrink-0"
            placeholder="Name or meaning"
            value={words}
            onChange={(event) => setWords(event.target.value)}
          />
          {groupsOf(found).map(([group, members]) => (
            <section key={group}>
              <h2 className="px-2 pb-1 text-xs font-semibold text-ink-3">{titleOf(group)}</h2>
              <ul>
                {members.map(({ name }) => (
                  <li key={name}>
                    <Link
                      to="/catalogue"
                      search={{ type: name }}
                      aria-current={name === type?.name ? 'page' : undefined}
                      className={classes(
                        'block rounded-md px-2 py-1 font-mono text-xs hover:bg-hover',
                        name === type?.name && 'bg-selected font-semibold',
                      )}
                    >
                      {name}
                    </Link>
                  </li>
                ))}
              </ul>
            </section>
          ))}
          {found.length === 0 && <p className="px-2 text-ink-3">Nothing by that name.</p>}
        </nav>
        {type ? (
          <EventType key={type.name} type={type} endpoints={endpoints ?? null} />
        ) : (
          <Empty title={`There is no event type ${wanted}`}>Choose one of the list.</Empty>
        )}
      </div>
    </Page>
  )
}

type Endpoints = readonly NonNullable<CatalogueEndpointsQuery['endpoints']>['nodes'][number][]
type TabName = 'fields' | 'example' | 'schema' | 'verify' | 'endpoints'

function EventType({ type, endpoints }: { type: CatalogueType; endpoints: Endpoints | null }) {
  const { mayChange } = useRights()
  const [tab, setTab] = useState<TabName>('fields')
  const example = exampleOf(type)
  const takers = endpoints?.filter(({ eventTypes }) => eventTypes.includes(type.name)) ?? []
  const bytes = new TextEncoder().encode(JSON.stringify(example)).length
  return (
    <article className="flex min-h-0 flex-col rounded-lg border border-line bg-surface">
      <header className="flex flex-wrap items-start gap-4 p-4">
        <div className="min-w-56 flex-1">
          <h2 className="font-mono text-base font-semibold">{type.name}</h2>
          <p className="mt-1 max-w-prose">{type.description}</p>
          <p className="mt-1 text-xs text-ink-3">
            Version {type.apiVersion} · the example is {formatBytes(bytes)}
            {example.subject && ` · about ${example.subject.startsWith('agt_') ? 'an agent' : 'a call'}`}
          </p>
          <p className="mt-1 max-w-prose text-xs text-ink-3">
            A body has at most 262,144 bytes, a publish at most 500 events in 4 MiB. Events arrive out of order: a
            receiver upserts by subject and sequence, waits for no gap, and leaves an ended call ended.
          </p>
        </div>
        {mayChange && endpoints && endpoints.length > 0 && (
          <Link
            to="/tester"
            search={{ type: type.name, ...(takers[0] ? { endpoint: takers[0].id } : {}) }}
            className={buttonClass('primary')}
          >
            <Send size={14} aria-hidden />
            Send to an endpoint
          </Link>
        )}
      </header>
      <Tabs<TabName>
        label={`About ${type.name}`}
        inset="panel"
        value={tab}
        onChange={setTab}
        tabs={[
          {
            value: 'fields',
            label: 'Fields of data',
            content: (
              <div className="p-4">
                <SchemaTable schema={schemaOf(type)} label={`Fields of ${type.name}`} />
              </div>
            ),
          },
          {
            value: 'example',
            label: 'Example',
            content: (
              <div className="p-4">
                <Json value={example} label="example envelope" />
              </div>
            ),
          },
          {
            value: 'schema',
            label: 'JSON Schema',
            content: (
              <div className="p-4">
                <Json value={type.jsonSchema} label="JSON Schema" />
              </div>
            ),
          },
          {
            value: 'verify',
            label: 'Check its signature',
            content: (
              <div className="p-4">
                <VerifySnippets />
              </div>
            ),
          },
          ...(endpoints
            ? [
                {
                  value: 'endpoints' as const,
                  label: `Who gets it (${takers.length})`,
                  content: <Takers takers={takers} />,
                },
              ]
            : []),
        ]}
      />
    </article>
  )
}

function Takers({ takers }: { takers: Endpoints }) {
  if (takers.length === 0) return <p className="p-4 text-ink-2">No endpoint gets this type.</p>
  return (
    <ul className="divide-y divide-line">
      {takers.map(({ id, name, status }) => (
        <li key={id} className="flex items-center gap-3 px-4 py-2">
          <Link
            to="/endpoints/$endpointId"
            params={{ endpointId: id }}
            className="font-medium hover:text-link hover:underline"
          >
            {name}
          </Link>
          <EndpointStatusBadge status={status} />
        </li>
      ))}
    </ul>
  )
}
