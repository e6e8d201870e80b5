// Results that cannot be written for a while. The receiver has answered, so losing the answer would mean sending again:
// the worker keeps the lease and tries; only when the lease is over is the delivery sent once more.

import { describe, expect, test } from 'vitest'
import { openHouse } from '../support/house.ts'

/** A database that refuses to record, until it is told to. */
async function openRefusing(code: string) {
  const house = await openHouse()
  const { db } = house.app.ctx
  const receiver = await house.receiver()
  await house.addEndpoint(receiver.url('/crm'))
  // A sequence keeps its count when the transaction does not.
  await db.$executeRawUnsafe('create sequence refusals')
  await db.$executeRawUnsafe(`create function refuse() returns trigger language plpgsql as $$
    begin perform nextval('refusals'); raise exception 'out of room' using errcode = '${code}'; end $$`)
  await db.$executeRawUnsafe(`create trigger refuse before insert on attempt for each row execute function refuse()`)
  const refusals = async () =>
    ((await db.$queryRaw`select last_value::int as count from refusals`) as [{ count: number }])[0].count
  // Dropping the trigger would lock each partition, and could deadlock with the records that are being tried.
  const allow = () =>
    db.$executeRawUnsafe(`create or replace function refuse() returns trigger language plpgsql as $$
      begin return new; end $$`)
  return { house, receiver, refusals, allow }
}

describe('a result that cannot be written', () => {
  test.each([
    ['because the disk is full', '53100'],
    ['because the database is read-only', '25006'],
  ])(
    'a result that cannot be recorded for a moment, %s, is recorded afterwards, and nothing is sent twice',
    async (_, code) => {
      const { house, receiver, refusals, allow } = await openRefusing(code)
      try {
        await house.publish({}, {}, {})
        await receiver.until((all) => all.length === 3)
        await house.until(async () => (await refusals()) >= 5)
        expect(await house.deliveries({ status: 'PENDING' })).toHaveLength(3)
        await allow()
        await house.until(async () => (await house.deliveries({ status: 'SUCCEEDED' })).length === 3)
        expect(receiver.requestCount).toBe(3)
      } finally {
        await house.close()
      }
    },
  )

  test('a result that cannot be recorded while its lease lasts: the delivery is sent once more, byte for byte the same, and not lost', {
    timeout: 90_000,
  }, async () => {
    const { house, receiver, allow } = await openRefusing('53100')
    try {
      await house.publish({})
      const [first, second] = await receiver.until((all) => all.length === 2, { timeoutMs: 45_000 })
      expect(second!.receivedAt.getTime() - first!.receivedAt.getTime()).toBeGreaterThan(18_000)
      expect(second!.body).toEqual(first!.body)
      for (const name of ['x-sivo-event-id', 'x-sivo-delivery-id', 'x-sivo-attempt'])
        expect(second!.headers[name]).toBe(first!.headers[name])
      await allow()
      await house.until(async () => (await house.deliveries({ status: 'SUCCEEDED' })).length === 1)
      expect(await house.app.ctx.db.attempt.findMany({ select: { number: true } })).toEqual([{ number: 1 }])
    } finally {
      await house.close()
    }
  })
})
