import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { NewEvent, StoreCall } from '../../../src/domain/event/new-event.ts'
import type { ClaimedDelivery } from '../../../src/gateway/deliver/claimed-delivery.ts'
import type { Offer } from '../../../src/gateway/deliver/hand-over.ts'
import { storeEvents } from '../../../src/gateway/publish/store-events.ts'
import { type House, openHouse } from '../../support/house.ts'

// What a publish hands over to the lanes beside it needs no claim and no wake-up. The lanes here are the tests' own;
// nothing is sent.
let house: House
beforeAll(async () => {
  house = await openHouse({ SIVO_ROLE: 'api' })
})
afterAll(() => house.close())

const PROCESS = randomUUID()

type Handed = { taken: readonly ClaimedDelivery[][]; woken: string[] }

/** Publishes beside lanes that offer this much. */
async function storeBeside(
  offer: Partial<Omit<Offer, 'take'>> | null,
  calls: StoreCall[],
  { repeated = false, hot = house.app.ctx.hot, processId = PROCESS } = {},
): Promise<Handed> {
  const taken: ClaimedDelivery[][] = []
  const woken: string[] = []
  await storeEvents(hot, calls, {
    maxAttempts: 7,
    repeated,
    nearby: {
      processId,
      wake: ({ endpointId }) => void woken.push(endpointId),
      offer: () =>
        offer && {
          places: {},
          otherwise: 2,
          most: 100,
          ...offer,
          take: (deliveries) => void taken.push([...deliveries]),
        },
    },
  }).catch((error) => {
    expect(taken).toEqual(offer ? [[]] : [])
    throw error
  })
  return { taken, woken }
}

const newEvent = (fields: Partial<NewEvent> = {}): NewEvent => ({
  id: house.app.ctx.newId(),
  type: 'call.ended',
  subject: null,
  sequence: null,
  occurredAt: new Date(),
  body: '{"n":1}',
  bodyBytes: 7,
  key: null,
  fingerprint: null,
  ...fields,
})

const eventsOf = (tenantId: string, count: number): StoreCall[] => [
  { tenantId, events: Array.from({ length: count }, () => newEvent()) },
]

const wakeUps = async (endpointId: string) => {
  const rows = (await house.app.ctx.db.$queryRaw`
    select count(*)::int as count from graphile_worker._private_jobs j join graphile_worker._private_tasks t on t.id = j.task_id
    where t.identifier = 'deliver' and j.payload->>'endpointId' = ${endpointId}`) as [{ count: number }]
  return rows[0].count
}

const leasedTo = (endpointId: string) => house.deliveries({ endpointId, leaseToken: PROCESS })

