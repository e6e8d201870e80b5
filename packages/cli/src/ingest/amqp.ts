// Intake from RabbitMQ by AMQP 0-9-1: a consumer with explicit acknowledgements, and a channel with publisher confirms for
// what is parked.

import { type ChannelModel, type ConfirmChannel, type ConsumeMessage, connect } from 'amqplib'
import { CommandFailure, EXIT, usage } from '../failure.ts'
import type { BrokerMessage } from './take-batch.ts'

export type AmqpOptions = {
  readonly broker: string
  readonly queue: string
  readonly parking: string
  readonly signal: AbortSignal
}

/** Reply code of AMQP 0-9-1. */
const NOT_FOUND = 404

const PREFETCH = 200
/** Messages that arrive this close together go out together. */
const GATHER_MS = 20

/** Takes batches until the signal is aborted. Throws CommandFailure for what is not there, and when the connection ends. */
export async function takeFromAmqp(
  { broker, queue, parking, signal }: AmqpOptions,
  take: (messages: readonly BrokerMessage[]) => Promise<void>,
): Promise<void> {
  const connection = await connectToBroker(broker)
  const ended = new Promise<never>((_, reject) => {
    const end = (error?: Error) =>
      reject(new CommandFailure(EXIT.unavailable, `The connection to the broker ended: ${error?.message ?? 'closed'}.`))
    connection.on('error', end)
    connection.on('close', end)
  })
  ended.catch(() => {})
  try {
    for (const name of [queue, parking]) await requireQueue(connection, name)
    const channel = await connection.createConfirmChannel()
    channel.on('error', () => {})
    await channel.prefetch(PREFETCH)
    let gathered: ConsumeMessage[] = []
    let wake = () => {}
    await channel.consume(queue, (message) => {
      if (!message) return void connection.close().catch(() => {})
      gathered.push(message)
      wake()
    })
    const stopped = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
    while (!signal.aborted) {
      if (gathered.length === 0) await Promise.race([new Promise<void>((resolve) => (wake = resolve)), stopped, ended])
      await Promise.race([new Promise((resolve) => setTimeout(resolve, GATHER_MS)), ended])
      const messages = gathered
      gathered = []
      if (messages.length > 0) {
        await Promise.race([take(messages.map((message) => brokerMessage(channel, message, queue, parking))), ended])
      }
    }
    await channel.close()
  } finally {
    await connection.close().catch(() => {})
  }
}

async function connectToBroker(broker: string): Promise<ChannelModel> {
  const { protocol } = URL.parse(broker) ?? {}
  if (protocol !== 'amqp:' && protocol !== 'amqps:')
    throw usage(`Expected a URL such as amqp://user:password@host:5672, got ${withoutPassword(broker)}.`)
  try {
    return await connect(broker, { clientProperties: { connection_name: 'sivo ingest' } })
  } catch (error) {
    const { message } = error as Error
    // The client gives no code for what ends the handshake.
    if (message.includes('ACCESS-REFUSED'))
      throw new CommandFailure(
        EXIT.notAllowed,
        `The broker at ${withoutPassword(broker)} does not accept the user or the password. Put them into the URL: amqp://user:password@host.`,
      )
    if (message.includes('ConnectionOpenOk; got <ConnectionClose'))
      throw usage(
        `The broker at ${withoutPassword(broker)} does not open the virtual host in the URL: it is not there, or the user may not use it.`,
      )
    throw new CommandFailure(
      EXIT.unavailable,
      `The broker at ${withoutPassword(broker)} cannot be reached: ${message}.`,
    )
  }
}

/** On a channel of its own: a channel ends when a queue is not there. Throws what the connection throws while it ends. */
async function requireQueue(connection: ChannelModel, queue: string): Promise<void> {
  const channel = await connection.createChannel()
  channel.on('error', () => {}) // Told by what rejects.
  try {
    await channel.checkQueue(queue)
  } catch (error) {
    if ((error as { code?: number }).code !== NOT_FOUND) throw error
    throw usage(`Expected the queue ${queue}, found none there. Declare it first, durable, or name another one.`)
  }
  await channel.close()
}

function brokerMessage(
  channel: ConfirmChannel,
  message: ConsumeMessage,
  queue: string,
  parking: string,
): BrokerMessage {
  const { messageId } = message.properties
  return {
    bytes: message.content,
    id: messageId ? `amqp:${queue}:${messageId}` : null,
    acknowledge: () => channel.ack(message),
    async park(error) {
      const { headers, ...properties } = message.properties
      const told = { ...headers, 'x-sivo-error': error.slice(0, 4_000), 'x-sivo-queue': queue }
      channel.sendToQueue(parking, message.content, { ...properties, persistent: true, headers: told })
      // Rejects when the broker did not keep it; the message then comes again.
      await channel.waitForConfirms()
      channel.ack(message)
    },
  }
}

function withoutPassword(url: string): string {
  const parsed = URL.parse(url)
  if (!parsed) return 'this address'
  parsed.password = ''
  return parsed.href
}
