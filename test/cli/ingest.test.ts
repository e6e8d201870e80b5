import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import { connect as connectToNats, headers } from '@nats-io/transport-node'
import { connect as connectToRabbit } from 'amqplib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { exampleEvent } from '../support/house.ts'
import { type Broker, isInstalled, startNats, startRabbit } from './brokers.ts'
import { type GatewayUnderTest, openGateway } from './gateway.ts'

let under: GatewayUnderTest
beforeAll(async () => {
  under = await openGateway()
})
afterAll(() => under?.close())

const body = (subject: string, sequence: number) =>
  Buffer.from(JSON.stringify({ ...exampleEvent({ type: 'call.ended' }), subject, sequence }))
const stored = (subject: string) =>
  under.house.app.ctx.db.event.findMany({ where: { subject }, orderBy: { id: 'asc' } })
const sequences = async (subject: string) => (await stored(subject)).map(({ sequence }) => sequence)
const upTo = (count: number) => Array.from({ length: count }, (_, i) => i + 1)

/** Runs the command again and again, kills it, the gateway and the broker, each at another moment. */
async function killEverything(args: readonly string[], broker: Broker): Promise<void> {
  for (let round = 0; round < 5; round++) {
    const reader = under.start(args)
    await new Promise((resolve) => setTimeout(resolve, 700 + 150 * round))
    if (round === 1) {
      under.gateway.signal('SIGKILL')
      await under.gateway.ready(30_000)
    }
    if (round === 3) await broker.crash()
    reader.kill()
    await reader.ended
  }
}

const why = (program: string, name: string) => {
  if (isInstalled(program)) return false
  console.warn(`Skipped: ${name} (no ${program} on this machine; Debian's package brings it)`)
  return true
}

describe.skipIf(why('nats-server', 'intake from JetStream'))('JetStream', () => {
  let nats: Broker
  beforeAll(async () => {
    nats = await startNats()
    const connection = await connectToNats({ servers: nats.url })
    const manager = await jetstreamManager(connection)
    await manager.streams.add({ name: 'EVENTS', subjects: ['events.>'] })
    await manager.streams.add({ name: 'PARKED', subjects: ['parked.>'] })
    await connection.close()
  })
  afterAll(() => nats?.stop())

  const ingest = () => ['ingest', 'nats', '--servers', nats.url, '--stream', 'EVENTS', '--parking', 'parked.events']

  test('whatever is killed in between, every message is one event, in order', { timeout: 120_000 }, async () => {
    const connection = await connectToNats({ servers: nats.url })
    const client = jetstream(connection)
    for (const n of upTo(2_000)) await client.publish('events.calls', body('nats', n))
    await connection.close()
    await killEverything(ingest(), nats)
    const last = under.start(ingest())
    await under.house.until(async () => (await stored('nats')).length >= 2_000, 60_000)
    await last.stop()
    expect(await sequences('nats')).toEqual(upTo(2_000))
  })

  test('an invalid message is parked with its issues, and the others go on', { timeout: 60_000 }, async () => {
    const connection = await connectToNats({ servers: nats.url })
    const client = jetstream(connection)
    const told = headers()
    await client.publish('events.calls', body('nats beside', 1))
    await client.publish('events.calls', Buffer.from('{"type":"call.endet","data":{}}'), {
      headers: told,
      msgID: 'wrong',
    })
    await client.publish('events.calls', Buffer.from('no json'))
    await client.publish('events.calls', body('nats beside', 2))
    const reader = under.start([...ingest(), '--json'])
    await under.house.until(async () => (await stored('nats beside')).length === 2, 30_000)
    const { stdout } = await reader.stop()
    expect(JSON.parse(stdout)).toMatchObject({ published: 2, parked: 2 })
    const parked = await (await jetstreamManager(connection)).streams.info('PARKED')
    expect(parked.state.messages).toBe(2)
    const first = await (await jetstreamManager(connection)).streams.getMessage('PARKED', { seq: 1 })
    expect(first!.header.get('Sivo-Error')).toContain('call.endet')
    await connection.close()
  })
})

describe.skipIf(why('rabbitmq-server', 'intake from RabbitMQ'))('RabbitMQ', () => {
  let rabbit: Broker
  beforeAll(async () => {
    rabbit = await startRabbit()
    const connection = await connectToRabbit(rabbit.url)
    const channel = await connection.createChannel()
    await channel.assertQueue('events', { durable: true })
    await channel.assertQueue('events.parked', { durable: true })
    await connection.close()
  }, 90_000)
  afterAll(() => rabbit?.stop())

  const ingest = () => ['ingest', 'amqp', '--broker', rabbit.url, '--queue', 'events', '--parking', 'events.parked']

  test('whatever is killed in between, every message is one event', { timeout: 120_000 }, async () => {
    const connection = await connectToRabbit(rabbit.url)
    const channel = await connection.createConfirmChannel()
    for (const n of upTo(2_000))
      channel.sendToQueue('events', body('amqp', n), { persistent: true, messageId: `m${n}` })
    await channel.waitForConfirms()
    await connection.close()
    await killEverything(ingest(), rabbit)
    const last = under.start(ingest())
    await under.house.until(async () => (await stored('amqp')).length >= 2_000, 60_000)
    await last.stop()
    expect((await sequences('amqp')).toSorted((a, b) => a! - b!)).toEqual(upTo(2_000))
  })

  test('a message without an id, or that is invalid, is parked with its reason', { timeout: 60_000 }, async () => {
    const connection = await connectToRabbit(rabbit.url)
    const channel = await connection.createConfirmChannel()
    channel.sendToQueue('events', body('amqp beside', 1), { messageId: 'beside' })
    channel.sendToQueue('events', body('amqp beside', 2), {})
    channel.sendToQueue('events', Buffer.from('{"type":"call.endet","data":{}}'), { messageId: 'wrong' })
    await channel.waitForConfirms()
    const reader = under.start([...ingest(), '--json'])
    await under.house.until(async () => (await channel.checkQueue('events.parked')).messageCount === 2, 30_000)
    await reader.stop()
    expect(await stored('amqp beside')).toHaveLength(1)
    const reasons = []
    for (let i = 0; i < 2; i++) {
      const message = await channel.get('events.parked', { noAck: true })
      if (message) reasons.push(message.properties.headers?.['x-sivo-error'])
    }
    expect(reasons).toEqual([expect.stringContaining('message id'), expect.stringContaining('call.endet')])
    await connection.close()
  })
})
