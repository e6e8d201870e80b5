import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { type Client, graphql, succeeded } from '../client.ts'
import { command } from '../command.ts'
import { CommandFailure, EXIT, refused, usage } from '../failure.ts'
import type { EventInput } from '../gql/graphql.ts'
import type { Output } from '../output.ts'
import { readData } from './trigger.ts'

const PUBLISH = graphql(`
  mutation CliPublish($input: PublishEventsInput!) {
    publishEvents(input: $input) {
      __typename
      ... on PublishEventsSuccess {
        events {
          id
          duplicate
          deliveryCount
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

const MAX_EVENTS = 500
/** A request is at most 4 MiB; this leaves room for what is around the events. */
const MAX_BYTES = 3_500_000
const MAX_TRIES = 10

export const eventsPublish = command({
  command: 'publish [type]',
  describe: 'Publish one event, or many from standard input or a file',
  positionals: { type: { type: 'string', describe: 'Event type of one event' } },
  options: {
    data: { type: 'string', describe: 'Data of one event as JSON, or @file' },
    subject: { type: 'string', describe: 'The call or agent that the one event is about' },
    sequence: { type: 'number', describe: 'Place of the one event among those of its subject' },
    'idempotency-key': { type: 'string', describe: 'Key of the one event' },
    file: {
      type: 'string',
      requiresArg: true,
      nargs: 1,
      describe: 'NDJSON: one EventInput a line; - is standard input',
    },
    'on-invalid': {
      type: 'string',
      choices: ['refuse', 'skip'],
      default: 'refuse',
      describe: 'What to do with a batch that holds an invalid event; skip needs a gateway that knows it',
    },
  },
  examples: [
    ['events publish agent.paused --subject agt_1 --data @paused.json', 'publishes one event'],
    ['events publish --file events.ndjson', 'publishes many; run it again to resume'],
    ['events publish --file - < events.ndjson', 'the same from a pipe'],
  ],
  async run({ client, output }, args) {
    if ((args.type === undefined) === (args.file === undefined))
      throw usage(
        'Expected either an event type with --data, or --file. For example: sivo events publish --file events.ndjson',
      )
    if (args.file !== undefined) return publishFile(client, output, args.file, args.onInvalid === 'skip')
    if (args.data === undefined) throw usage('Expected --data with the event’s data, as JSON or @file.')
    const event: EventInput = {
      type: args.type!,
      data: await readData(args.data),
      subject: args.subject ?? null,
      sequence: args.sequence ?? null,
      idempotencyKey: args.idempotencyKey ?? null,
    }
    const [published] = await publish(client, [event], false)
    output.result(
      published,
      `${published!.id}  ${published!.duplicate ? 'published before, ' : ''}${published!.deliveryCount} deliveries`,
    )
  },
})

type Line = { readonly number: number; readonly event: EventInput }

/**
 * Publishes a file in batches. Each event without a key gets one that is made of its line's number and text, so that the
 * same file can be published again after a failure and stores nothing twice.
 */
async function publishFile(client: Client, output: Output, file: string, skip: boolean): Promise<void> {
  const input = file === '-' ? process.stdin : createReadStream(file)
  const lines = createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })
  const failed = new Promise<never>((_, reject) => {
    input.once('error', (error: Error) => reject(usage(`${file} cannot be read: ${error.message}.`)))
  })
  failed.catch(() => {})
  const counts = { published: 0, duplicates: 0, skipped: 0, lines: 0 }
  let batch: Line[] = []
  let bytes = 0
  const flush = async () => {
    if (batch.length === 0) return
    const sent = batch
    batch = []
    bytes = 0
    await publishBatch(client, output, file, sent, skip, counts)
    output.note(`${counts.lines} lines read, ${counts.published} events published, ${counts.duplicates} known before`)
  }
  const readAll = async () => {
    for await (const text of lines) {
      counts.lines++
      if (!text.trim()) continue
      const line = readLine(text, file, counts.lines)
      const size = Buffer.byteLength(text) + 128
      if (batch.length >= MAX_EVENTS || bytes + size > MAX_BYTES) await flush()
      batch.push(line)
      bytes += size
    }
    await flush()
  }
  await Promise.race([readAll(), failed])
  output.result(
    counts,
    `Published ${counts.published} events of ${file}; ${counts.duplicates} were published before, ${counts.skipped} skipped.`,
  )
  if (counts.skipped > 0) throw refused(`${counts.skipped} events were invalid and were skipped; see above.`)
}

function readLine(text: string, file: string, number: number): Line {
  let event: unknown
  try {
    event = JSON.parse(text)
  } catch (error) {
    throw usage(
      `${file}, line ${number}: expected one event as JSON, came text that is none: ${(error as Error).message}. The lines before it are published. Mend the line and run the command again: nothing is stored twice.`,
    )
  }
  if (event === null || typeof event !== 'object' || Array.isArray(event))
    throw usage(`${file}, line ${number}: expected an object with "type" and "data", came ${text.slice(0, 60)}.`)
  const key = `cli-${createHash('sha256').update(`${number}\n${text}`).digest('hex').slice(0, 32)}`
  return { number, event: { idempotencyKey: key, ...(event as EventInput) } }
}

async function publishBatch(
  client: Client,
  output: Output,
  file: string,
  batch: readonly Line[],
  skip: boolean,
  counts: { published: number; duplicates: number; skipped: number },
): Promise<void> {
  try {
    const events = await publish(
      client,
      batch.map(({ event }) => event),
      true,
    )
    for (const { duplicate } of events) counts[duplicate ? 'duplicates' : 'published']++
  } catch (error) {
    const issues = issuesByIndex(error)
    if (!issues) throw error
    const told = [...issues].map(([index, messages]) => {
      const line = batch[index]?.number ?? 0
      return `${file}, line ${line}: ${messages.join('; ')}`
    })
    if (!skip)
      throw refused(
        `${told.join('\n')}\nNothing of lines ${batch[0]!.number} to ${batch.at(-1)!.number} was stored; the lines before are. Mend them and run the command again, or pass --on-invalid skip.`,
      )
    for (const text of told) process.stderr.write(`${text}\n`)
    counts.skipped += issues.size
    const valid = batch.filter((_, index) => !issues.has(index))
    if (valid.length < batch.length && valid.length > 0) await publishBatch(client, output, file, valid, skip, counts)
  }
}

/** What is wrong with each event of a refused batch; null: it was refused for another reason. */
function issuesByIndex(error: unknown): Map<number, string[]> | null {
  if (!(error instanceof CommandFailure)) return null
  const issues = error.details['issues'] as readonly { path: readonly string[]; message: string }[] | undefined
  const byIndex = new Map<number, string[]>()
  for (const { path, message } of issues ?? []) {
    if (path[0] !== 'input' || path[1] !== 'events' || path[2] === undefined) return null
    const index = Number(path[2])
    byIndex.set(index, [...(byIndex.get(index) ?? []), `${path.slice(3).join('.')}: ${message}`])
  }
  return byIndex.size > 0 ? byIndex : null
}

/** Publishes one batch. `repeatable`: every event has a key, so it is sent again while the gateway cannot be reached. */
async function publish(client: Client, events: EventInput[], repeatable: boolean) {
  for (let tries = 1; ; tries++) {
    try {
      const { publishEvents } = await client.ask(PUBLISH, { input: { tenantId: client.tenantId, events } })
      return succeeded(publishEvents).events
    } catch (error) {
      const again = error instanceof CommandFailure && error.exitCode === EXIT.unavailable && repeatable
      if (!again || tries >= MAX_TRIES) throw error
      await new Promise((resolve) => setTimeout(resolve, Math.min(5_000, 200 * 2 ** tries)))
    }
  }
}
