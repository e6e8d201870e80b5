import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ConflictError, ValidationError } from '../../../src/errors.ts'
import { pauseEndpoint, resumeEndpoint } from '../../../src/gateway/admin/pause-endpoint.ts'
import { sendTestEvent } from '../../../src/gateway/publish/send-test-event.ts'
import { type House, openHouse } from '../../support/house.ts'
import { operatorNamed } from '../../support/viewers.ts'

let house: House
const operator = operatorNamed('Ana')
beforeAll(async () => {
  house = await openHouse()
})
afterAll(() => house.close())

/** A paused endpoint with deliveries held since 5, 4, 3, 2 and 1 hours. */
async function paused() {
  const tenantId = await house.addTenant()
  const receiver = await house.receiver()
  const endpoint = await house.addEndpoint(receiver.url('/'), { tenantId, status: 'PAUSED' })
  await house.publishFor(tenantId, {}, {}, {}, {}, {})
  const held = await house.deliveries({ tenantId })
  for (const [i, { id }] of held.entries())
    await house.app.ctx.db.$executeRaw`
      update delivery set created_at = now() - ${5 - i}::int * interval '1 h' where id = ${id}::uuid`
  const statuses = async () => (await house.deliveries({ tenantId })).map(({ status }) => status)
  const resume = (choice: { held?: 'SEND_ALL' | 'SEND_SINCE' | 'CANCEL_ALL'; since?: Date }) =>
    resumeEndpoint(house.app.ctx, operator, { endpointId: endpoint.id, ...choice })
  return { tenantId, receiver, endpoint, held, statuses, resume }
}

describe('resuming an endpoint', () => {
  test('resuming an endpoint sends its held deliveries', async () => {
    const { resume, receiver, statuses } = await paused()
    await resume({})
    await receiver.until((requests) => requests.length === 5)
    await house.until(async () => (await statuses()).every((status) => status === 'SUCCEEDED'))
  })

  test('resuming with SEND_SINCE cancels the deliveries from before that time, and sends the rest', async () => {
    const { tenantId, resume, receiver, statuses } = await paused()
    await resume({ held: 'SEND_SINCE', since: new Date(Date.now() - 2.5 * 3_600_000) })
    await receiver.until((requests) => requests.length === 2)
    await house.until(async () => (await statuses()).filter((status) => status === 'SUCCEEDED').length === 2)
    expect(await statuses()).toEqual(['CANCELLED', 'CANCELLED', 'CANCELLED', 'SUCCEEDED', 'SUCCEEDED'])
    expect((await house.deliveries({ tenantId }))[0]).toMatchObject({
      reason: 'cancelled_by_user',
      nextAttemptAt: null,
      completedAt: expect.any(Date),
    })
    const [entry] = await house.app.ctx.db.auditEntry.findMany({ where: { tenantId } })
    expect(entry).toMatchObject({ action: 'endpoint.resumed', details: { held: 'SEND_SINCE', cancelled: 3 } })
  })

  test('resuming with CANCEL_ALL cancels the held deliveries, and neither tests nor later ones', async () => {
    const { tenantId, endpoint, resume, receiver, statuses } = await paused()
    receiver.answer({ status: 200, delayMs: 200 })
    const { deliveryId } = await sendTestEvent(house.app.ctx, { endpoint, eventType: 'call.ended', data: null })
    await resume({ held: 'CANCEL_ALL' })
    expect((await statuses()).slice(0, 5)).toEqual(Array(5).fill('CANCELLED'))
    await house.publishFor(tenantId, {})
    await house.until(async () => (await statuses()).filter((status) => status === 'SUCCEEDED').length === 2)
    expect((await house.deliveries({ id: deliveryId }))[0]).toMatchObject({ status: 'SUCCEEDED' })
    expect(receiver.requestCount).toBe(2)
  })

  test('more held deliveries than one transaction can cancel in its time go in many', async () => {
    const { tenantId, endpoint, resume } = await paused()
    await house.app.ctx.hot.pool.query(
      `insert into delivery (tenant_id, event_id, endpoint_id, event_type, subject, max_attempts, next_attempt_at, line_position, reason)
       select $1, uuidv7(), $2, 'call.ended', 'call_' || n % 7, 7, case when n % 2 = 0 then date_trunc('second', now()) end,
         case when n % 2 = 1 then n end, case when n % 2 = 1 then 'waits_for_subject' end from generate_series(1, 4400) n`,
      [tenantId, endpoint.id],
    )
    await resume({ held: 'CANCEL_ALL' })
    const { rows } = await house.app.ctx.hot.pool.query(
      `select count(*)::int as count, count(distinct changed_xid)::int as transactions from delivery
       where endpoint_id = $1 and status = 'CANCELLED' and reason = 'cancelled_by_user'`,
      [endpoint.id],
    )
    expect(rows).toEqual([{ count: 4405, transactions: 6 }])
    const [entry] = await house.app.ctx.db.auditEntry.findMany({ where: { tenantId } })
    expect(entry).toMatchObject({ details: { cancelled: 4405 } })
  })

  test('a wrong resume is refused and cancels nothing', async () => {
    const { endpoint, resume, statuses } = await paused()
    await expect(resume({ held: 'SEND_SINCE' })).rejects.toThrow(ValidationError)
    await expect(resume({ held: 'CANCEL_ALL', since: new Date() })).rejects.toThrow(ValidationError)
    expect(await statuses()).toEqual(Array(5).fill('PENDING'))
    await resume({ held: 'CANCEL_ALL' })
    await expect(resume({ held: 'CANCEL_ALL' })).rejects.toThrow(ConflictError)
    await pauseEndpoint(house.app.ctx, operator, { endpointId: endpoint.id })
  })
})
