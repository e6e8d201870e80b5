import { createHmac } from 'node:crypto'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { ReceivedRequest, Receiver } from '../../../src/dev/receiver.ts'
import { makeSigningSecret } from '../../../src/domain/signing/secret.ts'
import { toPublicId } from '../../../src/domain/values/id.ts'
import { pauseEndpoint, resumeEndpoint } from '../../../src/gateway/admin/pause-endpoint.ts'
import { updateEndpoint } from '../../../src/gateway/admin/update-endpoint.ts'
import { retryDelivery } from '../../../src/gateway/retry/retry-delivery.ts'
import { sentUrl } from '../../../src/schema/delivery/attempt-headers.ts'
import { belongsToEndpoint } from '../../../src/vault.ts'
import { openBlackHole } from '../../support/black-hole.ts'
import { exampleEvent, type House, openHouse } from '../../support/house.ts'
import { operatorNamed } from '../../support/viewers.ts'

const operator = operatorNamed('Test')

let house: House
let receiver: Receiver
let paths = 0
beforeAll(async () => {
  house = await openHouse({ SIVO_ATTEMPT_TIMEOUT: '500ms', SIVO_RETRY_SCHEDULE: '300ms,1h' })
  receiver = await house.receiver()
})
afterEach(() => receiver.forget())
afterAll(() => house.close())

/** A tenant with one endpoint at a path of its own. */
async function endpointOf(fields: Parameters<House['addEndpoint']>[1] = {}) {
  const path = `/${paths++}`
  const tenantId = await house.addTenant()
  const endpoint = await house.addEndpoint(receiver.url(path), { tenantId, ...fields })
  return {
    ...endpoint,
    path,
    publish: (count = 1, data?: object) =>
      house.publishFor(tenantId, ...Array.from({ length: count }, () => (data ? { data } : {}))),
    requests: () => receiver.requests.filter((request) => request.path === path),
    deliveries: (where = {}) => house.deliveries({ tenantId, ...where }),
    attempts: () =>
      house.app.ctx.db.attempt.findMany({
        where: { tenantId },
        orderBy: { id: 'asc' },
        include: { requestForm: true },
      }),
    untilRequests: (count: number, timeoutMs = 20_000) =>
      receiver.until((all) => all.filter((request) => request.path === path).length >= count, { timeoutMs }),
    untilStatus: (status: string, count = 1, timeoutMs = 20_000) =>
      house.until(
        async () =>
          (await house.app.ctx.db.delivery.count({ where: { tenantId, status: status as 'PENDING' } })) === count,
        timeoutMs,
      ),
  }
}

