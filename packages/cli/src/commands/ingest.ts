import { readFile } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import type { Client } from '../client.ts'
import { command, group } from '../command.ts'
import { CommandFailure, EXIT, usage } from '../failure.ts'
import { takeFromAmqp } from '../ingest/amqp.ts'
import { takeFromNats } from '../ingest/nats.ts'
import { type BrokerMessage, type IngestCounts, takeBatch } from '../ingest/take-batch.ts'
import type { Output } from '../output.ts'

const AGAIN_MS = 2_000

type Take = (messages: readonly BrokerMessage[]) => Promise<void>

/** Takes batches until Ctrl-C; a broker or a gateway that goes away is waited for. */
async function ingest(
  client: Client,
  output: Output,
  from: (signal: AbortSignal, take: Take) => Promise<void>,
): Promise<void> {
  const stopping = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stopping.abort())
  const counts: IngestCounts = { published: 0, duplicates: 0, parked: 0 }
  let isAway = false
  while (!stopping.signal.aborted) {
    try {
      await from(stopping.signal, async (messages) => {
        const taken = await takeBatch(client, messages)
        isAway = false
        for (const name of Object.keys(counts) as (keyof IngestCounts)[]) counts[name] += taken[name]
        output.note(`${counts.published} published, ${counts.duplicates} known before, ${counts.parked} parked`)
      })
    } catch (error) {
      const isFinal = error instanceof CommandFailure && error.exitCode !== EXIT.unavailable
      if (isFinal) throw error
      // Nothing of the batch was acknowledged; the broker delivers it again.
      if (!isAway) output.note(`${(error as Error).message} Trying again.`)
      isAway = true
      await delay(AGAIN_MS, undefined, { signal: stopping.signal }).catch(() => {})
    }
  }
  output.result(
    counts,
    `Published ${counts.published} messages; ${counts.duplicates} were known before, ${counts.parked} are parked.`,
  )
}

const readCredentials = (file: string) =>
  readFile(file).catch((error: Error) => {
    throw usage(`${file} cannot be read: ${error.message}.`)
  })

const nats = command({
  command: 'nats',
  describe: 'Publish the messages of a JetStream stream, until Ctrl-C',
  options: {
    servers: { type: 'string', array: true, default: ['nats://127.0.0.1:4222'], describe: 'Addresses of the servers' },
    stream: { type: 'string', demandOption: true, describe: 'The stream' },
    subject: { type: 'string', describe: 'Only this subject of the stream; may hold wildcards' },
    durable: {
      type: 'string',
      default: 'sivo',
      describe: 'Name of the consumer; processes that share it share the work',
    },
    creds: { type: 'string', describe: 'File of credentials (JWT and seed), as "nsc" writes it' },
    parking: { type: 'string', demandOption: true, describe: 'Subject for invalid messages; a stream must keep it' },
  },
  examples: [['ingest nats --stream EVENTS --parking parked.events', 'takes every message of EVENTS']],
  async run({ client, output }, args) {
    const credentials = args.creds === undefined ? null : await readCredentials(args.creds)
    const options = { ...args, subject: args.subject ?? null, credentials }
    await ingest(client, output, (signal, take) => takeFromNats({ ...options, signal }, take))
  },
})

const amqp = command({
  command: 'amqp',
  describe: 'Publish the messages of a RabbitMQ queue, until Ctrl-C',
  options: {
    broker: { type: 'string', default: 'amqp://127.0.0.1', describe: 'URL of the broker' },
    queue: { type: 'string', demandOption: true, describe: 'The queue' },
    parking: { type: 'string', demandOption: true, describe: 'Durable queue for invalid messages' },
  },
  examples: [['ingest amqp --queue events --parking events.parked', 'takes every message of the queue']],
  run: ({ client, output }, args) => ingest(client, output, (signal, take) => takeFromAmqp({ ...args, signal }, take)),
})

export const ingestCommand = group('ingest', 'Publish what a broker delivers', [nats, amqp])
