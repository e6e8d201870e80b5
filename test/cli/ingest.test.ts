import { once } from 'node:events'
import { connect as connectTo, createServer } from 'node:net'
import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import { connect as connectToNats, headers } from '@nats-io/transport-node'
import { connect as connectToRabbit } from 'amqplib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { exampleEvent } from '../support/house.ts'
import { type Broker, isInstalled, startNats, startRabbit } from './brokers.ts'
import { openKillableGateway } from './gateway.ts'

let under: Awaited<ReturnType<typeof openKillableGateway>>
beforeAll(async () => {
  under = await openKillableGateway()
})
afterAll(() => under?.close())

const body = (subject: string, sequence: number) =>
  Buffer.from(JSON.stringify({ ...exampleEvent({ type: 'call.ended' }), subject, sequence }))
const stored = (subject: string) =>
  under.house.app.ctx.db.event.findMany({ where: { subject }, orderBy: { id: 'asc' } })
const sequences = async (subject: string) => (await stored(subject)).map(({ sequence }) => sequence)
const upTo = (count: number) => Array.from({ length: count }, (_, i) => i + 1)

type Killing = {
  readonly args: readonly string[]
  readonly broker: Broker
  /** Of the messages. */
  readonly subject: string
  /** Runs when the broker is back. */
  readonly afterwards: () => Promise<void>
}

