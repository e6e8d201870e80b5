// Publishing while the database cannot take it: an id is given out after the commit or not at all, and the same
// idempotency key gives the same event, whatever was heard of the first try.

import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import { freePort } from '../../src/dev/free-port.ts'
import { toPublicId } from '../../src/domain/values/id.ts'
import { exampleEvent } from '../support/house.ts'
import { OPERATOR_KEY, openStage, raiseStage, type Stage } from './outage.ts'

// Starting processes takes as long as the machine has other things to do.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 })

const PUBLISH = `mutation ($input: PublishEventsInput!) {
  publishEvents(input: $input) { __typename ... on PublishEventsSuccess { events { id duplicate deliveryCount } } }
}`

type Published = { id: string; duplicate: boolean; deliveryCount: number }
type Answer = {
  status: number
  code: string | undefined
  message: string | undefined
  retryAfter: string | null
  events: Published[] | undefined
}

/** One publish over HTTP; rejects when the connection is lost. */
async function publish(stage: Stage, port: number, ...keys: string[]): Promise<Answer> {
  const events = keys.map((idempotencyKey) => ({ ...exampleEvent({ type: 'call.ended' }), idempotencyKey }))
  const reply = await fetch(`http://127.0.0.1:${port}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${OPERATOR_KEY}` },
    body: JSON.stringify({
      query: PUBLISH,
      variables: { input: { tenantId: toPublicId('tenant', stage.tenantId), events } },
    }),
  })
  const body = await reply.json()
  return {
    status: reply.status,
    code: body.errors?.[0]?.extensions?.code,
    message: body.errors?.[0]?.message,
    retryAfter: reply.headers.get('retry-after'),
    events: body.data?.publishEvents?.events,
  }
}

/** As a publisher does: the same key again until it is acknowledged. */
async function publishUntilAcknowledged(stage: Stage, port: number, ...keys: string[]): Promise<Published[]> {
  return stage.until(async () => (await publish(stage, port, ...keys)).events ?? null)
}

const counts = async (stage: Stage) => {
  const [row] = await stage.query<{ events: number; deliveries: number }>(
    'select (select count(*)::int from event) as events, (select count(*)::int from delivery) as deliveries',
  )
  return row
}

