// Deliveries of one subject in their order, on a whole gateway with real receivers.

import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Viewer } from '../../../src/context.ts'
import { soonId } from '../../../src/database/filters/id-window.ts'
import { openConnection } from '../../../src/database/pools.ts'
import type { ReceivedRequest, Receiver, Reply } from '../../../src/dev/receiver.ts'
import { toPublicId } from '../../../src/domain/values/id.ts'
import { pauseEndpoint, resumeEndpoint } from '../../../src/gateway/admin/pause-endpoint.ts'
import { updateEndpoint } from '../../../src/gateway/admin/update-endpoint.ts'
import { claimLines } from '../../../src/gateway/deliver/claim-lines.ts'
import { expireDeliveries } from '../../../src/gateway/deliver/expire-deliveries.ts'
import { explainDelivery } from '../../../src/gateway/deliver/explain-delivery.ts'
import { dissolveLeftLines } from '../../../src/gateway/deliver/keep-lines.ts'
import { installSqlPublish } from '../../../src/gateway/publish/sql-publish.ts'
import { eraseEvents } from '../../../src/gateway/retention/erase-events.ts'
import { startBulkRetry } from '../../../src/gateway/retry/bulk-retry.ts'
import { startReplay } from '../../../src/gateway/retry/replay.ts'
import { cancelDelivery, retryDelivery } from '../../../src/gateway/retry/retry-delivery.ts'
import { moveLinesOn } from '../../../src/gateway/state/subject-lines.ts'
import { accessTo } from '../../support/database-session.ts'
import { exampleEvent, type House, openHouse } from '../../support/house.ts'

let house: House
let operator: Viewer
beforeAll(async () => {
  house = await openHouse({ SIVO_RETRY_SCHEDULE: '1s,30s,1m', SIVO_ORDER_HOLD: '3s' })
  const credential = { kind: 'key', id: house.app.ctx.newId() } as const
  operator = { role: 'OPERATOR', tenantId: null, name: 'Ana', expiresAt: null, credential }
})
afterAll(() => house.close())

type Told = { subject: string | null; sequence: number | null }
const told = ({ body }: ReceivedRequest): Told => JSON.parse(body.toString())
const nameOf = ({ subject, sequence }: Told) => `${subject} ${sequence}`
const event = (subject: string, sequence?: number) => ({ type: 'call.ended', subject, ...(sequence && { sequence }) })

/** An endpoint that keeps order, its receiver, and what the receiver got. `answer` is asked for each request. */
async function ordered(
  answer: (told: Told) => number | Reply | Promise<number | Reply> = () => 200,
  fields: object = {},
) {
  const receiver = await house.receiver()
  const got: string[] = []
  receiver.answer((request) => {
    got.push(nameOf(told(request)))
    return answer(told(request))
  })
  const tenantId = await house.addTenant()
  const { id } = await house.addEndpoint(receiver.url('/'), { tenantId, ordering: 'SUBJECT', ...fields })
  const publish = (...events: object[]) => house.publishFor(tenantId, ...events)
  return { receiver, got, tenantId, id, publish, rows: () => house.deliveries({ endpointId: id }) }
}
const until = (receiver: Receiver, count: number, timeoutMs = 20_000) =>
  receiver.until((requests) => requests.length >= count, { timeoutMs })

