import { randomBytes } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { makeSigningSecret } from '../../../../src/domain/signing/secret.ts'
import { type Client, graphql } from '../client.ts'
import { command } from '../command.ts'
import { variable } from '../environment.ts'
import { requireEventTypes } from '../event-types.ts'
import { usage } from '../failure.ts'
import { type Exchange, type ForwardedEvent, forward, listen } from '../listen.ts'
import { type Output, plain } from '../output.ts'

const WHO = graphql(`
  query CliListener {
    viewer {
      role
      tenant {
        name
      }
    }
  }
`)

export const listenCommand = command({
  command: 'listen',
  describe: 'Forward a tenant’s events to a local URL, signed as an endpoint would get them',
  options: {
    'forward-to': { type: 'string', demandOption: true, describe: 'Local URL, such as http://localhost:3000/webhooks' },
    endpoint: { type: 'string', array: true, describe: 'Only what goes to these endpoints' },
    type: { type: 'string', array: true, describe: 'Only these event types' },
    secret: {
      type: 'string',
      describe: 'Signing secret, whsec_… (SIVO_WEBHOOK_SECRET); without it a new one is made and printed',
    },
    timeout: { type: 'number', default: 10, describe: 'Seconds that the local receiver may take' },
    record: { type: 'string', describe: 'Append each event to this file, one JSON object a line' },
    replay: { type: 'string', describe: 'Forward the events of such a file, then end' },
  },
  examples: [
    ['listen --forward-to http://localhost:3000/webhooks', 'forwards every event'],
    ['listen --forward-to http://localhost:3000 --type call.ended --record calls.ndjson', 'keeps what came'],
    ['listen --forward-to http://localhost:3000 --replay calls.ndjson', 'sends it again'],
  ],
  async run({ client, output }, args) {
    const forwardTo = parseForwardTo(args.forwardTo)
    const secret = args.secret ?? variable('SIVO_WEBHOOK_SECRET') ?? makeSigningSecret(randomBytes)
    if (!secret.startsWith('whsec_'))
      throw usage('Expected a signing secret that starts with whsec_, got another text.')
    const timeoutMs = args.timeout * 1000
    if (args.replay === undefined) await requireEventTypes(client, args.type)
    output.note(`Signing secret: ${secret}`)
    if (args.replay !== undefined) return replay(args.replay, { forwardTo, secret, timeoutMs }, output)

    const since = await gatewayTime(client)
    const stopping = new AbortController()
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stopping.abort())
    const record = args.record === undefined ? null : createWriteStream(args.record, { flags: 'a', mode: 0o600 })
    let count = 0
    try {
      await listen({
        client,
        forwardTo,
        secret,
        endpointIds: args.endpoint ?? null,
        eventTypes: args.type ?? null,
        since,
        timeoutMs,
        signal: stopping.signal,
        onState: ({ text }) => output.note(text),
        onExchange: (exchange) => {
          count++
          printExchange(output, exchange)
          record?.write(`${JSON.stringify(exchange.event)}\n`)
        },
      })
    } finally {
      await new Promise<void>((resolve) => (record ? record.end(resolve) : resolve()))
    }
    output.note(`Forwarded ${count} ${count === 1 ? 'event' : 'events'}.`)
  },
})

function parseForwardTo(text: string): string {
  const url = URL.parse(/^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`)
  if (!url || !/^https?:$/.test(url.protocol))
    throw usage(`Expected a URL such as http://localhost:3000/webhooks, got ${JSON.stringify(text)}.`)
  return url.href
}

/** The gateway's clock: the events that this command promises to forward are named by it. */
async function gatewayTime(client: Client): Promise<Date> {
  await client.ask(WHO, {})
  const date = (await client.fetch('/health')).headers.get('date')
  return date ? new Date(date) : new Date()
}

async function replay(
  file: string,
  to: { forwardTo: string; secret: string; timeoutMs: number },
  output: Output,
): Promise<void> {
  const input = createReadStream(file)
  const opened = new Promise<void>((resolve, reject) => {
    input.once('open', () => resolve())
    input.once('error', (error) => reject(usage(`${file} cannot be read: ${error.message}.`)))
  })
  await opened
  let number = 0
  for await (const line of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) {
    number++
    if (!line.trim()) continue
    printExchange(output, await forward(to, readRecorded(line, file, number)))
  }
}

function readRecorded(line: string, file: string, number: number): ForwardedEvent {
  try {
    const event = JSON.parse(line) as ForwardedEvent
    if (typeof event.body === 'string' && typeof event.eventId === 'string') return event
  } catch {
    // Said below.
  }
  throw usage(
    `${file}, line ${number}: expected an event as "listen --record" writes it, got ${JSON.stringify(line.slice(0, 60))}. Remove the line and run the command again.`,
  )
}

function printExchange(output: Output, { event, status, error, latencyMs }: Exchange): void {
  const answer = status === null ? `no answer: ${error}` : `HTTP ${status}`
  output.result(
    { eventId: event.eventId, eventType: event.eventType, deliveryId: event.deliveryId, status, error, latencyMs },
    `${new Date().toISOString().slice(11, 19)}  ${event.eventType.padEnd(24)} ${event.eventId}  ${plain(answer)} in ${latencyMs} ms`,
  )
}
