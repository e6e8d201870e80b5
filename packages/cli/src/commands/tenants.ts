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

const API_KEYS = graphql(`
  query CliExportApiKeys($tenantId: ID, $after: String) {
    apiKeys(tenantId: $tenantId, first: 100, after: $after) {
      nodes {
        id
        name
        role
        hint
        createdAt
        expiresAt
        lastUsedAt
        revokedAt
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`)

const SESSIONS = graphql(`
  query CliExportSessions($tenantId: ID, $after: String) {
    consoleSessions(tenantId: $tenantId, first: 100, after: $after) {
      nodes {
        id
        name
        role
        invitedBy
        createdAt
        expiresAt
        lastUsedAt
        endedAt
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`)

const BULK_RETRIES = graphql(`
  query CliExportBulkRetries($tenantId: ID, $after: String) {
    bulkRetries(tenantId: $tenantId, first: 100, after: $after) {
      nodes {
        id
        retries: kind
        status
        filter
        createdBy
        createdAt
        completedAt
        total
        retried
        succeeded
        deadLettered
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`)

const SINGLE = graphql(`
  query CliExportSingle($tenantId: ID) {
    noticeRecipients(tenantId: $tenantId) {
      id
      channel: kind
      address
      createdAt
    }
    testReceiver(tenantId: $tenantId) {
      statusCode
      delayMs
      retryAfterSeconds
      createdAt
    }
  }
`)

const ACKNOWLEDGEMENTS = graphql(`
  query CliExportAcknowledgements($tenantId: ID, $after: String) {
    deadLetterAcknowledgements(tenantId: $tenantId, first: 100, after: $after) {
      nodes {
        endpoint {
          id
        }
        errorCode
        statusCode
        upTo
        acknowledgedAt
        acknowledgedBy
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
      ...CliRefusal
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

/**
 * The lines of an export: one JSON object each, the last one with the counts. Everything that the API shows, and no secret. `kind` says
 * what a line is, so no field of a value has that name.
 */
async function* exportLines(client: Client): AsyncGenerator<string> {
  const { ask, tenantId } = client
  const counts = { endpoints: 0, auditEntries: 0, events: 0 }
  const line = (kind: string, value: object) => `${JSON.stringify({ kind, ...value })}\n`
  const { tenant } = await ask(TENANT, { tenantId })
  if (!tenant) throw refused('No tenant with this id is known here. Name one with --tenant, or sign in to one.')
  yield line('tenant', tenant)
  for await (const endpoint of nodesOf(async (after) => (await ask(ENDPOINTS, { tenantId, after })).endpoints)) {
    counts.endpoints++
    yield line('endpoint', endpoint)
  }
  for await (const key of nodesOf(async (after) => (await ask(API_KEYS, { tenantId, after })).apiKeys))
    yield line('apiKey', key)
  // The list of an operator has the sessions of operators too, which are of no tenant.
  for await (const session of nodesOf(async (after) => (await ask(SESSIONS, { tenantId, after })).consoleSessions))
    if (session.role !== 'OPERATOR') yield line('consoleSession', session)
  const { noticeRecipients, testReceiver } = await ask(SINGLE, { tenantId })
  for (const recipient of noticeRecipients ?? []) yield line('noticeRecipient', recipient)
  if (testReceiver) yield line('testReceiver', testReceiver)
  for await (const retry of nodesOf(async (after) => (await ask(BULK_RETRIES, { tenantId, after })).bulkRetries))
    yield line('bulkRetry', retry)
  for await (const entry of nodesOf(async (after) => (await ask(AUDIT, { tenantId, after })).auditEntries)) {
    counts.auditEntries++
    yield line('auditEntry', entry)
  }
  const acknowledged = async (after: string | null) =>
    (await ask(ACKNOWLEDGEMENTS, { tenantId, after })).deadLetterAcknowledgements
  for await (const acknowledgement of nodesOf(acknowledged)) yield line('deadLetterAcknowledgement', acknowledgement)
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
    'Write everything of a tenant as JSON, one object a line: endpoints, keys, audit log, events with their deliveries',
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