describe('a broken server delays no other tenant', () => {
  let isolated: House
  beforeAll(async () => {
    isolated = await openHouse({ SIVO_ATTEMPT_TIMEOUT: '3s' })
  })
  afterAll(() => isolated.close())

  /** Publishes one event after the other for a healthy tenant; returns how long each took to arrive, in ms. */
  async function healthyLatencies(count: number): Promise<number[]> {
    const healthy = await isolated.receiver()
    const tenantId = await isolated.addTenant()
    await isolated.addEndpoint(healthy.url('/'), { tenantId })
    const published = new Map<string, number>()
    for (let i = 0; i < count; i++) {
      const at = Date.now()
      await isolated.publishFor(tenantId, { subject: `s${i}` })
      published.set(`s${i}`, at)
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
    const requests = await healthy.until((all) => all.length === count)
    return requests
      .map(({ body, receivedAt }) => receivedAt.getTime() - published.get(JSON.parse(String(body)).subject)!)
      .sort((a, b) => a - b)
  }

  test('a healthy tenant keeps its pace beside a flood and beside a hanging endpoint with 400 deliveries', async () => {
    const hole = await openBlackHole()
    const flooded = await isolated.receiver({ keep: 10 })
    const [hanging, flooding] = [await isolated.addTenant(), await isolated.addTenant()]
    await isolated.addEndpoint(`https://127.0.0.1:${hole.port}/`, { tenantId: hanging })
    await isolated.addEndpoint(flooded.url('/'), { tenantId: flooding })
    await isolated.publishFor(hanging, ...Array(400).fill({}))
    const flood = Promise.all(Array.from({ length: 8 }, () => isolated.publishFor(flooding, ...Array(400).fill({}))))

    const latencies = await healthyLatencies(100)
    expect(latencies).toHaveLength(100)
    expect(latencies[50]).toBeLessThan(500)
    expect(latencies[98]).toBeLessThan(2_000)
    await flood
    expect(await isolated.app.ctx.db.delivery.count({ where: { tenantId: hanging, status: 'PENDING' } })).toBe(400)
    await isolated.until(async () => flooded.requestCount >= 3_200, 20_000)
    await hole.close()
  })

  test('400 hanging endpoints of one tenant use at most half of the process', async () => {
    const hole = await openBlackHole()
    const tenantId = await isolated.addTenant()
    await Promise.all(
      Array.from({ length: 400 }, () => isolated.addEndpoint(`https://127.0.0.1:${hole.port}/`, { tenantId })),
    )
    await isolated.publishFor(tenantId, ...Array(10).fill({}))
    await isolated.until(async () => isolated.app.lanes!.stats().inTheAir >= 200)
    let most = 0
    const watch = setInterval(() => {
      most = Math.max(most, isolated.app.lanes!.stats().inTheAir)
    }, 5)
    const latencies = await healthyLatencies(50)
    clearInterval(watch)
    expect(latencies[49]).toBeLessThan(2_000)
    // Half of 512 for the tenant, and what the healthy one has out.
    expect(most).toBeLessThanOrEqual(256 + 20 + 20)
    await hole.close()
  })
})

describe('the limits of an endpoint hold over all processes together', () => {
  test('maxInFlight is used in full and never exceeded', async () => {
    let inFlight = 0
    let most = 0
    const endpoint = await endpointOf({ maxInFlight: 3 })
    receiver.answerAt(endpoint.path, async () => {
      most = Math.max(most, ++inFlight)
      await new Promise((resolve) => setTimeout(resolve, 30))
      inFlight--
      return 200
    })
    const other = await house.openAnother()
    const startedAt = performance.now()
    await endpoint.publish(90)
    for (const app of [house.app, other]) app.lanes!.wake({ endpointId: endpoint.id })
    await endpoint.untilStatus('SUCCEEDED', 90, 20_000)
    expect(most).toBe(3)
    // 90 of 30 ms, three at a time, are 900 ms: a freed slot is taken soon.
    expect(performance.now() - startedAt).toBeLessThan(5_000)
    const attempts = await endpoint.attempts()
    expect(attempts).toHaveLength(90)
    await other.close(1_000)
  })

  test('rateLimitPerSecond holds in every second', async () => {
    const rate = 20
    const endpoint = await endpointOf({ rateLimitPerSecond: rate })
    const other = await house.openAnother()
    await endpoint.publish(60)
    for (const app of [house.app, other]) app.lanes!.wake({ endpointId: endpoint.id })
    await endpoint.untilStatus('SUCCEEDED', 60, 20_000)
    const times = (await endpoint.attempts()).map(({ startedAt }) => startedAt.getTime()).sort((a, b) => a - b)
    expect(times).toHaveLength(60)
    for (const from of times) {
      const within = times.filter((time) => time >= from && time < from + 1_000).length
      expect(within).toBeLessThanOrEqual(rate * 1.05 + 1)
    }
    // It is a limit, not a lead weight: 60 at 20 a second are 3 s.
    expect(times.at(-1)! - times[0]!).toBeLessThan(5_000)
    await other.close(1_000)
  })

  test('an endpoint with a limit and nothing due causes no claims', async () => {
    const endpoint = await endpointOf({ rateLimitPerSecond: 1_000, maxInFlight: 5 })
    await endpoint.publish(3)
    await endpoint.untilStatus('SUCCEEDED', 3)
    const resting = { lanes: 0, inTheAir: 0, hungry: 0 }
    await house.until(async () => JSON.stringify(house.app.lanes!.stats()) === JSON.stringify(resting))
    for (let i = 0; i < 50; i++) {
      await new Promise((resolve) => setTimeout(resolve, 5))
      expect(house.app.lanes!.stats()).toEqual(resting)
    }
  })

  test('a limit that was removed no longer holds', async () => {
    const endpoint = await endpointOf({ maxInFlight: 1 })
    receiver.answerAt(endpoint.path, { status: 200, delayMs: 200 })
    await endpoint.publish(40)
    await endpoint.untilRequests(1)
    await updateEndpoint(house.app.ctx, operator, { endpointId: endpoint.id, input: { maxInFlight: null } })
    // One at a time would take 8 s.
    await endpoint.untilStatus('SUCCEEDED', 40, 5_000)
  })

  test('30 endpoints with limits are claimed together by two processes without a deadlock', async () => {
    const other = await house.openAnother()
    const tenantId = await house.addTenant()
    const ids = await Promise.all(
      Array.from(
        { length: 30 },
        async () => (await house.addEndpoint(receiver.url('/many'), { tenantId, maxInFlight: 2 })).id,
      ),
    )
    await house.publishFor(tenantId, {}, {}, {})
    ids.forEach((endpointId, i) => {
      house.app.lanes!.wake({ endpointId })
      other.lanes!.wake({ endpointId: ids[ids.length - 1 - i]! })
    })
    await house.until(
      async () => (await house.app.ctx.db.delivery.count({ where: { tenantId, status: 'SUCCEEDED' } })) === 90,
    )
    const [row] = await house.app.ctx.db.$queryRaw<{ deadlocks: number }[]>`
      select deadlocks::int from pg_stat_database where datname = current_database()`
    expect(row!.deadlocks).toBe(0)
    await other.close(1_000)
  })
})

describe('a change of an endpoint', () => {
  test('a change of an endpoint’s URL or secret applies from the next attempt on', async () => {
    const endpoint = await endpointOf()
    receiver.answerAt(endpoint.path, async () => {
      const { db, vault } = house.app.ctx
      const next = makeSigningSecret((size) => Buffer.alloc(size, 9))
      await db.endpoint.update({ where: { id: endpoint.id }, data: { url: receiver.url(`${endpoint.path}/moved`) } })
      await db.signingSecret.create({
        data: {
          tenantId: endpoint.tenantId,
          endpointId: endpoint.id,
          sealed: new Uint8Array(vault.seal(next, belongsToEndpoint(endpoint.tenantId, endpoint.id))),
          hint: 'hint',
          activeFrom: new Date(1_000),
        },
      })
      return 500
    })
    await endpoint.publish()
    const moved = (request: ReceivedRequest) => request.path === `${endpoint.path}/moved`
    const [first, second] = await receiver
      .until((all) => all.some(moved))
      .then((all) => [endpoint.requests()[0]!, all.find(moved)!])
    const signedWith = (request: ReceivedRequest, secret: string) =>
      request.headers['x-sivo-signature'] ===
      `sha256=${createHmac('sha256', secret).update(request.body).digest('hex')}`
    expect(signedWith(first!, endpoint.secret)).toBe(true)
    expect(signedWith(second!, endpoint.secret)).toBe(false)
    expect(
      signedWith(
        second!,
        makeSigningSecret((size) => Buffer.alloc(size, 9)),
      ),
    ).toBe(true)
    expect(second!.body).toEqual(first!.body)
    await endpoint.untilStatus('SUCCEEDED')
    expect((await endpoint.attempts()).map(sentUrl)).toEqual([
      receiver.url(endpoint.path),
      receiver.url(`${endpoint.path}/moved`),
    ])
  })

  test('pausing an endpoint records the attempts in the air and holds the rest; after a resume all of it goes out', async () => {
    const endpoint = await endpointOf()
    receiver.answerAt(endpoint.path, { status: 200, delayMs: 150 })
    await endpoint.publish(50)
    await endpoint.untilRequests(1)
    await pauseEndpoint(house.app.ctx, operator, { endpointId: endpoint.id })
    await house.until(async () => (await endpoint.deliveries({ NOT: { leaseToken: null } })).length === 0)
    const sent = endpoint.requests().length
    expect(sent).toBeLessThan(50)
    await endpoint.untilStatus('SUCCEEDED', sent)
    await endpoint.publish(5)
    // Held for a day: far before anything the lane has claimed.
    await house.app.ctx.db.delivery.updateMany({
      where: { endpointId: endpoint.id, status: 'PENDING' },
      data: { nextAttemptAt: new Date(Date.now() - 86_400_000) },
    })
    expect(endpoint.requests()).toHaveLength(sent)
    receiver.answerAt(endpoint.path, 200)
    await resumeEndpoint(house.app.ctx, operator, { endpointId: endpoint.id, held: 'SEND_ALL' } as never)
    await endpoint.untilStatus('SUCCEEDED', 55)
    expect(endpoint.requests()).toHaveLength(55)
  })

  test('deleting an endpoint records the attempts in the air and sends nothing more', async () => {
    const endpoint = await endpointOf()
    receiver.answerAt(endpoint.path, { status: 500, delayMs: 200 })
    await endpoint.publish(20)
    await endpoint.untilRequests(2)
    await house.app.ctx.db.endpoint.update({ where: { id: endpoint.id }, data: { deletedAt: new Date() } })
    await house.until(async () => (await endpoint.deliveries({ NOT: { leaseToken: null } })).length === 0)
    expect(await endpoint.attempts()).toHaveLength(endpoint.requests().length)
    expect(endpoint.requests().length).toBeLessThan(20)
  })

  test('a 410 disables the endpoint, with the reason, and holds the waiting deliveries', async () => {
    const endpoint = await endpointOf()
    receiver.answerAt(endpoint.path, 410)
    await endpoint.publish(1)
    const gone = await house.until(async () => {
      const found = await house.app.ctx.db.endpoint.findUniqueOrThrow({ where: { id: endpoint.id } })
      return found.status === 'DISABLED' ? found : null
    })
    expect(gone.disabledReason).toBe('gone')
    expect((await endpoint.deliveries())[0]).toMatchObject({
      status: 'PENDING',
      attemptCount: 1,
      lastErrorCode: 'gone',
    })
    await endpoint.publish(3)
    await new Promise((resolve) => setTimeout(resolve, 700))
    expect(endpoint.requests()).toHaveLength(1)
  })
})

describe('what a receiver answers', () => {
  const firstAttempt = async (answer: Parameters<Receiver['answer']>[0]) => {
    const endpoint = await endpointOf()
    receiver.answerAt(endpoint.path, answer)
    await endpoint.publish()
    const attempt = await house.until(async () => (await endpoint.attempts())[0] ?? null)
    return { endpoint, attempt, delivery: (await endpoint.deliveries())[0]! }
  }

  test('Retry-After moves the next attempt to a later time', async () => {
    const { attempt, delivery } = await firstAttempt({ status: 503, headers: { 'retry-after': '120' } })
    const waitMs = delivery.nextAttemptAt!.getTime() - attempt.startedAt.getTime()
    expect(waitMs).toBeGreaterThanOrEqual(120_000)
    expect(waitMs).toBeLessThan(125_000)
  })

  test('a reply that does not come in time is a timeout, and the delivery is retried on the schedule', async () => {
    const { endpoint, attempt } = await firstAttempt([{ hang: true }, 200])
    expect(attempt).toMatchObject({ errorCode: 'timeout', statusCode: null, number: 1, trigger: 'INITIAL' })
    expect(attempt.latencyMs).toBeGreaterThanOrEqual(490)
    await endpoint.untilStatus('SUCCEEDED')
    const [first, second] = (await endpoint.attempts()).map(({ startedAt }) => startedAt.getTime())
    expect(second! - first!).toBeGreaterThanOrEqual(790)
  })

  test('a redirect is a failure and is never followed', async () => {
    const elsewhere = `/${paths++}`
    const { attempt } = await firstAttempt([{ status: 307, headers: { location: elsewhere } }, 200])
    expect(attempt).toMatchObject({ errorCode: 'redirect', statusCode: 307 })
    expect(receiver.requests.some(({ path }) => path === elsewhere)).toBe(false)
  })

  test.each([
    { name: 'NUL', body: Buffer.from('a\0b'), kept: 'a\uFFFDb', truncated: false },
    { name: 'broken UTF-8', body: Buffer.from([0x61, 0xff, 0xc3, 0x62]), kept: 'a\uFFFD\uFFFDb', truncated: false },
    { name: 'exactly 16 KiB', body: Buffer.alloc(16_384, 'x'), kept: 'x'.repeat(16_384), truncated: false },
    { name: 'more than 16 KiB', body: Buffer.alloc(20_000, 'x'), kept: 'x'.repeat(16_384), truncated: true },
    {
      name: 'broken bytes that grow as they are cleaned',
      body: Buffer.alloc(16_000, 0xff),
      kept: '\uFFFD'.repeat(5_461),
      truncated: true,
    },
    {
      name: 'characters that do not end at the bound',
      body: Buffer.from(`x${'ü'.repeat(9_000)}`),
      kept: `x${'ü'.repeat(8_191)}`,
      truncated: true,
    },
  ])('a reply with $name is kept as readable text of at most 16 KiB', async ({ body, kept, truncated }) => {
    const { attempt, delivery } = await firstAttempt({ status: 200, body })
    expect(attempt.responseBody).toBe(kept)
    expect(Buffer.byteLength(attempt.responseBody!)).toBeLessThanOrEqual(16_384)
    expect(attempt.responseBodyTruncated).toBe(truncated)
    expect(delivery.status).toBe('SUCCEEDED')
  })

  test('a result that cannot be stored with its reply is stored without it, and the others of its batch with theirs', async () => {
    await house.app.ctx.db
      .$executeRaw`alter table attempt add constraint unstorable check (response_body not like '%unstorable%')`
    const endpoint = await endpointOf()
    receiver.answerAt(endpoint.path, ({ body }) => ({
      status: 500,
      body: String(body).includes('"sequence":3,') ? 'unstorable' : 'fine',
    }))
    await house.publishFor(endpoint.tenantId, ...[1, 2, 3, 4].map((sequence) => ({ sequence })))
    const attempts = await house.until(async () => {
      const all = (await endpoint.attempts()).filter(({ number }) => number === 1)
      return all.length === 4 ? all : null
    })
    expect(attempts.map(({ errorCode, responseBody }) => `${errorCode} ${responseBody}`).sort()).toEqual([
      'http_status fine',
      'http_status fine',
      'http_status fine',
      'record_failed null',
    ])
    expect(attempts.every(({ statusCode }) => statusCode === 500)).toBe(true)
    await house.app.ctx.db.$executeRaw`alter table attempt drop constraint unstorable`
  })
})

describe('a lane', () => {
  test('a lane sends retries that fall due one after the other each at its time', async () => {
    const endpoint = await endpointOf()
    receiver.answerAt(endpoint.path, ({ headers }) => (headers['x-sivo-attempt'] === '1' ? 500 : 200))
    for (let i = 0; i < 8; i++) {
      await endpoint.publish()
      await new Promise((resolve) => setTimeout(resolve, 60))
    }
    await endpoint.untilStatus('SUCCEEDED', 8)
    const byDelivery = Map.groupBy(await endpoint.attempts(), ({ deliveryId }) => deliveryId)
    for (const attempts of byDelivery.values()) {
      const [first, second] = attempts.sort((a, b) => a.number - b.number).map(({ startedAt }) => startedAt.getTime())
      expect(second! - first!).toBeGreaterThanOrEqual(300)
      expect(second! - first!).toBeLessThan(900)
    }
  })

  test('a lane never has more than twenty attempts in the air, also while retries come back to it', async () => {
    let out = 0
    let most = 0
    const endpoint = await endpointOf()
    let requests = 0
    let refused = 0
    receiver.answerAt(endpoint.path, async ({ headers }) => {
      most = Math.max(most, ++out)
      await new Promise((resolve) => setTimeout(resolve, 10))
      out--
      const refuse = headers['x-sivo-attempt'] === '1' && ++requests % 2 === 0
      if (refuse) refused++
      return refuse ? 500 : 200
    })
    for (let i = 0; i < 6; i++) {
      await endpoint.publish(50)
      await new Promise((resolve) => setTimeout(resolve, 80))
    }
    await endpoint.untilStatus('SUCCEEDED', 300, 15_000)
    expect(most).toBeLessThanOrEqual(20)
    expect(most).toBeGreaterThan(2)
    expect(await endpoint.attempts()).toHaveLength(300 + refused)
  })

  test('a lane that gets more than it can send sends waiting deliveries before those that are published later', async () => {
    const endpoint = await endpointOf()
    const arrived = new Set<string>()
    receiver.answerAt(endpoint.path, async ({ headers }) => {
      arrived.add(String(headers['x-sivo-event-id']))
      await new Promise((resolve) => setTimeout(resolve, 40))
      return 200
    })
    const published: string[] = []
    for (let i = 0; i < 60; i++) {
      const events = await endpoint.publish(50)
      published.push(...events.map(({ id }) => toPublicId('event', id)))
      await new Promise((resolve) => setTimeout(resolve, 40))
    }
    const sent = arrived.size
    expect(sent).toBeLessThan(published.length)
    const first = published.slice(0, Math.floor(sent / 2))
    expect(first.filter((id) => arrived.has(id)).length).toBeGreaterThan(first.length * 0.95)
    await endpoint.untilStatus('SUCCEEDED', published.length, 20_000)
  })

  test('a lane delivers large bodies whole, also beside a hanging endpoint with large bodies', async () => {
    const hole = await openBlackHole()
    const [hanging, healthy] = [await endpointOf(), await endpointOf()]
    await house.app.ctx.db.endpoint.update({
      where: { id: hanging.id },
      data: { url: `https://127.0.0.1:${hole.port}/` },
    })
    const example = { padding: 'ü'.repeat(100_000) }
    const large = { data: { ...(exampleEvent().data as object), ...example } }
    for (let i = 0; i < 4; i++) await house.publishFor(hanging.tenantId, ...Array(10).fill(large))
    for (let i = 0; i < 4; i++) await house.publishFor(healthy.tenantId, ...Array(10).fill(large))
    await healthy.untilStatus('SUCCEEDED', 40)
    const [event] = await house.app.ctx.db.event.findMany({ where: { tenantId: healthy.tenantId }, take: 1 })
    expect(healthy.requests().some(({ body }) => String(body) === event!.body)).toBe(true)
    expect(healthy.requests().every(({ body }) => body.length > 200_000)).toBe(true)
    await hole.close()
  })

  test('the lanes of a process that ends give back the deliveries that they have not sent', async () => {
    const leaving = await house.openAnother({ SIVO_ATTEMPT_TIMEOUT: '10s' })
    const endpoint = await endpointOf({ status: 'PAUSED' })
    receiver.answerAt(endpoint.path, { hang: true })
    await endpoint.publish(2)
    await house.app.ctx.db.endpoint.update({ where: { id: endpoint.id }, data: { status: 'ACTIVE' } })
    leaving.lanes!.wake({ endpointId: endpoint.id })
    await endpoint.untilRequests(2)
    receiver.answerAt(endpoint.path, 200)
    await leaving.close(0)
    await endpoint.untilStatus('SUCCEEDED', 2, 6_000)
    expect((await endpoint.attempts()).map(({ number }) => number)).toEqual([1, 1])
  })

  test('a lane that is busy with a backlog also sends a manual retry', async () => {
    const endpoint = await endpointOf()
    receiver.answerAt(endpoint.path, 500)
    await endpoint.publish(1)
    await house.until(async () => (await endpoint.deliveries({ attemptCount: 2 })).length === 1)
    const [waiting] = await endpoint.deliveries()
    receiver.answerAt(endpoint.path, 200)
    await endpoint.publish(100)
    await retryDelivery(house.app.ctx, { deliveryId: waiting!.id, tenantId: endpoint.tenantId, resend: false })
    await endpoint.untilStatus('SUCCEEDED', 101)
  })
})
