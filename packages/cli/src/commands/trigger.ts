import { readFile } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { type Client, graphql, succeeded } from '../client.ts'
import { command } from '../command.ts'
import { refused, usage } from '../failure.ts'
import type { Output } from '../output.ts'

const CATALOGUE = graphql(`
  query CliCatalogue {
    eventTypes {
      name
      group
      example
    }
  }
`)

const SEND_TEST = graphql(`
  mutation CliSendTest($input: SendTestEventInput!) {
    sendTestEvent(input: $input) {
      __typename
      ... on SendTestEventSuccess {
        delivery {
          id
          event {
            id
          }
        }
      }
      ...CliRefusal
    }
  }
`)

const TEST_RESULT = graphql(`
  query CliTestResult($id: ID!) {
    delivery(id: $id) {
      status
      lastStatusCode
      lastLatencyMs
      attempts {
        errorCode
        errorMessage
        responseBody
      }
    }
  }
`)

type Example = {
  type: string
  timestamp: string
  subject: string | null
  sequence: number | null
  data: Record<string, unknown>
}

export const trigger = command({
  command: 'trigger [type]',
  describe: 'Send a test event, or a whole call, to one endpoint',
  positionals: { type: { type: 'string', describe: 'Event type, such as call.ended' } },
  options: {
    endpoint: { type: 'string', demandOption: true, describe: 'The endpoint that gets the test, ep_…' },
    data: { type: 'string', describe: 'The event’s data as JSON, or @file; without it the catalogue’s example' },
    story: { type: 'string', choices: ['call'], describe: 'Send every event of one call, in order' },
    speed: { type: 'number', default: 60, describe: 'How many times faster than the real call a story is told' },
  },
  examples: [
    ['trigger call.ended --endpoint ep_…', 'sends the catalogue’s example'],
    ['trigger call.ended --endpoint ep_… --data @event.json', 'sends your own data'],
    ['trigger --story call --endpoint ep_…', 'plays a whole call'],
  ],
  async run({ client, output }, args) {
    if ((args.type === undefined) === (args.story === undefined))
      throw usage('Expected either an event type or --story call. For example: sivo trigger call.ended --endpoint ep_…')
    if (args.story !== undefined) return tellCall(client, output, { endpointId: args.endpoint, speed: args.speed })
    const data = args.data === undefined ? null : await readData(args.data)
    await sendTest(client, output, { endpointId: args.endpoint, eventType: args.type!, data })
  },
})

/** `text` is JSON, or @ and the name of a file that holds it. Throws CommandFailure. */
export async function readData(text: string): Promise<unknown> {
  const json = text.startsWith('@')
    ? await readFile(text.slice(1), 'utf8').catch((error: Error) => {
        throw usage(`${text.slice(1)} cannot be read: ${error.message}.`)
      })
    : text
  try {
    return JSON.parse(json)
  } catch (error) {
    throw usage(`Expected JSON in --data, got text that is none: ${(error as Error).message}.`)
  }
}

type Test = { readonly endpointId: string; readonly eventType: string; readonly data: unknown }

/** Sends one test and waits for its result. Throws CommandFailure when the receiver does not accept it. */
export async function sendTest(client: Client, output: Output, input: Test): Promise<void> {
  const { delivery } = succeeded((await client.ask(SEND_TEST, { input })).sendTestEvent)
  const result = await untilTested(client, delivery.id)
  const { errorCode, errorMessage, responseBody } = result.attempts[0] ?? {}
  const answer =
    result.lastStatusCode != null
      ? `HTTP ${result.lastStatusCode} in ${result.lastLatencyMs} ms`
      : (errorMessage ?? 'no answer')
  output.result(
    { eventId: delivery.event.id, deliveryId: delivery.id, eventType: input.eventType, ...result },
    `${input.eventType.padEnd(24)} ${delivery.event.id}  ${result.status}  ${answer}`,
  )
  if (result.status === 'SUCCEEDED') return
  const more = errorCode === 'http_status' ? startOf(responseBody) : result.lastStatusCode == null ? '' : errorMessage
  throw refused(
    `The receiver did not accept the test: ${[answer, more].filter(Boolean).join(': ').replace(/[.]?$/, '.')}`,
  )
}

/** The start of a reply's body on one line, without what a terminal would obey. */
function startOf(body: string | null | undefined): string {
  const line = (body ?? '').replace(/[\s\p{Cc}]+/gu, ' ').trim()
  return line.length > MOST_SHOWN ? `${line.slice(0, MOST_SHOWN)} …` : line
}

const MOST_SHOWN = 200

const LONGEST_TEST_MS = 20_000

async function untilTested(client: Client, id: string) {
  const deadline = Date.now() + LONGEST_TEST_MS
  for (;;) {
    const { delivery } = await client.ask(TEST_RESULT, { id })
    if (delivery && delivery.status !== 'PENDING') return delivery
    if (Date.now() > deadline)
      throw refused(
        `The test was queued as ${id} and has no result after 20 s. Is a worker running? See "sivo deliveries show ${id}".`,
      )
    await delay(100)
  }
}

/** The longest call that the catalogue's examples tell. */
async function tellCall(
  client: Client,
  output: Output,
  { endpointId, speed }: { endpointId: string; speed: number },
): Promise<void> {
  const { eventTypes } = await client.ask(CATALOGUE, {})
  const call = longestCall(
    eventTypes.filter(({ group }) => group !== 'operational').map(({ example }) => example as Example),
  )
  let lastMs = Date.parse(call[0]!.timestamp)
  for (const { type, timestamp } of call) {
    const atMs = Date.parse(timestamp)
    await delay(Math.min(5_000, (atMs - lastMs) / speed))
    lastMs = atMs
    await sendTest(client, output, { endpointId, eventType: type, data: null })
  }
}

function longestCall(examples: readonly Example[]): readonly Example[] {
  const calls = new Map<string, Example[]>()
  for (const example of examples) {
    const call = String(example.data['call_id'] ?? example.subject)
    calls.set(call, [...(calls.get(call) ?? []), example])
  }
  const [longest] = [...calls.values()].sort((a, b) => b.length - a.length)
  return longest!.toSorted((a, b) => Date.parse(a.timestamp) - Date.parse(b.timestamp))
}