describe('an endpoint that keeps the order of subjects', () => {
  test('gets the deliveries of a subject by sequence, then by acceptance, one at a time, and other subjects beside it', async () => {
    const inTheAir = new Map<string, number>()
    let mostOfOne = 0
    let mostOfAll = 0
    const { receiver, got, publish, id } = await ordered(async ({ subject }) => {
      const name = subject!
      inTheAir.set(name, (inTheAir.get(name) ?? 0) + 1)
      mostOfOne = Math.max(mostOfOne, inTheAir.get(name)!)
      mostOfAll = Math.max(
        mostOfAll,
        [...inTheAir.values()].reduce((a, b) => a + b, 0),
      )
      await new Promise((resolve) => setTimeout(resolve, 20))
      inTheAir.set(name, inTheAir.get(name)! - 1)
      return 200
    })
    const sequences = [7, 3, 1, 9, 2, 8]
    const subjects = ['a', 'b', 'c', 'd']
    await house.app.ctx.db.endpoint.update({ where: { id }, data: { status: 'PAUSED' } })
    await publish(...sequences.flatMap((sequence) => subjects.map((subject) => event(subject, sequence))))
    await publish(...subjects.flatMap((subject) => [event(subject), event(subject)]))
    await house.app.ctx.db.endpoint.update({ where: { id }, data: { status: 'ACTIVE' } })
    await publish(event('e', 1))
    await until(receiver, 33)
    for (const subject of subjects)
      expect(got.filter((name) => name.startsWith(subject))).toEqual(
        [1, 2, 3, 7, 8, 9, null, null].map((sequence) => `${subject} ${sequence}`),
      )
    expect(mostOfOne).toBe(1)
    expect(mostOfAll).toBeGreaterThan(1)
  })

  test.each([undefined, 7])('keeps the order of acceptance over many calls with the sequence %s', async (sequence) => {
    const { receiver, publish, rows } = await ordered()
    const ids: string[] = []
    for (let call = 0; call < 30; call++) {
      const stored = await publish(event('call_1', sequence), event('call_1', sequence))
      ids.push(...stored.map((each) => toPublicId('event', each.id)))
    }
    await until(receiver, 60)
    expect(receiver.requests.map(({ headers }) => headers['x-sivo-event-id'])).toEqual(ids)
    await house.until(async () => (await rows()).every(({ status }) => status === 'SUCCEEDED'))
  })

  test('holds a subject whose delivery fails, never another one, and lets it go on when the hold ends', async () => {
    const { receiver, got, publish, rows, id, tenantId } = await ordered(({ subject, sequence }) =>
      subject === 'bad' && sequence === 1 ? 503 : 200,
    )
    const began = Date.now()
    const [, second] = await publish(event('bad', 1), event('bad', 2), event('good', 1), event('good', 2))
    await until(receiver, 3)
    await house.until(async () => (await rows()).filter(({ status }) => status === 'SUCCEEDED').length === 2)
    const [first, waiting] = await rows()
    expect(waiting).toMatchObject({ status: 'PENDING', reason: 'waits_for_subject', nextAttemptAt: null })
    const ids = { eventId: second!.id, endpointId: id, reach: tenantId }
    expect(await explainDelivery(house.app.ctx, ids, { namesHosts: false })).toMatchObject({
      reason: 'waits_for_subject',
      ahead: { count: 1 },
    })
    await house.until(async () => got.includes('bad 2'), 12_000)
    expect(Date.now() - began).toBeGreaterThan(3_000)
    // It failed at once and after a second, and goes on by itself.
    const now = await house.app.ctx.db.delivery.findUniqueOrThrow({ where: { id: first!.id } })
    expect(now).toMatchObject({ status: 'PENDING', reason: 'subject_released', attemptCount: 2 })
    expect(now.nextAttemptAt).not.toBeNull()
    await publish(event('bad', 3))
    await house.until(async () => got.includes('bad 3'))
    expect(got.filter((name) => name.startsWith('bad'))).toEqual(['bad 1', 'bad 1', 'bad 2', 'bad 3'])
  })

  test('goes on with a subject when the delivery before is retried with success, becomes a dead letter or is cancelled', async () => {
    const failures = new Map([
      ['retried', 1],
      ['dead', 9],
      ['cancelled', 9],
    ])
    const { got, publish, rows, tenantId } = await ordered(({ subject, sequence }) => {
      const left = failures.get(subject!) ?? 0
      if (sequence !== 1 || left === 0) return 200
      failures.set(subject!, left - 1)
      return 503
    })
    const subjects = [...failures.keys()]
    await publish(...subjects.flatMap((subject) => [event(subject, 1), event(subject, 2)]))
    await house.until(async () => subjects.every((subject) => got.includes(`${subject} 1`)))
    const of = async (subject: string) => (await rows()).find((row) => row.subject === subject)!
    await house.until(async () => (await of('dead')).attemptCount === 1)
    await house.app.ctx.db.delivery.update({ where: { id: (await of('dead')).id }, data: { maxAttempts: 2 } })
    await house.until(async () => (await of('cancelled')).attemptCount === 1)
    await cancelDelivery(house.app.ctx, { deliveryId: (await of('cancelled')).id, tenantId })
    await house.until(async () => subjects.every((subject) => got.includes(`${subject} 2`)), 15_000)
    expect(got.filter((name) => name.startsWith('retried'))).toEqual(['retried 1', 'retried 1', 'retried 2'])
    expect((await of('dead')).status).toBe('DEAD_LETTERED')
  })

  test('sends events without a subject at once, and keeps the order of what sivo.publish stores', async () => {
    const { got, publish, tenantId, receiver } = await ordered()
    await publish({ type: 'call.ended' }, { type: 'call.ended' })
    await until(receiver, 2)
    const owner = await openConnection(accessTo(house.database.url), 'start')
    await installSqlPublish(owner, { maxAttempts: 7 })
    await owner.end()
    const client = new pg.Client({ connectionString: house.database.url })
    await client.connect()
    await client.query('begin')
    for (const sequence of [3, 1, 2])
      await client.query('select sivo.publish($1, $2, $3, subject => $4, sequence => $5)', [
        toPublicId('tenant', tenantId),
        'call.ended',
        JSON.stringify(exampleEvent({ type: 'call.ended' }).data),
        'sql',
        sequence,
      ])
    await client.query('commit')
    await client.end()
    await until(receiver, 5)
    expect(got.slice(2)).toEqual(['sql 1', 'sql 2', 'sql 3'])
  })

  test('gets a delivery again whose process died, before the next one of its subject', async () => {
    const { receiver, got, publish, rows, id } = await ordered()
    const { db } = house.app.ctx
    await db.endpoint.update({ where: { id }, data: { status: 'PAUSED' } })
    await publish(event('call', 1), event('call', 2))
    const dead = await db.workerProcess.create({
      data: {
        id: house.app.ctx.newId(),
        instance: house.app.ctx.newId(),
        role: 'worker',
        host: 'gone',
        version: '1',
        poolIds: [],
        diedAt: new Date(),
      },
    })
    const [first] = await rows()
    await db.delivery.update({
      where: { id: first!.id },
      data: {
        nextAttemptAt: new Date(),
        reason: null,
        leaseToken: house.app.ctx.newId(),
        leaseBy: dead.id,
        leaseUntil: new Date(Date.now() + 60_000),
      },
    })
    await db.endpoint.update({ where: { id }, data: { status: 'ACTIVE' } })
    await until(receiver, 2)
    expect(got).toEqual(['call 1', 'call 2'])
  })

  test('gets an event with a lower sequence first, also if a limit holds the other one already', async () => {
    const { promise: answered, resolve: answer } = Promise.withResolvers<void>()
    const { receiver, got, publish, rows } = await ordered(
      async ({ subject }) => {
        if (subject === 'busy') await answered
        return 200
      },
      { maxInFlight: 1 },
    )
    await publish(event('busy', 1), event('a', 3))
    await until(receiver, 1)
    // It has left its line.
    expect((await rows())[1]!.nextAttemptAt).not.toBeNull()
    await publish(event('a', 2), event('a', 1))
    answer()
    await until(receiver, 4)
    expect(got).toEqual(['busy 1', 'a 1', 'a 2', 'a 3'])
  })
})