describe('an outage of the database', () => {
  test('an outage of the database refuses a publish with a retryable error and no id; later the same key gives one event', async () => {
    const stage = await openStage({ ownPostgres: true })
    const receiver = await stage.receiver()
    await stage.addEndpoint(receiver.url('/crm'))
    const port = await freePort()
    const gateway = await stage.start('all', { port })
    await publishUntilAcknowledged(stage, port, 'before')

    await stage.postgres!.down('immediate')
    const refused = await publish(stage, port, 'during')
    expect(refused).toMatchObject({ status: 503, code: 'SERVICE_UNAVAILABLE', events: undefined })
    expect(Number(refused.retryAfter)).toBeGreaterThan(0)
    // Publishers that go on trying while it comes back.
    const keys = Array.from({ length: 40 }, (_, i) => `during-${i}`)
    const acknowledged = Promise.all(keys.map((key) => publishUntilAcknowledged(stage, port, key)))
    await stage.postgres!.up()
    const [during] = await publishUntilAcknowledged(stage, port, 'during')
    const ids = (await acknowledged).map(([event]) => event!.id)

    expect(await publish(stage, port, 'during')).toMatchObject({ events: [{ id: during!.id, duplicate: true }] })
    expect(await counts(stage)).toEqual({ events: 42, deliveries: 42 })
    // A delivery that was leased by a commit whose answer was lost goes out when its lease ends, after 20 s.
    const requests = await receiver.until((all) => all.length >= 42, { timeoutMs: 30_000 })
    const received = requests.map(({ headers }) => headers['x-sivo-event-id'])
    expect(new Set(received)).toEqual(new Set([...received, during!.id, ...ids]))
    expect(gateway.unexpectedEnds).toEqual([])
  }, 90_000)

  describe('an error with which the database refuses a row', () => {
    let stage: Stage
    let close: () => Promise<void>
    let port: number

    beforeAll(async () => {
      ;({ stage, close } = await raiseStage())
      port = await freePort()
      await stage.start('api', { port })
    })
    afterAll(() => close())

    test.each([
      ['a full disk', '53100', 'The disk of the database is full.'],
      ['a read-only database', '25006', 'The database takes no writes now.'],
      ['too many connections', '53300', 'The database has no connection free.'],
      ['a table that is held', '55P03', 'Another session, such as a change of a table, holds a table'],
    ])('%s refuses a publish without an id; later the same key is accepted', async (_, code, said) => {
      await stage.query(`create or replace function refuse_${code}() returns trigger language plpgsql as $$
        begin raise exception 'out of room' using errcode = '${code}'; end $$`)
      await stage.query(`create trigger refuse before insert on event for each row execute function refuse_${code}()`)
      onTestFinished(async () => void (await stage.query('drop trigger if exists refuse on event')))
      const before = await counts(stage)
      expect(await publish(stage, port, code)).toMatchObject({
        status: 503,
        code: 'SERVICE_UNAVAILABLE',
        events: undefined,
        message: expect.stringMatching(
          new RegExp(`^${said}.* Nothing was acknowledged, and no event was taken: ask again in a moment\\.$`),
        ),
      })
      expect(await counts(stage)).toEqual(before)
      await stage.query('drop trigger refuse on event')
      expect(await publish(stage, port, code)).toMatchObject({ events: [{ duplicate: false }] })
    })
  })
})

describe('a commit whose answer is lost', () => {
  // What the gateway sends to the database when it stores: with keys a transaction, without one statement.
  const isCommit = (chunk: Buffer) => chunk.includes('commit\0')

  test('a commit whose answer to the gateway is lost: the publish is answered all the same, with one event', async () => {
    const stage = await openStage()
    const receiver = await stage.receiver()
    await stage.addEndpoint(receiver.url('/crm'))
    const proxy = await stage.proxy()
    const port = await freePort()
    await stage.start('api', { port, through: proxy })
    let cuts = 0
    proxy.watch((chunk) => !isCommit(chunk) || ++cuts > 1)
    const { events } = await publish(stage, port, 'key')
    expect(cuts).toBeGreaterThan(0)
    expect(events).toMatchObject([{ duplicate: false, deliveryCount: 1 }])
    expect(await counts(stage)).toEqual({ events: 1, deliveries: 1 })
    expect(await publish(stage, port, 'key')).toMatchObject({ events: [{ id: events![0]!.id, duplicate: true }] })
  })

  test('an answer to the publisher that is lost: the same key gives the stored event, and its deliveries once', async () => {
    const stage = await openStage()
    const receiver = await stage.receiver()
    await stage.addEndpoint(receiver.url('/crm'))
    const proxy = await stage.proxy()
    const port = await freePort()
    const api = await stage.start('api', { port, through: proxy })
    let killed = false
    proxy.watch((chunk) => {
      if (killed || !isCommit(chunk)) return true
      killed = api.signal('SIGKILL')
      return true
    })
    await expect(publish(stage, port, 'key', 'other')).rejects.toThrow('fetch failed')
    await stage.until(async () => (await counts(stage))!.events === 2)
    const [first] = await stage.query<{ id: string }>(`select event_id as id from idempotency_key where key = 'key'`)
    const again = await publishUntilAcknowledged(stage, port, 'key', 'other')
    expect(again).toMatchObject([
      { id: toPublicId('event', first!.id), duplicate: true, deliveryCount: 1 },
      { duplicate: true, deliveryCount: 1 },
    ])
    expect(await counts(stage)).toEqual({ events: 2, deliveries: 2 })
  })
})
