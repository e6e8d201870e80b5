import { setTimeout as delay } from 'node:timers/promises'
import { graphql, succeeded } from '../client.ts'
import { command } from '../command.ts'
import { requireEventTypes } from '../event-types.ts'
import { refused, usage } from '../failure.ts'
import type { CliDeliveryRowFragment, DeliveryStatus } from '../gql/graphql.ts'
import { plain, table } from '../output.ts'
import { parseSince } from '../since.ts'

graphql(`
  fragment CliDeliveryRow on Delivery {
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
    event {
      id
      type
      subject
    }
    endpoint {
      id
      name
    }
  }
`)

const TAIL = graphql(`
  subscription CliTail($filter: DeliveryFilter, $after: String) {
    deliveryUpdates(filter: $filter, after: $after) {
      cursor
      droppedCount
      resyncRequired
      deliveries {
        ...CliDeliveryRow
      }
    }
  }
`)

const LIST = graphql(`
  query CliDeliveries($filter: DeliveryFilter, $first: Int!) {
    deliveries(filter: $filter, first: $first) {
      nodes {
        ...CliDeliveryRow
      }
    }
  }
`)

const SHOW = graphql(`
  query CliDelivery($id: ID!) {
    delivery(id: $id) {
      ...CliDeliveryRow
      event {
        id
        type
        subject
        body
      }
      attempts {
        number
        trigger
        startedAt
        latencyMs
        statusCode
        errorCode
        errorMessage
        responseBody
      }
    }
  }
`)

const RETRY = graphql(`
  mutation CliRetry($id: ID!, $resend: Boolean!) {
    retryDelivery(id: $id, resend: $resend) {
      __typename
      ... on RetryDeliverySuccess {
        delivery {
          ...CliDeliveryRow
        }
      }
      ...CliRefusal
    }
  }
`)

/** Every one, which the compiler checks. */
const STATUSES: Record<DeliveryStatus, true> = {
  PENDING: true,
  HELD: true,
  SUCCEEDED: true,
  FAILED: true,
  DEAD_LETTERED: true,
  CANCELLED: true,
}
const STATUS_NAMES = Object.keys(STATUSES).join(', ').toLowerCase()

export const FILTER_OPTIONS = {
  endpoint: { type: 'string', array: true, describe: 'Only these endpoints' },
  type: { type: 'string', array: true, describe: 'Only these event types' },
  status: {
    type: 'string',
    array: true,
    describe: `Only these states: ${STATUS_NAMES}`,
  },
  code: { type: 'number', array: true, describe: 'Only these HTTP codes of the last attempt' },
  event: { type: 'string', describe: 'Only the deliveries of this event' },
  subject: { type: 'string', describe: 'Only this call or agent' },
  since: { type: 'string', describe: 'Only what was made since: 30m, 7h, 2d, or a time' },
} as const

type FilterArgs = {
  endpoint?: string[] | undefined
  type?: string[] | undefined
  status?: string[] | undefined
  code?: number[] | undefined
  event?: string | undefined
  subject?: string | undefined
  since?: string | undefined
}

/** The filter that the options name; `tenantId` is null where the key has a tenant of its own. */
export function filterOf(args: FilterArgs, tenantId: string | null) {
  return {
    tenantId,
    endpointIds: args.endpoint ?? null,
    eventTypes: args.type ?? null,
    statuses: args.status?.map(parseStatus) ?? null,
    statusCodes: args.code ?? null,
    eventId: args.event ?? null,
    subject: args.subject ?? null,
    from: args.since === undefined ? null : parseSince(args.since).toISOString(),
  }
}

function parseStatus(text: string): DeliveryStatus {
  const status = text.toUpperCase()
  if (!Object.hasOwn(STATUSES, status))
    throw usage(`Expected one of ${STATUS_NAMES} in --status, got ${JSON.stringify(text)}.`)
  return status as DeliveryStatus
}

export const deliveriesTail = command({
  command: 'tail',
  describe: 'Follow deliveries as they change, until Ctrl-C',
  options: FILTER_OPTIONS,
  examples: [['deliveries tail --status dead_lettered', 'waits for dead letters']],
  async run({ client, output }, args) {
    const stopping = new AbortController()
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stopping.abort())
    const variables: { filter: ReturnType<typeof filterOf>; after: string | null } = {
      filter: filterOf(args, client.tenantId),
      after: null,
    }
    await requireEventTypes(client, args.type)
    await client.subscribe(TAIL, variables, {
      signal: stopping.signal,
      connected: () => output.note(`Connected to ${client.url}.`),
      lost: (reason) => output.note(`Not connected to ${client.url}: ${reason}. Trying again.`),
      next: ({ deliveryUpdates: batch }) => {
        if (!batch) return
        variables.after = batch.cursor
        if (batch.resyncRequired || batch.droppedCount > 0)
          output.note('Changes were missed here. "sivo deliveries list" shows how things are.')
        for (const delivery of batch.deliveries) output.result(delivery, lineOf(delivery))
      },
    })
  },
})