describe('switching the ordering', () => {
  test('on puts what waits into lines, and off lets all of it go', async () => {
    const { receiver, got, publish, rows, id } = await ordered(() => 200, { ordering: 'NONE', status: 'PAUSED' })
    const change = (ordering: 'NONE' | 'SUBJECT') =>
      updateEndpoint(house.app.ctx, operator, { endpointId: id, input: { ordering } })
    await publish(event('a', 2), event('a', 1), event('b', 1), { type: 'call.ended' })
    await change('SUBJECT')
    expect((await rows()).map(({ reason, linePosition }) => [reason, linePosition])).toEqual([
      ['waits_for_subject', 2],
      ['waits_for_subject', 1],
      ['waits_for_subject', 1],
      [null, null],
    ])
    await resumeEndpoint(house.app.ctx, operator, { endpointId: id })
    await until(receiver, 4)
    expect(got.filter((name) => name.startsWith('a'))).toEqual(['a 1', 'a 2'])

    await pauseEndpoint(house.app.ctx, operator, { endpointId: id })
    await publish(event('a', 4), event('a', 3))
    await change('NONE')
    expect(await rows()).toMatchObject([{}, {}, {}, {}, { reason: null }, { reason: null }])
    await resumeEndpoint(house.app.ctx, operator, { endpointId: id })
    await until(receiver, 6)
  })

  test('a narrowed filter cancels what waits in a line, and the line goes on', async () => {
    const { receiver, got, publish, rows, id } = await ordered(() => 200, { status: 'PAUSED' })
    await publish(event('a', 1), { ...event('a', 2), type: 'call.created' }, event('a', 3))
    await updateEndpoint(house.app.ctx, operator, {
      endpointId: id,
      input: { eventTypes: ['call.ended'] },
      unwanted: 'CANCEL_ALL',
    })
    expect((await rows()).map(({ status }) => status)).toEqual(['PENDING', 'CANCELLED', 'PENDING'])
    await resumeEndpoint(house.app.ctx, operator, { endpointId: id })
    await until(receiver, 2)
    expect(got).toEqual(['a 1', 'a 3'])
  })

  test('off does not leave behind what a publish stored that began before it', async () => {
    const { receiver, publish, id } = await ordered(() => 200, { status: 'PAUSED' })
    const { db, hot } = house.app.ctx
    await publish(event('late', 1), event('late', 2))
    await db.endpoint.update({ where: { id }, data: { ordering: 'NONE', status: 'ACTIVE' } })
    await dissolveLeftLines(hot)
    await until(receiver, 2)
    expect(await db.$queryRaw`select 1 from subject_wake_up where endpoint_id = ${id}::uuid`).toEqual([])
  })
})

