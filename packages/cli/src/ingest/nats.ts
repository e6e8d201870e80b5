// Intake from NATS JetStream: a durable pull consumer with explicit acknowledgements.

import { setTimeout as delay } from 'node:timers/promises'
import {
  AckPolicy,
  type Consumer,
  type ConsumerMessages,
  DeliverPolicy,
  JetStreamApiCodes,
  JetStreamApiError,
  type JetStreamClient,
  type JsMsg,
  jetstream,
  jetstreamManager,
} from '@nats-io/jetstream'
import { AuthorizationError, connect, credsAuthenticator, headers, type NatsConnection } from '@nats-io/transport-node'
import { CommandFailure, EXIT, usage } from '../failure.ts'
import type { BrokerMessage } from './take-batch.ts'

export type NatsOptions = {
  readonly servers: readonly string[]
  readonly stream: string
  /** Only these subjects; null: all of the stream. */
  readonly subject: string | null
  /** Name of the consumer: two that share it share the work. */
  readonly durable: string
  readonly parking: string
  /** The content of a file of credentials; null: none. */
  readonly credentials: Uint8Array | null
  readonly signal: AbortSignal
}

const BATCH = 200
const WAIT_MS = 1_000
/** What a reader that died had in its hands is delivered again after this long. A living reader asks for more time. */
const ACK_WAIT_MS = 5_000
const STILL_WORKING_MS = 1_500
/** When all that a dead reader had is to be delivered again: one fetch gave it within WAIT_MS, and the server looks now and then. */
const COMES_AGAIN_MS = ACK_WAIT_MS + 2 * WAIT_MS
const LOOK_AGAIN_MS = 250

/** Takes batches until the signal is aborted. Throws CommandFailure for what is not there, and what the connection throws. */
export async function takeFromNats(
  options: NatsOptions,
  take: (messages: readonly BrokerMessage[]) => Promise<void>,
): Promise<void> {
  const connection = await connectToNats(options)
  try {
    const manager = await jetstreamManager(connection)
    const { created } = await manager.streams.info(options.stream).catch((error: unknown) => {
      throw isStreamMissing(error)
        ? usage(
            `Expected the JetStream stream ${options.stream}, found none there. Make it first, or name another one.`,
          )
        : error
    })
    await manager.streams.find(options.parking).catch((error: unknown) => {
      throw isStreamMissing(error)
        ? usage(
            `Expected a stream that keeps the parking subject ${options.parking}, found none: an invalid message could get lost. Make one first.`,
          )
        : error
    })
    await manager.consumers.add(options.stream, {
      durable_name: options.durable,
      ack_policy: AckPolicy.Explicit,
      deliver_policy: DeliverPolicy.All,
      ack_wait: ACK_WAIT_MS * 1_000_000,
      // A reader that died has at most a batch in its hands.
      max_ack_pending: BATCH,
      ...(options.subject === null ? {} : { filter_subject: options.subject }),
    })
    const client = jetstream(connection)
    const consumer = await client.consumers.get(options.stream, options.durable)
    while (!options.signal.aborted) {
      await untilNothingIsHeld(consumer, options.signal)
      const fetched = await consumer.fetch({ max_messages: BATCH, expires: WAIT_MS })
      const messages = await collect(fetched, options.signal)
      if (messages.length === 0) continue
      const working = setInterval(() => {
        for (const message of messages) message.working()
      }, STILL_WORKING_MS)
      try {
        await take(messages.map((message) => brokerMessage(client, message, { ...options, created })))
      } finally {
        clearInterval(working)
      }
    }
  } finally {
    await connection.drain().catch(() => {})
  }
}

/**
 * Until every message that was delivered is acknowledged, or comes again before all others. A fetch before that would bring later
 * messages than those of a reader that died, or of a fetch that a broken connection cut off.
 */
async function untilNothingIsHeld(consumer: Consumer, signal: AbortSignal): Promise<void> {
  const comesAgainAt = performance.now() + COMES_AGAIN_MS
  while (!signal.aborted && performance.now() < comesAgainAt) {
    const { num_ack_pending } = await consumer.info()
    if (num_ack_pending === 0) return
    await delay(LOOK_AGAIN_MS, undefined, { signal }).catch(() => {})
  }
}

async function connectToNats({ servers, credentials }: NatsOptions): Promise<NatsConnection> {
  const urls = servers.map((server) => {
    const url = URL.parse(server.includes('://') ? server : `nats://${server}`)
    if (!url?.host) throw usage(`Expected an address such as nats://127.0.0.1:4222, got ${JSON.stringify(server)}.`)
    return url
  })
  const hosts = urls.map(({ host }) => host)
  try {
    return await connect({
      servers: hosts,
      name: 'sivo ingest',
      maxReconnectAttempts: -1,
      ...(urls.some(({ protocol }) => protocol === 'tls:') ? { tls: {} } : {}),
      ...authentication(urls, credentials),
    })
  } catch (error) {
    if (error instanceof AuthorizationError)
      throw new CommandFailure(
        EXIT.notAllowed,
        `NATS at ${hosts.join(', ')} does not accept the user, the password, the token or the credentials. Put them into the address (nats://user:password@host, nats://token@host), or name a file with --creds.`,
      )
    throw new CommandFailure(
      EXIT.unavailable,
      `NATS at ${hosts.join(', ')} cannot be reached: ${(error as Error).message}.`,
    )
  }
}

/** What the client is to sign in with: a file of credentials, or what stands in an address. */
function authentication(urls: readonly URL[], credentials: Uint8Array | null) {
  if (credentials) return { authenticator: credsAuthenticator(credentials) }
  const given = urls.find(({ username }) => username)
  if (!given) return {}
  const user = decodeURIComponent(given.username)
  return given.password ? { user, pass: decodeURIComponent(given.password) } : { token: user }
}

/** Anything else, a connection that ended or an answer that did not come, says nothing about the stream. */
const isStreamMissing = (error: unknown): boolean =>
  error instanceof JetStreamApiError && error.code === JetStreamApiCodes.StreamNotFound

async function collect(fetched: ConsumerMessages, signal: AbortSignal): Promise<JsMsg[]> {
  const messages: JsMsg[] = []
  const stop = () => fetched.stop()
  signal.addEventListener('abort', stop, { once: true })
  for await (const message of fetched) messages.push(message)
  signal.removeEventListener('abort', stop)
  return messages
}

type Told = Pick<NatsOptions, 'stream' | 'parking'> & { readonly created: string }

function brokerMessage(client: JetStreamClient, message: JsMsg, { stream, created, parking }: Told): BrokerMessage {
  const given = message.headers?.get('Nats-Msg-Id')
  // A stream that is made again counts from 1 again.
  const id = given ? `nats:${stream}:id:${given}` : `nats:${stream}:${created}:${message.info.streamSequence}`
  return {
    bytes: message.data,
    id,
    async acknowledge() {
      // Waits for the server's word: without it a crash of the server could take the acknowledgement back.
      await message.ackAck()
    },
    async park(error) {
      const told = headers()
      told.set('Sivo-Error', error.replace(/[\r\n]+/g, ' ').slice(0, 4_000))
      told.set('Sivo-Subject', message.subject)
      // The stream keeps one of two with the same id.
      await client.publish(parking, message.data, { headers: told, msgID: id })
      await message.ackAck()
    },
  }
}
