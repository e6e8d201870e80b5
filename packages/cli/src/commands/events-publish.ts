import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import type { Client } from '../client.ts'
import { command } from '../command.ts'
import { refused, usage } from '../failure.ts'
import type { EventInput } from '../gql/graphql.ts'
import { type Output, progressBar } from '../output.ts'
import { publishAll, publishOnce } from '../publish-all.ts'
import { readData } from './trigger.ts'

const MAX_EVENTS = 500
/** A request is at most 4 MiB; this leaves room for what is around the events. */
const MAX_BYTES = 3_500_000

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
      describe: 'What to do when a line holds an invalid event: stop there, or go on without it',
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
    const [published] = await publishOnce(client, [event], 'REFUSE')
    if (!published || !('id' in published)) throw refused('The gateway gave no answer for the event.')
    output.result(
      published,
      `${published.id}  ${published.duplicate ? 'published before, ' : ''}${published.deliveryCount} ${published.deliveryCount === 1 ? 'delivery' : 'deliveries'}`,
    )
  },
})

type Counts = { published: number; duplicates: number; skipped: number; lines: number }
type Line = { readonly number: number; readonly event: EventInput }

/**
 * Publishes a file in batches. Each event without a key gets one that is made of its line's number and text, so that the
 * same file can be published again after a failure and stores nothing twice.
 */
async function publishFile(client: Client, output: Output, file: string, skip: boolean): Promise<void> {
  // How long a pipe is, nobody knows: it has no bar. Asked first, because a line that comes before its reader is lost.
  const size = file === '-' ? null : ((await stat(file).catch(() => null))?.size ?? null)
  const input = file === '-' ? process.stdin : createReadStream(file)
  const lines = createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })
  const failed = new Promise<never>((_, reject) => {
    input.once('error', (error: Error) => reject(usage(`${file} cannot be read: ${error.message}.`)))
  })
  failed.catch(() => {})
  const counts: Counts = { published: 0, duplicates: 0, skipped: 0, lines: 0 }
  let readBytes = 0
  let batch: Line[] = []
  let bytes = 0
  const flush = async (isLast: boolean) => {
    if (batch.length === 0) return
    const sent = batch
    batch = []
    bytes = 0
    await publishBatch({ client, output, file, skip }, sent, counts)
    const bar = size ? `${progressBar(isLast ? 1 : Math.min(1, readBytes / size))}  ` : ''
    output.progress(
      `${bar}${counts.lines} lines read, ${counts.published} events published, ${counts.duplicates} known before`,
    )
  }
  const readAll = async () => {
    for await (const text of lines) {
      counts.lines++
      readBytes += Buffer.byteLength(text) + 1
      if (!text.trim()) continue
      const line = readLine(text, file, counts.lines)
      const length = Buffer.byteLength(text) + 128
      if (batch.length >= MAX_EVENTS || bytes + length > MAX_BYTES) await flush(false)
      batch.push(line)
      bytes += length
    }
    await flush(true)
  }
  await Promise.race([readAll(), failed]).finally(output.endProgress)
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
      `${file}, line ${number}: expected one event as JSON, got text that is none: ${(error as Error).message}. The lines before it are published. Mend the line and run the command again: nothing is stored twice.`,
    )
  }
  if (event === null || typeof event !== 'object' || Array.isArray(event))
    throw usage(`${file}, line ${number}: expected an object with "type" and "data", got ${text.slice(0, 60)}.`)
  const key = `cli-${createHash('sha256').update(`${number}\n${text}`).digest('hex').slice(0, 32)}`
  return { number, event: { idempotencyKey: key, ...(event as EventInput) } }
}

async function publishBatch(
  { client, output, file, skip }: { client: Client; output: Output; file: string; skip: boolean },
  batch: readonly Line[],
  counts: Counts,
): Promise<void> {
  const results = await publishAll(
    client,
    batch.map(({ event }) => event),
  )
  const told: string[] = []
  for (const [index, result] of results.entries()) {
    if ('id' in result) counts[result.duplicate ? 'duplicates' : 'published']++
    else {
      counts.skipped++
      told.push(`${file}, line ${batch[index]!.number}: ${result.error}`)
    }
  }
  if (told.length === 0) return
  output.endProgress()
  if (skip) process.stderr.write(`${told.join('\n')}\n`)
  else
    throw refused(
      `${told.join('\n')}\nThe other lines up to ${batch.at(-1)!.number} are published. Mend these and run the command again, or pass --on-invalid skip: nothing is stored twice.`,
    )
}