/** What a person or a round does while deliveries of the call wait in its line, and what the receiver gets then. */
const WHAT_HAPPENS: readonly {
  readonly what: string
  /** The events of the call by their sequences, in the order in which they are published. */
  readonly events: readonly (number | { readonly sequence: number; readonly ttlSeconds: number })[]
  readonly act: (of: Awaited<ReturnType<typeof ordered>>) => Promise<unknown>
  readonly gets: readonly string[]
}[] = [
  {
    what: 'a cancellation of the first one',
    events: [1, 2, 3],
    act: async ({ rows, tenantId }) => cancelDelivery(house.app.ctx, { deliveryId: (await rows())[0]!.id, tenantId }),
    gets: ['call 2', 'call 3'],
  },
  {
    what: 'a cancellation of one in the middle',
    events: [1, 2, 3],
    act: async ({ rows, tenantId }) => cancelDelivery(house.app.ctx, { deliveryId: (await rows())[1]!.id, tenantId }),
    gets: ['call 1', 'call 3'],
  },
  {
    what: 'the end of the time in which the first one is of use',
    events: [{ sequence: 1, ttlSeconds: 1 }, 2, 3],
    act: async () => {
      await new Promise((resolve) => setTimeout(resolve, 1_050))
      await expireDeliveries(house.app.ctx.hot)
    },
    gets: ['call 2', 'call 3'],
  },
  {
    what: 'the end of that time before a round has noted it',
    events: [{ sequence: 1, ttlSeconds: 1 }, 2],
    act: () => new Promise((resolve) => setTimeout(resolve, 1_050)),
    gets: ['call 2'],
  },
  {
    what: 'the erasure of another subject',
    events: [1, 2],
    act: async ({ publish, tenantId }) => {
      await publish(event('other', 1), event('other', 2))
      await eraseEvents(house.app.ctx, operator, { tenantId, subject: 'other' })
    },
    gets: ['call 1', 'call 2'],
  },
  {
    what: 'the erasure of the subject, and later events of it',
    events: [1, 2],
    act: async ({ publish, tenantId }) => {
      await eraseEvents(house.app.ctx, operator, { tenantId, subject: 'call' })
      await publish(event('call', 4), event('call', 3))
    },
    gets: ['call 3', 'call 4'],
  },
  {
    what: 'two switches of the ordering',
    events: [3, 1, 2],
    act: async ({ id }) => {
      for (const ordering of ['NONE', 'SUBJECT'] as const)
        await updateEndpoint(house.app.ctx, operator, { endpointId: id, input: { ordering } })
    },
    gets: ['call 1', 'call 2', 'call 3'],
  },
  {
    what: 'a limit for the requests in flight',
    events: [3, 1, 2],
    act: ({ id }) => updateEndpoint(house.app.ctx, operator, { endpointId: id, input: { maxInFlight: 2 } }),
    gets: ['call 1', 'call 2', 'call 3'],
  },
  {
    what: 'a limit for the requests in a second',
    events: [3, 1, 2],
    act: ({ id }) => updateEndpoint(house.app.ctx, operator, { endpointId: id, input: { rateLimitPerSecond: 20 } }),
    gets: ['call 1', 'call 2', 'call 3'],
  },
]