/** Runs the command again and again, kills it, the gateway and the broker, each at another moment. */
async function killEverything({ args, broker, subject, afterwards }: Killing): Promise<void> {
  const count = () => under.house.app.ctx.db.event.count({ where: { subject } })
  for (let round = 0; round < 5; round++) {
    const before = await count()
    const reader = under.start(args)
    // It may first wait for what the one before it held. In the first two rounds there is more than it can take.
    if (round < 2) await under.house.until(async () => (await count()) > before, 30_000)
    await new Promise((resolve) => setTimeout(resolve, 150 * round))
    if (round === 1) {
      under.gateway.signal('SIGKILL')
      await under.gateway.ready(30_000)
    }
    if (round === 3) {
      await broker.kill()
      const early = under.start(args)
      await under.house.until(async () => early.stderr().includes('cannot be reached'), 30_000)
      reader.kill() // Two readers would share the messages, out of order.
      await broker.start()
      await afterwards()
      early.kill()
      await early.ended
    }
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
    await killEverything({
      args: ingest(),
      broker: nats,
      subject: 'nats',
      async afterwards() {
        const publish = async (from: number) => {
          const again = await connectToNats({ servers: nats.url })
          for (const n of upTo(100)) await jetstream(again).publish('events.calls', body('nats', from + n))
          await again.close()
          await under.house.until(async () => (await stored('nats')).length === from + 100, 30_000)
        }
        await publish(2_000)
        await nats.crash()
        await publish(2_100)
      },
    })
    const last = under.start(ingest())
    await last.stop()
    expect(await sequences('nats')).toEqual(upTo(2_200))
  })

  test('what a reader held when it died comes before what was published later', { timeout: 60_000 }, async () => {
    const connection = await connectToNats({ servers: nats.url })
    const client = jetstream(connection)
    await client.publish('events.calls', body('nats held', 1))
    const dead = await client.consumers.get('EVENTS', 'sivo')
    expect(await dead.next()).toMatchObject({ redelivered: false })
    for (const n of [2, 3]) await client.publish('events.calls', body('nats held', n))
    const reader = under.start(ingest())
    await under.house.until(async () => (await stored('nats held')).length === 3, 30_000)
    await reader.stop()
    expect(await sequences('nats held')).toEqual(upTo(3))
    await connection.close()
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

  test('what is not there, or not allowed, ends the command with one sentence', { timeout: 60_000 }, async () => {
    const ended = async (servers: string, stream: string, parking: string) => {
      const { code, stderr } = await under.run([
        'ingest',
        'nats',
        '--servers',
        servers,
        '--stream',
        stream,
        '--parking',
        parking,
      ])
      return { code, stderr: stderr.trim() }
    }
    expect(await ended(nats.url, 'NOTHING', 'parked.events')).toEqual({
      code: 2,
      stderr: 'Expected the JetStream stream NOTHING, found none there. Make it first, or name another one.',
    })
    expect(await ended(nats.url, 'EVENTS', 'kept.nowhere')).toEqual({
      code: 2,
      stderr: expect.stringContaining('Expected a stream that keeps the parking subject kept.nowhere, found none'),
    })
    const guarded = await startNats(['--user', 'reader', '--pass', 'p@ss'])
    try {
      const { host } = new URL(guarded.url)
      expect(await ended(`nats://reader:wrong@${host}`, 'EVENTS', 'parked.events')).toEqual({
        code: 77,
        stderr: expect.stringContaining('does not accept the user'),
      })
      // Let in, it looks for the stream.
      expect(await ended(`nats://reader:p%40ss@${host}`, 'EVENTS', 'parked.events')).toMatchObject({
        code: 2,
        stderr: expect.stringContaining('Expected the JetStream stream EVENTS'),
      })
    } finally {
      await guarded.stop()
    }
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
    await killEverything({
      args: ingest(),
      broker: rabbit,
      subject: 'amqp',
      async afterwards() {
        const again = await connectToRabbit(rabbit.url)
        const confirmed = await again.createConfirmChannel()
        for (const n of upTo(200))
          confirmed.sendToQueue('events', body('amqp', 2_000 + n), { persistent: true, messageId: `later ${n}` })
        await confirmed.waitForConfirms()
        await again.close()
        await under.house.until(async () => (await stored('amqp')).length === 2_200, 60_000)
      },
    })
    const last = under.start(ingest())
    await last.stop()
    expect((await sequences('amqp')).toSorted((a, b) => a! - b!)).toEqual(upTo(2_200))
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

  test('a connection that breaks while the queue is looked up is made again', { timeout: 60_000 }, async () => {
    const connection = await connectToRabbit(rabbit.url)
    const channel = await connection.createConfirmChannel()
    channel.sendToQueue('events', body('amqp broken', 1), { messageId: 'broken' })
    await channel.waitForConfirms()
    const proxy = await openBreakingProxy(Number(new URL(rabbit.url).port), QUEUE_DECLARE)
    const reader = under.start([
      'ingest',
      'amqp',
      '--broker',
      proxy.url,
      '--queue',
      'events',
      '--parking',
      'events.parked',
    ])
    await under.house.until(async () => (await stored('amqp broken')).length === 1, 30_000)
    const { code, stderr } = await reader.stop()
    expect(proxy.broken()).toBe(1)
    expect(code).toBe(0)
    expect(stderr).toContain('Trying again.')
    await proxy.close()
    await connection.close()
  })

  test('what is not there, or not allowed, ends the command with one sentence', { timeout: 60_000 }, async () => {
    const ended = async (broker: string, queue: string) => {
      const { code, stderr } = await under.run([
        'ingest',
        'amqp',
        '--broker',
        broker,
        '--queue',
        queue,
        '--parking',
        'events.parked',
      ])
      return { code, stderr: stderr.trim() }
    }
    expect(await ended(rabbit.url, 'nothing')).toEqual({
      code: 2,
      stderr: 'Expected the queue nothing, found none there. Declare it first, durable, or name another one.',
    })
    const { host } = new URL(rabbit.url)
    const wrong = await ended(`amqp://guest:wrong@${host}`, 'events')
    expect(wrong).toEqual({ code: 77, stderr: expect.stringContaining('does not accept the user or the password') })
    expect(wrong.stderr).not.toContain('wrong@')
    expect(await ended(`amqp://${host}/nowhere`, 'events')).toEqual({
      code: 2,
      stderr: expect.stringContaining('does not open the virtual host'),
    })
    expect(await ended(`http://${host}`, 'events')).toEqual({
      code: 2,
      stderr: expect.stringContaining('Expected a URL such as amqp://'),
    })
  })
})

/** Class and method of AMQP's queue.declare, as a frame carries them. */
const QUEUE_DECLARE = Buffer.from([0, 50, 0, 10])

/** Passes everything on, and breaks the first connection whose client sends these bytes. */
async function openBreakingProxy(port: number, at: Buffer) {
  let broken = 0
  const server = createServer((client) => {
    const broker = connectTo(port, '127.0.0.1')
    for (const [from, to] of [
      [client, broker],
      [broker, client],
    ] as const) {
      from.on('error', () => to.destroy())
      from.on('close', () => to.destroy())
    }
    broker.pipe(client)
    client.on('data', (chunk) => {
      if (broken === 0 && chunk.includes(at)) {
        broken++
        client.destroy()
      } else broker.write(chunk)
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `amqp://127.0.0.1:${(server.address() as { port: number }).port}`,
    broken: () => broken,
    close: () => new Promise<void>((resolve) => server.close(() => resolve())),
  }
}