export const deliveriesList = command({
  command: 'list',
  describe: 'List deliveries, newest first',
  options: { ...FILTER_OPTIONS, first: { type: 'number', default: 50, describe: 'How many, 1 to 100' } },
  examples: [['deliveries list --code 503 --since 1h', 'what failed with 503 in the last hour']],
  async run({ client, output }, args) {
    const { deliveries } = await client.ask(LIST, { filter: filterOf(args, client.tenantId), first: args.first })
    const nodes = deliveries?.nodes ?? []
    output.result(nodes, deliveryTable(nodes))
  },
})

export const deliveriesShow = command({
  command: 'show <id>',
  describe: 'Show a delivery with its attempts and replies',
  positionals: { id: { type: 'string', demandOption: true, describe: 'The delivery, dlv_…' } },
  examples: [['deliveries show dlv_…', 'each attempt with what the receiver said, and the payload']],
  async run({ client, output }, { id }) {
    const { delivery } = await client.ask(SHOW, { id })
    if (!delivery) throw refused(`No delivery ${id} is known here. Take an id from "sivo deliveries list".`)
    const attempts = delivery.attempts.map((attempt) => [
      String(attempt.number),
      attempt.startedAt,
      attempt.statusCode != null ? `HTTP ${attempt.statusCode}` : (attempt.errorCode ?? ''),
      `${attempt.latencyMs} ms`,
      attempt.trigger,
      plain(attempt.errorMessage ?? attempt.responseBody ?? '').slice(0, 80),
    ])
    output.result(
      delivery,
      [
        lineOf(delivery),
        table(['#', 'STARTED', 'RESULT', 'LATENCY', 'TRIGGER', 'SAYS'], attempts),
        delivery.event.body ?? 'The payload is no longer kept.',
      ].join('\n\n'),
    )
  },
})

export const deliveriesRetry = command({
  command: 'retry <id>',
  describe: 'Retry a delivery now, and wait for the attempt',
  positionals: { id: { type: 'string', demandOption: true, describe: 'The delivery, dlv_…' } },
  options: {
    resend: { type: 'boolean', default: false, describe: 'Send it again although it was delivered' },
    wait: { type: 'number', default: 15, describe: 'Seconds to wait for the attempt' },
  },
  examples: [
    ['deliveries retry dlv_…', 'the next attempt is made now'],
    ['deliveries retry dlv_… --resend', 'once more, although it was delivered'],
  ],
  async run({ client, output }, { id, resend, wait }) {
    const { delivery: before } = await client.ask(SHOW, { id })
    const { delivery } = succeeded((await client.ask(RETRY, { id, resend })).retryDelivery)
    const attemptsBefore = before?.attemptCount ?? delivery.attemptCount
    let now: CliDeliveryRowFragment = delivery
    for (let waitedMs = 0; now.attemptCount <= attemptsBefore && waitedMs < wait * 1_000; waitedMs += 200) {
      await delay(200)
      now = (await client.ask(SHOW, { id })).delivery ?? now
    }
    output.result(now, lineOf(now))
    if (now.attemptCount <= attemptsBefore)
      output.note(
        `No attempt was made within ${wait} s. See what it waits for: sivo explain ${now.event.id} ${now.endpoint.id}`,
      )
  },
})

export function deliveryTable(deliveries: readonly CliDeliveryRowFragment[]): string {
  if (deliveries.length === 0) return 'No delivery matches.'
  return table(
    ['CREATED', 'DELIVERY', 'TYPE', 'ENDPOINT', 'STATUS', 'LAST', 'ATTEMPTS'],
    deliveries.map((delivery) => [
      delivery.createdAt,
      delivery.id,
      delivery.event.type,
      plain(delivery.endpoint.name),
      delivery.status,
      lastOf(delivery),
      `${delivery.attemptCount}/${delivery.maxAttempts}`,
    ]),
  )
}

function lineOf(delivery: CliDeliveryRowFragment): string {
  const next = delivery.nextAttemptAt ? `, next attempt at ${delivery.nextAttemptAt}` : ''
  return `${delivery.id}  ${delivery.event.type.padEnd(24)} → ${plain(delivery.endpoint.name)}  ${delivery.status}${delivery.reason ? ` (${delivery.reason})` : ''}  ${lastOf(delivery)}  attempt ${delivery.attemptCount} of ${delivery.maxAttempts}${next}`
}

function lastOf({ lastStatusCode, lastErrorCode, lastLatencyMs }: CliDeliveryRowFragment): string {
  const what = lastStatusCode != null ? `HTTP ${lastStatusCode}` : (lastErrorCode ?? 'not attempted')
  return lastLatencyMs == null ? what : `${what} in ${lastLatencyMs} ms`
}