describe('what waits in a line', () => {
  test.each(WHAT_HAPPENS)('goes on in its order after $what', async ({ events, act, gets }) => {
    const story = await ordered(() => 200, { status: 'PAUSED' })
    await story.publish(
      ...events.map((each) => (typeof each === 'number' ? event('call', each) : { ...event('call'), ...each })),
    )
    await act(story)
    await resumeEndpoint(house.app.ctx, operator, { endpointId: story.id })
    await until(story.receiver, gets.length)
    await house.until(async () =>
      (await story.rows()).every(({ status, expiresAt }) => status !== 'PENDING' || expiresAt !== null),
    )
    expect(story.got).toEqual(gets)
  })
})

test.each([
  ['was cancelled', `status = 'CANCELLED', reason = 'cancelled_by_user', next_attempt_at = null`],
  ['left its line', `line_position = null`],
])('a delivery that %s while an earlier one came before it stays so', async (_, change) => {
  const { publish, rows, id } = await ordered(() => 200, { status: 'PAUSED' })
  const { hot, clock, db } = house.app.ctx
  await publish(event('a', 3), event('a', 1))
  const [later] = await rows()
  await db.delivery.update({ where: { id: later!.id }, data: { nextAttemptAt: clock.now(), reason: null } })
  const changing = await hot.pool.connect()
  await changing.query('begin')
  await changing.query(`update delivery set ${change} where id = '${later!.id}'`)
  const moving = hot.transaction((tx) => moveLinesOn(tx, [id], soonId(clock.now())))
  const waits = `select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock' and query like '%asked as materialized%'`
  await house.until(async () => (await hot.pool.query(waits)).rows.length > 0)
  await changing.query('commit')
  changing.release()
  await moving
  const [after, earlier] = await rows()
  expect(earlier).toMatchObject({ status: 'PENDING', reason: null, nextAttemptAt: expect.any(Date) })
  expect(after!.reason).not.toBe('waits_for_subject')
})

describe('what is sent again', () => {
  const NOTHING = { eventTypes: null, subject: null, test: null } as const
  const AN_HOUR_AGO = new Date(Date.now() - 3_600_000)

  /** An endpoint whose deliveries of two calls are dead letters, and whose receiver works now. */
  async function dead() {
    let works = false
    const story = await ordered(() => (works ? 200 : 503), { status: 'PAUSED' })
    await story.publish(event('a', 2), event('b', 1), event('a', 3), event('a', 1))
    await house.app.ctx.db.delivery.updateMany({ where: { endpointId: story.id }, data: { maxAttempts: 1 } })
    await resumeEndpoint(house.app.ctx, operator, { endpointId: story.id })
    await house.until(async () => (await story.rows()).every(({ status }) => status === 'DEAD_LETTERED'))
    story.got.length = 0
    works = true
    return story
  }
  const a = (got: readonly string[]) => got.filter((name) => name.startsWith('a'))

  test('what a bulk retry sends goes by sequence, one at a time', async () => {
    const { receiver, got, tenantId, rows } = await dead()
    const filter = {
      ...NOTHING,
      tenantId,
      endpointIds: null,
      statuses: null,
      reasons: null,
      statusCodes: null,
      errorCodes: null,
    }
    await startBulkRetry(house.app.ctx, operator, {
      filter: { ...filter, eventId: null, retried: null, from: null, to: null },
      maxPerSecond: null,
    })
    await until(receiver, 8)
    expect(a(got)).toEqual(['a 1', 'a 2', 'a 3'])
    await house.until(async () => (await rows()).every(({ status }) => status === 'SUCCEEDED'))
  })

  test('what a replay sends goes by sequence, also to an endpoint that got none of it', async () => {
    const { tenantId } = await dead()
    const receiver = await house.receiver()
    const { id } = await house.addEndpoint(receiver.url('/'), { tenantId, ordering: 'SUBJECT' })
    const replay = () =>
      startReplay(house.app.ctx, operator, {
        filter: { ...NOTHING, tenantId, search: null, undeliveredTo: null, from: AN_HOUR_AGO, to: null },
        scope: { endpointId: id, includeDelivered: true, includeUnmatched: false },
        maxPerSecond: null,
        idempotencyKey: null,
      })
    for (const count of [4, 8]) {
      await replay()
      await until(receiver, count)
      const got = receiver.requests.slice(count - 4).map((request) => nameOf(told(request)))
      expect(a(got)).toEqual(['a 1', 'a 2', 'a 3'])
      await house.until(async () =>
        (await house.deliveries({ endpointId: id })).every(({ status }) => status === 'SUCCEEDED'),
      )
    }
  })

  test('what a person retries goes at once, also from the middle of a line that is held', async () => {
    const { got, publish, rows, tenantId } = await ordered(({ sequence }) => (sequence === 1 ? 503 : 200))
    await publish(event('call', 1), event('call', 2), event('call', 3))
    await house.until(async () => (await rows())[0]!.attemptCount === 1)
    await retryDelivery(house.app.ctx, { deliveryId: (await rows())[2]!.id, tenantId, resend: false })
    await house.until(async () => got.includes('call 3'))
    expect(got).not.toContain('call 2')
  })
})