describe('a publish beside lanes with free places', () => {
  test('a publish beside free lanes stores its deliveries leased to these lanes, and stores no wake-up', async () => {
    const tenantId = await house.addTenant()
    const { id: endpointId } = await house.addEndpoint('https://127.0.0.1/x', { tenantId })
    const calls = eventsOf(tenantId, 2)
    const { taken, woken } = await storeBeside({}, calls)
    const stored = await leasedTo(endpointId)
    expect(stored.map(({ eventId }) => eventId).toSorted()).toEqual(calls[0]!.events.map(({ id }) => id).toSorted())
    for (const { leaseBy, leaseUntil } of stored) {
      expect(leaseBy).toBe(PROCESS)
      expect(leaseUntil!.getTime()).toBeGreaterThan(Date.now() + 15_000)
    }
    expect(taken).toHaveLength(1)
    for (const delivery of taken[0]!) {
      const row = stored.find(({ id }) => id === delivery.id)!
      expect(delivery).toMatchObject({
        tenantId,
        endpointId,
        eventId: row.eventId,
        eventType: 'call.ended',
        attemptCount: row.attemptCount,
        cycleStart: row.cycleStart,
        maxAttempts: row.maxAttempts,
        dueAt: row.nextAttemptAt,
        leaseToken: row.leaseToken,
        body: '{"n":1}',
        test: false,
        suspect: false,
      })
    }
    expect(woken).toEqual([])
    expect(await wakeUps(endpointId)).toBe(0)
  })

  test('a publish hands over at most as many deliveries as there are places, and leaves the rest to the claims', async () => {
    const tenantId = await house.addTenant()
    const [unknown, named, busy] = await Promise.all(
      [1, 2, 3].map(async () => (await house.addEndpoint('https://127.0.0.1/x', { tenantId })).id),
    )
    const { taken, woken } = await storeBeside({ places: { [named!]: 3, [busy!]: 0 } }, eventsOf(tenantId, 5))
    const count = (endpointId: string) => taken[0]!.filter((delivery) => delivery.endpointId === endpointId).length
    expect([unknown!, named!, busy!].map(count)).toEqual([2, 3, 0])
    for (const endpointId of [unknown!, named!, busy!]) {
      expect(await leasedTo(endpointId)).toHaveLength(count(endpointId))
      expect(await house.deliveries({ endpointId })).toHaveLength(5)
      expect(await wakeUps(endpointId)).toBe(1)
    }
    expect(woken.toSorted()).toEqual([unknown!, named!, busy!].toSorted())
  })

  test('a publish hands over at most as much as all lanes take, and nothing of a tenant that has used its quota', async () => {
    const [one, other] = await Promise.all([house.addTenant(), house.addTenant()])
    for (const tenantId of [one, one, one, other]) await house.addEndpoint('https://127.0.0.1/x', { tenantId })
    const calls = [...eventsOf(one, 2), ...eventsOf(other, 2)]
    const { taken } = await storeBeside({ most: 4, places: { [other]: 0 } }, calls)
    expect(taken[0]!.map(({ tenantId }) => tenantId)).toEqual([one, one, one, one])
  })

  test.each([
    { name: 'paused', fields: { status: 'PAUSED' as const }, jobs: 0 },
    { name: 'limited in flight', fields: { maxInFlight: 3 }, jobs: 1 },
    { name: 'limited in its rate', fields: { rateLimitPerSecond: 5 }, jobs: 1 },
  ])('a publish leaves an endpoint that is $name to the claims', async ({ fields, jobs }) => {
    const tenantId = await house.addTenant()
    const { id: endpointId } = await house.addEndpoint('https://127.0.0.1/x', { tenantId, ...fields })
    const { taken } = await storeBeside({}, eventsOf(tenantId, 1))
    expect(taken).toEqual([[]])
    expect(await house.deliveries({ endpointId, leaseToken: null })).toHaveLength(1)
    expect(await wakeUps(endpointId)).toBe(jobs)
  })

  test('a hand-over leaves a large body in the database until the attempt', async () => {
    const tenantId = await house.addTenant()
    await house.addEndpoint('https://127.0.0.1/x', { tenantId })
    const body = JSON.stringify('x'.repeat(20_000))
    const { taken } = await storeBeside({}, [{ tenantId, events: [newEvent({ body, bodyBytes: body.length })] }])
    expect(taken[0]!.map((delivery) => delivery.body)).toEqual([null])
  })

  test('an event with an idempotency key is handed over once, and nothing of a refused call is', async () => {
    const tenantId = await house.addTenant()
    await house.addEndpoint('https://127.0.0.1/x', { tenantId })
    const keyed = (fingerprint: string): StoreCall[] => [
      { tenantId, events: [newEvent({ key: 'k', fingerprint: fingerprint.repeat(32) })] },
    ]
    expect((await storeBeside({}, keyed('00'))).taken[0]).toHaveLength(1)
    expect((await storeBeside({}, keyed('00'))).taken).toEqual([[]])
    expect((await storeBeside({}, keyed('11'))).taken).toEqual([[]])
  })

  test('a publish that stored nothing gives its places back to the lanes', async () => {
    const tenantId = await house.addTenant()
    await house.addEndpoint('https://127.0.0.1/x', { tenantId })
    const calls = [{ tenantId, events: [newEvent({ body: 'a\0b' })] }]
    await expect(storeBeside({}, calls)).rejects.toThrow()
    expect(await house.deliveries({ tenantId })).toEqual([])
  })
})

test.each([
  ['under the same id', PROCESS],
  ['under a new id, because the process was taken for dead', randomUUID()],
])(
  'deliveries that were leased to lanes by a commit without an answer can be claimed once the publish is repeated %s',
  async (_, processId) => {
    const tenantId = await house.addTenant()
    const { id: endpointId } = await house.addEndpoint('https://127.0.0.1/x', { tenantId })
    const calls = eventsOf(tenantId, 2)
    await storeBeside({}, calls)
    expect(await leasedTo(endpointId)).toHaveLength(2)
    const { taken, woken } = await storeBeside({}, calls, { repeated: true, processId })
    expect(taken).toEqual([])
    expect(new Set(woken)).toEqual(new Set([endpointId]))
    const stored = await house.deliveries({ endpointId })
    expect(stored.map(({ leaseToken, leaseUntil, leaseBy }) => [leaseToken, leaseUntil, leaseBy])).toEqual([
      [null, null, null],
      [null, null, null],
    ])
  },
)
