import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Viewer } from '../../../src/context.ts'
import type { DeliveryFilter } from '../../../src/domain/delivery/filter.ts'
import { toPublicId } from '../../../src/domain/values/id.ts'
import { ConflictError, NotFoundError, ValidationError } from '../../../src/errors.ts'
import {
  type BulkRetry,
  cancelBulkRetry,
  findBulkRetry,
  pauseBulkRetry,
  resumeBulkRetry,
  startBulkRetry,
  updateBulkRetry,
  watchBulkRetry,
} from '../../../src/gateway/retry/bulk-retry.ts'
import { retryChunk } from '../../../src/gateway/retry/bulk-retry-worker.ts'
import { cancelDelivery, retryDelivery } from '../../../src/gateway/retry/retry-delivery.ts'
import { everyDelivery } from '../../support/every-delivery.ts'
import { type House, openHouse } from '../../support/house.ts'
import { operatorNamed } from '../../support/viewers.ts'

let house: House
const operator = operatorNamed('Ana')
beforeAll(async () => {
  house = await openHouse({ SIVO_RETRY_SCHEDULE: '20ms,20ms' })
})
afterAll(() => house.close())

/** A tenant with so many dead letters for one endpoint. */
async function deadLetters(count: number, fields: { url?: string; status?: 'ACTIVE' | 'PAUSED' } = {}) {
  const { db } = house.app.ctx
  const tenantId = await house.addTenant()
  const receiver = await house.receiver()
  const endpoint = await house.addEndpoint(fields.url ?? receiver.url('/'), {
    tenantId,
    status: fields.status ?? 'ACTIVE',
  })
  const die = (count: number) => db.$executeRaw`
    with stored as (
      insert into event (id, tenant_id, type, occurred_at, body)
      select uuidv7(), ${tenantId}::uuid, 'call.ended', now(), '{}' from generate_series(1, ${count}::int) returning id)
    insert into delivery (tenant_id, event_id, endpoint_id, event_type, status, reason, attempt_count, max_attempts,
      last_status_code, last_error_code, completed_at)
    select ${tenantId}::uuid, id, ${endpoint.id}::uuid, 'call.ended', 'DEAD_LETTERED', 'retries_exhausted', 7, 7,
      500, 'http_status', now() from stored`
  await die(count)
  const start = async (more: Partial<DeliveryFilter> = {}, maxPerSecond: number | null = null) => {
    const { id } = await startBulkRetry(house.app.ctx, operator, {
      filter: everyDelivery(tenantId, more),
      maxPerSecond,
    })
    return id
  }
  return { tenantId, receiver, endpoint, die, start }
}

const now = async (id: string): Promise<BulkRetry> => (await findBulkRetry(house.app.ctx, { id, tenantId: null }))!

const until = (id: string, holds: (bulkRetry: BulkRetry) => boolean, timeoutMs = 15_000) =>
  house.until(async () => {
    const found = await now(id)
    return holds(found) && found
  }, timeoutMs)

/** How often each delivery of a tenant was sent. */
async function attemptsEach(tenantId: string): Promise<number[]> {
  const rows = await house.app.ctx.db.$queryRaw<{ count: number }[]>`
    select count(a.id)::int as count from delivery d left join attempt a on a.delivery_id = d.id
    where d.tenant_id = ${tenantId}::uuid group by d.id`
  return rows.map(({ count }) => count)
}