test('a look at the lines of subjects opens no partition of a coming week', async () => {
  const { id } = await ordered()
  const { pool } = house.app.ctx.hot
  const plan: string[] = []
  const planned = {
    async query<Row>({ text }: { text: string }, values: unknown[]): Promise<Row[]> {
      const { rows } = await pool.query(`explain (costs off) ${text}`, values)
      plan.push(...rows.map((row) => row['QUERY PLAN']))
      return []
    },
  }
  const now = new Date()
  const lease = { token: house.app.ctx.newId(), processId: house.app.ctx.newId(), now }
  await claimLines(planned, [{ endpointId: id, test: false, slots: 20, low: null }], lease)
  await moveLinesOn(planned, [id], soonId(now))
  const soon = new Date(now.getTime() + 8 * 86_400_000).toISOString().slice(0, 10).replaceAll('-', '')
  const ends = plan.flatMap((line) => /using delivery_until_(\d+)_endpoint_id_subject/.exec(line)?.[1] ?? [])
  // Four looks: at what waits and at what moves, in both statements.
  expect(ends.length).toBeGreaterThanOrEqual(4)
  expect(ends.filter((end) => end > soon)).toEqual([])
})

describe('many at once', () => {
  test('two gateways keep the order of each subject, and send each delivery once', async () => {
    const { receiver, got, publish, rows } = await ordered()
    await house.openAnother({ SIVO_ROLE: 'worker' })
    const subjects = Array.from({ length: 12 }, (_, i) => `s${i}`)
    for (const round of [1, 4, 7])
      await publish(...[2, 0, 1].flatMap((n) => subjects.map((subject) => event(subject, round + n))))
    await until(receiver, 108, 20_000)
    await house.until(async () => (await rows()).every(({ status }) => status === 'SUCCEEDED'))
    expect(got).toHaveLength(108)
    for (const subject of subjects)
      expect(got.filter((name) => name.startsWith(`${subject} `))).toEqual(
        [1, 2, 3, 4, 5, 6, 7, 8, 9].map((sequence) => `${subject} ${sequence}`),
      )
  })

  test('switches of the ordering during traffic leave nothing behind and send nothing twice', async () => {
    const { got, publish, rows, id } = await ordered(async () => {
      await new Promise((resolve) => setTimeout(resolve, 5))
      return 200
    })
    const sent: string[] = []
    for (let round = 1; round <= 12; round++) {
      const events = ['a', 'b', 'c'].flatMap((subject) => [1, 2, 3].map((n) => event(subject, round * 10 + n)))
      sent.push(...events.map(({ subject, sequence }) => `${subject} ${sequence}`))
      await publish(...events)
      const ordering = round % 2 ? 'NONE' : 'SUBJECT'
      await updateEndpoint(house.app.ctx, operator, { endpointId: id, input: { ordering } })
    }
    await house.until(async () => (await rows()).every(({ status }) => status === 'SUCCEEDED'), 20_000)
    expect(got.toSorted()).toEqual(sent.toSorted())
  })
})
