import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { type Client, graphql, succeeded } from '../client.ts'
import { command } from '../command.ts'
import { refused, usage } from '../failure.ts'
import type { CliExportEventsQuery } from '../gql/graphql.ts'
import { writeWholeFile } from '../whole-file.ts'

const TENANT = graphql(`
  query CliExportTenant($tenantId: ID) {
    tenant(id: $tenantId) {
      id
      name
      createdAt
      payloadRetentionDays
      retentionDays
      erasedAt
    }
  }
`)

const ENDPOINTS = graphql(`
  query CliExportEndpoints($tenantId: ID, $after: String) {
    endpoints(tenantId: $tenantId, first: 100, after: $after) {
      nodes {
        id
        externalId
        name
        url
        metadata
        status
        disabledReason
        eventTypes
        condition
        maxInFlight
        rateLimitPerSecond
        ordering
        headers {
          name
          valueHint
        }
        createdAt
        updatedAt
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`)

const AUDIT = graphql(`
  query CliExportAudit($tenantId: ID, $after: String) {
    auditEntries(tenantId: $tenantId, first: 100, after: $after) {
      nodes {
        id
        at
        actor
        action
        targetId
        details
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`)

const EVENTS = graphql(`
  query CliExportEvents($filter: EventFilter, $after: String) {
    events(filter: $filter, first: 50, after: $after) {
      nodes {
        id
        type
        subject
        sequence
        occurredAt
        createdAt
        test
        body
        payloadDeletedAt
        deliveries {
          id
          endpoint {
            id
          }
          status
          reason
          attemptCount
          createdAt
          completedAt
          attempts {
            id
            number
            trigger
            startedAt
            latencyMs
            url
            statusCode
            errorCode
            errorMessage
            responseBody
          }
        }
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`)

const ERASE = graphql(`
  mutation CliEraseTenant($input: EraseTenantInput!) {
    eraseTenant(input: $input) {
      __typename
      ... on EraseTenantSuccess {
        tenant {
          id
          erasedAt
        }
      }
      ... on Error {
        message
      }
      ... on ValidationError {
        issues {
          path
          message
        }
      }
    }
  }
`)

type Page<Node> = { nodes: readonly Node[]; pageInfo: { hasNextPage: boolean; endCursor?: string | null } }

/** The nodes of a list, page by page. */
async function* nodesOf<Node>(read: (after: string | null) => Promise<Page<Node> | null | undefined>) {
  for (let after: string | null = null; ; ) {
    const page: Page<Node> | null | undefined = await read(after)
    if (!page) return
    yield* page.nodes
    if (!page.pageInfo.hasNextPage) return
    after = page.pageInfo.endCursor ?? null
  }
}

/** The lines of an export: one JSON object each, the last one with the counts. Everything that the API shows, and no secret. */
async function* exportLines({ ask, tenantId }: Client): AsyncGenerator<string> {
  const counts = { endpoints: 0, auditEntries: 0, events: 0 }
  const line = (kind: string, value: object) => `${JSON.stringify({ kind, ...value })}\n`
  const { tenant } = await ask(TENANT, { tenantId })
  if (!tenant) throw refused('No tenant with this id is known here. Name one with --tenant, or sign in to one.')
  yield line('tenant', tenant)
  for await (const endpoint of nodesOf(async (after) => (await ask(ENDPOINTS, { tenantId, after })).endpoints)) {
    counts.endpoints++
    yield line('endpoint', endpoint)
  }
  for await (const entry of nodesOf(async (after) => (await ask(AUDIT, { tenantId, after })).auditEntries)) {
    counts.auditEntries++
    yield line('auditEntry', entry)
  }
  const read = async (after: string | null): Promise<CliExportEventsQuery['events']> =>
    (await ask(EVENTS, { filter: { tenantId }, after })).events
  for await (const event of nodesOf(read)) {
    counts.events++
    yield line('event', event)
  }
  yield line('end', counts)
}

export const tenantsExport = command({
  command: 'export',
  describe:
    'Write everything of a tenant as JSON, one object a line: endpoints, audit log, events with their deliveries',
  options: { out: { type: 'string', describe: 'File to write; without it standard output' } },
  examples: [['tenants export --tenant ten_… --out acme.jsonl', 'writes the file when all of it is there']],
  async run({ client, output }, { out }) {
    const lines = Readable.from(exportLines(client))
    if (out === undefined) return pipeline(lines, process.stdout, { end: false })
    await writeWholeFile(out, lines)
    output.note(`Wrote ${out}.`)
  },
})

export const tenantsErase = command({
  command: 'erase',
  describe: 'Erase a tenant with all its events, deliveries, endpoints and keys; nothing brings it back',
  options: {
    name: { type: 'string', demandOption: true, describe: 'Its exact name, as a sign that you mean this one' },
  },
  examples: [['tenants erase --tenant ten_… --name "Acme"', 'its audit log stays']],
  async run({ client, output }, { name }) {
    if (client.tenantId === null) throw usage('Expected a tenant, got none. Name it with --tenant.')
    const { eraseTenant } = await client.ask(ERASE, { input: { tenantId: client.tenantId, name } })
    const { tenant } = succeeded(eraseTenant)
    output.result(tenant, `${tenant.id} was erased. Its rows are deleted in the background; its audit log stays.`)
  },
})