describe('a bulk retry', () => {
  test('a bulk retry retries every dead letter that matches at the call, each once, and is completed when all have ended', async () => {
    const { tenantId, receiver, start } = await deadLetters(450)
    const id = await start()
    expect(await now(id)).toMatchObject({ total: 450, createdBy: 'Ana', maxPerSecond: null })
    expect(await until(id, ({ status }) => status === 'COMPLETED')).toMatchObject({
      total: 450,
      retried: 450,
      succeeded: 450,
      deadLettered: 0,
      completedAt: expect.any(Date),
    })
    expect(await house.deliveries({ tenantId, status: 'SUCCEEDED' })).toHaveLength(450)
    expect(new Set(await attemptsEach(tenantId))).toEqual(new Set([1]))
    expect(receiver.requestCount).toBe(450)
    expect(receiver.requests[0]!.headers['x-sivo-attempt']).toBe('8')
  })

  test('a bulk retry does not retry a delivery that dies again, or one that died after the call', async () => {
    const { tenantId, receiver, die, start } = await deadLetters(30)
    receiver.answer(500)
    const id = await start({}, 50)
    await until(id, ({ deadLettered }) => deadLettered > 0)
    await die(5)
    const done = await until(id, ({ status }) => status === 'COMPLETED')
    expect(done).toMatchObject({ total: 30, retried: 30, succeeded: 0, deadLettered: 30 })
    expect((await attemptsEach(tenantId)).sort((a, b) => a - b)).toEqual([
      ...Array(5).fill(0),
      // A whole new cycle of three attempts.
      ...Array(30).fill(3),
    ])
  })

  test('a bulk retry skips dead letters that somebody else retried first', async () => {
    const { tenantId, receiver, start } = await deadLetters(6, { status: 'PAUSED' })
    const id = await start({}, 1)
    await pauseBulkRetry(house.app.ctx, operator, id)
    const { retried } = await now(id)
    const last = (await house.deliveries({ tenantId })).at(-1)!
    await retryDelivery(house.app.ctx, { deliveryId: last.id, tenantId, resend: false })
    // It dies again, looking just as it did at the call.
    await house.app.ctx.db.$executeRaw`
      update delivery set status = 'DEAD_LETTERED', reason = 'retries_exhausted', completed_at = now(),
        changed_xid = pg_current_xact_id() where id = ${last.id}::uuid`
    await updateBulkRetry(house.app.ctx, operator, { bulkRetryId: id, maxPerSecond: null })
    await resumeBulkRetry(house.app.ctx, operator, id)
    expect(retried).toBeLessThanOrEqual(1)
    expect(await until(id, (each) => each.retried === 5)).toMatchObject({ total: 6, status: 'RUNNING' })
    expect(await house.deliveries({ tenantId, status: 'DEAD_LETTERED' })).toMatchObject([{ id: last.id }])
    expect(receiver.requestCount).toBe(0)
    await cancelBulkRetry(house.app.ctx, operator, id)
  })

  test('a bulk retry retries what its filter matches, and nothing of deleted endpoints', async () => {
    const { tenantId, start, endpoint } = await deadLetters(3)
    const gone = await house.addEndpoint('https://gone.example/', { tenantId, deletedAt: new Date() })
    const { db } = house.app.ctx
    const [first, second] = await house.deliveries({ tenantId })
    await db.delivery.update({ where: { id: first!.id }, data: { endpointId: gone.id } })
    await db.delivery.update({ where: { id: second!.id }, data: { lastErrorCode: 'timeout' } })
    const none = await start({ errorCodes: ['dns_failed'] })
    expect(await now(none)).toMatchObject({ status: 'COMPLETED', total: 0, completedAt: expect.any(Date) })
    const id = await start({ from: new Date(Date.now() - 60_000), endpointIds: [gone.id, endpoint.id] })
    expect(await until(id, ({ status }) => status === 'COMPLETED')).toMatchObject({
      total: 2,
      retried: 2,
      succeeded: 2,
    })
    expect(await house.deliveries({ tenantId, status: 'DEAD_LETTERED' })).toMatchObject([{ id: first!.id }])
  })

  test('a bulk retry respects its speed limit over all processes, and a new limit applies at once', async () => {
    const { start } = await deadLetters(60)
    await house.openAnother()
    const began = performance.now()
    const id = await start({}, 20)
    await house.until(async () => {
      const { retried } = await now(id)
      // The first is free, then one every 50 ms; what was missed is caught up for 100 ms at most.
      expect(retried).toBeLessThanOrEqual(1 + ((performance.now() - began) / 1000 + 0.1) * 20)
      return retried >= 20
    })
    await updateBulkRetry(house.app.ctx, operator, { bulkRetryId: id, maxPerSecond: null })
    await until(id, ({ status }) => status === 'COMPLETED')
  })

  test('a bulk retry retries nothing while paused, continues when resumed, and ends when cancelled', async () => {
    const { tenantId, start } = await deadLetters(300)
    const id = await start({}, 100)
    await until(id, ({ retried }) => retried > 5)
    await pauseBulkRetry(house.app.ctx, operator, id)
    const paused = await now(id)
    expect(paused).toMatchObject({ status: 'PAUSED', completedAt: null })
    // What was put back ends meanwhile.
    await until(id, ({ ended }) => ended === paused.retried)
    expect((await now(id)).retried).toBe(paused.retried)
    await resumeBulkRetry(house.app.ctx, operator, id)
    await until(id, ({ retried }) => retried > paused.retried + 5)
    await cancelBulkRetry(house.app.ctx, operator, id)
    const cancelled = await now(id)
    expect(cancelled).toMatchObject({ status: 'CANCELLED', completedAt: expect.any(Date) })
    const ended = await until(id, (each) => each.ended === each.retried)
    expect(ended).toMatchObject({ retried: cancelled.retried, succeeded: cancelled.retried })
    expect(await house.deliveries({ tenantId, status: 'DEAD_LETTERED' })).toHaveLength(300 - cancelled.retried)

    for (const refused of [
      () => pauseBulkRetry(house.app.ctx, operator, id),
      () => resumeBulkRetry(house.app.ctx, operator, id),
      () => cancelBulkRetry(house.app.ctx, operator, id),
      () => updateBulkRetry(house.app.ctx, operator, { bulkRetryId: id, maxPerSecond: 5 }),
    ])
      await expect(refused()).rejects.toThrow(ConflictError)
  })

  test('a bulk retry counts each end once: succeeded, dead again, cancelled', async () => {
    const { tenantId, receiver, start } = await deadLetters(12)
    const ids = (await house.deliveries({ tenantId })).map(({ id }) => toPublicId('delivery', id))
    receiver.answer(({ headers }) => (ids.indexOf(String(headers['x-sivo-delivery-id'])) < 4 ? 200 : 500))
    await house.app.ctx.db.endpoint.updateMany({ where: { tenantId }, data: { status: 'PAUSED' } })
    const id = await start()
    await until(id, ({ retried }) => retried === 12)
    for (const { id: deliveryId } of (await house.deliveries({ tenantId })).slice(10))
      await cancelDelivery(house.app.ctx, { deliveryId, tenantId })
    expect(await now(id)).toMatchObject({ status: 'RUNNING', ended: 2, succeeded: 0, deadLettered: 0 })
    await house.app.ctx.db.endpoint.updateMany({ where: { tenantId }, data: { status: 'ACTIVE' } })
    const done = await until(id, ({ status }) => status === 'COMPLETED')
    expect(done).toMatchObject({ succeeded: 4, deadLettered: 6, ended: 12 })

    // What happens to its dead letters later is another story.
    const again = (await house.deliveries({ tenantId, status: 'DEAD_LETTERED' }))[0]!
    receiver.answer(200)
    await retryDelivery(house.app.ctx, { deliveryId: again.id, tenantId, resend: false })
    await house.until(async () => (await house.deliveries({ id: again.id, status: 'SUCCEEDED' })).length === 1)
    expect(await now(id)).toEqual(done)
  })

  describe('of deliveries that wait', () => {
    /** A tenant with deliveries that failed and wait for an hour. */
    async function waiting(count: number, fields: { test?: boolean; attempts?: number } = {}) {
      const { db } = house.app.ctx
      const tenantId = await house.addTenant()
      const receiver = await house.receiver()
      const endpoint = await house.addEndpoint(receiver.url('/'), { tenantId })
      await db.$executeRaw`
        with stored as (
          insert into event (id, tenant_id, type, occurred_at, body)
          select uuidv7(), ${tenantId}::uuid, 'call.ended', now(), '{}' from generate_series(1, ${count}::int) returning id)
        insert into delivery (tenant_id, event_id, endpoint_id, event_type, test, status, attempt_count, max_attempts,
          last_status_code, last_error_code, next_attempt_at)
        select ${tenantId}::uuid, id, ${endpoint.id}::uuid, 'call.ended', ${fields.test ?? false}, 'PENDING',
          ${fields.attempts ?? 1}::int, 3, 503, 'http_status', now() + interval '1 h' from stored`
      const start = async (more: Partial<DeliveryFilter> = {}, maxPerSecond: number | null = null) => {
        const filter = everyDelivery(tenantId, more)
        return (await startBulkRetry(house.app.ctx, operator, { filter, maxPerSecond, kind: 'WAITING' })).id
      }
      return { tenantId, receiver, endpoint, start }
    }

    test('a bulk retry of what waits attempts each delivery now, as its next attempt, no faster than its limit', async () => {
      const { tenantId, receiver, start } = await waiting(30)
      const began = performance.now()
      const id = await start({}, 20)
      expect(await until(id, ({ status }) => status === 'COMPLETED')).toMatchObject({
        total: 30,
        retried: 30,
        succeeded: 30,
      })
      expect(performance.now() - began).toBeGreaterThan(1_000)
      expect(receiver.requestCount).toBe(30)
      expect(receiver.requests[0]!.headers['x-sivo-attempt']).toBe('2')
      expect(await house.deliveries({ tenantId, status: 'SUCCEEDED', maxAttempts: 3, cycleStart: 0 })).toHaveLength(30)
    })

    test('a bulk retry of what waits takes no dead letters, no tests and nothing that has not failed', async () => {
      const { tenantId, endpoint, receiver, start } = await waiting(1, { test: true })
      await house.app.ctx.db.$executeRaw`
        insert into delivery (tenant_id, event_id, endpoint_id, event_type, status, attempt_count, max_attempts, last_error_code)
        values (${tenantId}::uuid, uuidv7(), ${endpoint.id}::uuid, 'call.ended', 'DEAD_LETTERED', 3, 3, 'timeout')`
      await house.app.ctx.db.$executeRaw`
        insert into delivery (tenant_id, event_id, endpoint_id, event_type, max_attempts, next_attempt_at)
        values (${tenantId}::uuid, uuidv7(), ${endpoint.id}::uuid, 'call.ended', 3, now() + interval '1 h')`
      expect(await now(await start())).toMatchObject({ status: 'COMPLETED', total: 0 })
      expect(receiver.requestCount).toBe(0)
    })

    test('a second bulk retry takes over what failed again in the first, and both are completed', async () => {
      const { tenantId, start } = await waiting(4)
      const { db } = house.app.ctx
      const first = await start({ eventTypes: ['call.created'] })
      // It retried all of them, and they failed again.
      await db.$executeRaw`update bulk_retry set status = 'RUNNING', total = 4, retried = 4 where id = ${first}::uuid`
      await db.$executeRaw`update delivery set bulk_retry_id = ${first}::uuid where tenant_id = ${tenantId}::uuid`
      const second = await start()
      expect(await until(second, ({ status }) => status === 'COMPLETED')).toMatchObject({ retried: 4, succeeded: 4 })
      expect(await until(first, ({ status }) => status === 'COMPLETED')).toMatchObject({ retried: 4, succeeded: 0 })
    })
  })

  test('two processes that work on one bulk retry retry each dead letter once', async () => {
    const { tenantId, start } = await deadLetters(400, { status: 'PAUSED' })
    const id = await start()
    const others = await Promise.all([house.openAnother(), house.openAnother()])
    await Promise.all(
      others.flatMap(({ ctx }) => Array.from({ length: 10 }, () => retryChunk(ctx, id).catch(() => null))),
    )
    await until(id, ({ retried }) => retried === 400)
    const waiting = await house.deliveries({ tenantId })
    expect(
      waiting.every(
        ({ status, cycleStart, maxAttempts }) => status === 'PENDING' && cycleStart === 7 && maxAttempts === 10,
      ),
    ).toBe(true)
    await cancelBulkRetry(house.app.ctx, operator, id)
  })

  test('bulkRetryUpdates sends the bulk retry at once, after each change, and ends with it', async () => {
    const { start } = await deadLetters(40)
    const id = await start({}, 40)
    const seen: BulkRetry[] = []
    for await (const each of watchBulkRetry(house.app.ctx, id)) seen.push(each)
    expect(seen.length).toBeGreaterThan(2)
    expect(seen.at(-1)).toMatchObject({ status: 'COMPLETED', succeeded: 40 })
    for (const [i, each] of seen.entries()) {
      expect(each.succeeded).toBeLessThanOrEqual(each.retried)
      expect(each.retried).toBeGreaterThanOrEqual(seen[i - 1]?.retried ?? 0)
    }

    const idle = watchBulkRetry(house.app.ctx, await (await deadLetters(1, { status: 'PAUSED' })).start())
    await idle.next()
    const waiting = (async () => {
      for (;;) if ((await idle.next()).done) return
    })()
    await idle.return()
    await waiting
  })

  test('a bulk retry is refused to roles that may not start it, and for a wrong speed limit', async () => {
    const { tenantId, start } = await deadLetters(1, { status: 'PAUSED' })
    for (const speed of [0, -1, 10_001]) await expect(start({}, speed)).rejects.toThrow(ValidationError)
    const id = await start()
    const stranger: Viewer = { ...operator, role: 'ADMIN', tenantId: house.tenantId }
    await expect(pauseBulkRetry(house.app.ctx, stranger, id)).rejects.toThrow(NotFoundError)
    await expect(pauseBulkRetry(house.app.ctx, { ...stranger, role: 'VIEWER', tenantId }, id)).rejects.toThrow('VIEWER')
    const entries = await house.app.ctx.db.auditEntry.findMany({ where: { tenantId } })
    expect(entries).toMatchObject([
      {
        action: 'bulk_retry.started',
        targetId: toPublicId('bulkRetry', id),
        details: { total: 1, maxPerSecond: null },
      },
    ])
    expect(entries[0]!.actor).toContain('Ana (key_')
  })
})
