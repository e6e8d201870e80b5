// The delivery path against a model small enough to be read at once. Chance makes the stories: publishes, claims, results,
// crashes, leases that run out, pauses, deletions and what people ask for, in any order; after each step the database
// must say what the model says.

import { randomUUID } from 'node:crypto'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { giveUp, next, shownStatus } from '../../src/domain/delivery.ts'
import type { Outcome } from '../../src/domain/outcome.ts'
import { ConflictError } from '../../src/errors.ts'
import { sweepDeletedEndpoint } from '../../src/gateway/admin/sweep-deleted-endpoint.ts'
import { claimDeliveries } from '../../src/gateway/deliver/claim-deliveries.ts'
import type { ClaimedDelivery } from '../../src/gateway/deliver/claimed-delivery.ts'
import { type Result, recordAttempts } from '../../src/gateway/deliver/record-attempts.ts'
import { publishEvents } from '../../src/gateway/publish/publish-events.ts'
import { sendTestEvent } from '../../src/gateway/publish/send-test-event.ts'
import { cancelDelivery, retryDelivery } from '../../src/gateway/retry/retry-delivery.ts'
import { exampleEvent, type House, openHouse } from '../support/house.ts'

const SCHEDULE_MS = [3_600_000, 3_600_000]
const CYCLE = 3

let house: House
beforeAll(async () => {
  house = await openHouse({ SIVO_ROLE: 'api', SIVO_RETRY_SCHEDULE: '1h,1h' })
})
afterAll(() => house.close())

type ModelEndpoint = { id: string; status: 'ACTIVE' | 'PAUSED' | 'DISABLED'; deleted: boolean }
type ModelDelivery = {
  id: string
  endpoint: ModelEndpoint
  test: boolean
  status: 'PENDING' | 'SUCCEEDED' | 'FAILED' | 'DEAD_LETTERED' | 'CANCELLED'
  reason: string | null
  /** Each attempt as `trigger` and whether it was a 2xx. */
  attempts: [string, boolean][]
  cycleStart: number
  maxAttempts: number
  resend: boolean
  manual: boolean
  due: boolean
  lease: { token: string; processId: string; live: boolean } | null
}
type Model = { endpoints: ModelEndpoint[]; deliveries: ModelDelivery[] }
type Real = { tenantId: string; claimed: ClaimedDelivery[] }
type Step = (model: Model, real: Real) => Promise<void>

const pick = <T>(from: readonly T[], chance: number): T | undefined => from[chance % Math.max(1, from.length)]
const db = () => house.app.ctx.db

function outcomeOf(answer: 'ok' | 'refused' | 'gone'): Outcome {
  const ok = answer === 'ok'
  return {
    kind: ok ? 'delivered' : 'refused',
    statusCode: ok ? 200 : answer === 'gone' ? 410 : 500,
    errorCode: ok ? null : answer === 'gone' ? 'gone' : 'http_status',
    errorMessage: ok ? null : 'No.',
    retryAfterMs: null,
    gone: answer === 'gone',
  }
}

/** What the gateway writes for such an answer. */
function resultOf(delivery: ClaimedDelivery, answer: 'ok' | 'refused' | 'gone' | 'poison' | 'event_expired'): Result {
  if (answer === 'poison' || answer === 'event_expired')
    return { delivery, attempt: null, outcome: null, step: giveUp(delivery, answer), nextAttemptAt: null, wakeAt: null }
  const outcome = outcomeOf(answer)
  const step = next({ ...delivery, status: 'PENDING' }, outcome, { schedule: SCHEDULE_MS, jitter: 0 }, 0)
  const first = delivery.attemptCount === 0
  return {
    delivery,
    attempt: {
      number: delivery.attemptCount + 1,
      trigger: delivery.test ? 'TEST' : delivery.manual ? 'MANUAL' : first ? 'INITIAL' : 'RETRY',
      startedAt: new Date(),
      url: 'https://127.0.0.1/',
      requestHeaders: [],
      sent: {
        reply: { statusCode: outcome.statusCode!, headers: [], body: Buffer.alloc(0), bodyTruncated: false },
        failure: null,
        requestCount: 1,
        timing: { dnsMs: null, connectMs: null, tlsMs: null, firstByteMs: 1, totalMs: 1 },
        latencyMs: 1,
        aborted: false,
      },
    },
    outcome,
    step,
    nextAttemptAt: step.delayMs === null ? null : new Date(Date.now() + step.delayMs),
    wakeAt: null,
  }
}

const steps = {
  publish: (): Step => async (model, real) => {
    const [published] = await publishEvents(house.app.ctx, { tenantId: real.tenantId, events: [exampleEvent()] })
    const wanting = model.endpoints.filter((endpoint) => !endpoint.deleted)
    expect(published!.deliveryCount).toBe(wanting.length)
    const made = await house.deliveries({ eventId: published!.id })
    for (const endpoint of wanting)
      model.deliveries.push(fresh(made.find(({ endpointId }) => endpointId === endpoint.id)!.id, endpoint, false))
  },

  sendTest:
    (which: number): Step =>
    async (model, real) => {
      const endpoint = pick(
        model.endpoints.filter((each) => !each.deleted),
        which,
      )
      if (!endpoint) return
      const target = { id: endpoint.id, tenantId: real.tenantId }
      const { deliveryId } = await sendTestEvent(house.app.ctx, {
        endpoint: target,
        eventType: 'call.ended',
        data: null,
      })
      model.deliveries.push(fresh(deliveryId, endpoint, true))
    },

  claim:
    (which: number, isTest: boolean, slots: number): Step =>
    async (model, real) => {
      const endpoint = pick(model.endpoints, which)!
      const [token, processId] = [randomUUID(), randomUUID()]
      const claims = [{ endpointId: endpoint.id, test: isTest, slots, low: null }]
      const { deliveries } = await claimDeliveries(house.app.ctx.hot, claims, {
        token,
        processId,
        now: new Date(),
      })
      const open = !endpoint.deleted && (isTest || endpoint.status === 'ACTIVE')
      const eligible = model.deliveries.filter(
        (each) =>
          each.endpoint === endpoint &&
          each.test === isTest &&
          each.status === 'PENDING' &&
          each.due &&
          !each.lease?.live,
      )
      expect(deliveries).toHaveLength(open ? Math.min(slots, eligible.length) : 0)
      for (const claimed of deliveries) {
        const delivery = eligible.find(({ id }) => id === claimed.id)
        expect(delivery).toBeDefined()
        expect(claimed).toMatchObject({
          attemptCount: delivery!.attempts.length,
          cycleStart: delivery!.cycleStart,
          maxAttempts: delivery!.maxAttempts,
          resend: delivery!.resend,
          manual: delivery!.manual,
          leaseToken: token,
        })
        delivery!.lease = { token, processId, live: true }
        real.claimed.push(claimed)
      }
    },

  // Any claim that was ever made may still bring a result, also much later, and more than once.
  finish:
    (which: number, answer: Parameters<typeof resultOf>[1]): Step =>
    async (model, real) => {
      const claimed = pick(real.claimed, which)
      if (!claimed) return
      const delivery = model.deliveries.find(({ id }) => id === claimed.id)!
      const ours = delivery.lease?.token === claimed.leaseToken
      expect(await recordAttempts(house.app.ctx.hot, [resultOf(claimed, answer)])).toEqual([ours])
      if (!ours) return
      const noAttempt = answer === 'poison' || answer === 'event_expired'
      const { resend, manual } = delivery
      if (!noAttempt) {
        const trigger = delivery.test ? 'TEST' : manual ? 'MANUAL' : delivery.attempts.length ? 'RETRY' : 'INITIAL'
        delivery.attempts.push([trigger, answer === 'ok'])
      }
      Object.assign(delivery, { lease: null, resend: false, manual: false, due: false })
      if (answer === 'gone' && !delivery.test && delivery.endpoint.status === 'ACTIVE' && !delivery.endpoint.deleted)
        delivery.endpoint.status = 'DISABLED'
      if (delivery.status !== 'PENDING') return
      if (answer === 'ok') settle(delivery, 'SUCCEEDED', null)
      else if (resend) settle(delivery, 'SUCCEEDED', 'resend_failed')
      else if (delivery.test) settle(delivery, 'FAILED', noAttempt ? answer : null)
      else if (noAttempt) settle(delivery, 'DEAD_LETTERED', answer)
      else if (delivery.attempts.length >= delivery.maxAttempts) settle(delivery, 'DEAD_LETTERED', 'retries_exhausted')
    },

  crash:
    (which: number): Step =>
    async (model) => {
      const leased = pick(
        model.deliveries.filter(({ lease }) => lease?.live),
        which,
      )
      if (!leased) return
      const { processId } = leased.lease!
      await db().$executeRaw`
      insert into worker_process (id, instance, role, host, version, died_at)
      values (${processId}::uuid, ${processId}::uuid, 'worker', 'elsewhere', '0', now())`
      for (const { lease } of model.deliveries) if (lease?.processId === processId) lease.live = false
    },

  runOut:
    (which: number): Step =>
    async (model) => {
      const leased = pick(
        model.deliveries.filter(({ lease }) => lease?.live),
        which,
      )
      if (!leased) return
      await db().delivery.updateMany({ where: { id: leased.id }, data: { leaseUntil: new Date(0) } })
      leased.lease!.live = false
    },

  timePasses:
    (): Step =>
    async (model, { tenantId }) => {
      await db().delivery.updateMany({ where: { tenantId, status: 'PENDING' }, data: { nextAttemptAt: new Date(1) } })
      for (const delivery of model.deliveries) if (delivery.status === 'PENDING') delivery.due = true
    },

  turn:
    (which: number, status: 'ACTIVE' | 'PAUSED'): Step =>
    async (model) => {
      const endpoint = pick(model.endpoints, which)!
      if (endpoint.deleted) return
      await db().endpoint.update({ where: { id: endpoint.id }, data: { status } })
      endpoint.status = status
    },

  remove:
    (which: number): Step =>
    async (model) => {
      const endpoint = pick(model.endpoints, which)!
      await db().endpoint.update({ where: { id: endpoint.id }, data: { deletedAt: new Date() } })
      endpoint.deleted = true
    },

  sweep:
    (which: number): Step =>
    async (model) => {
      const endpoint = pick(model.endpoints, which)!
      const waiting = model.deliveries.filter((each) => each.endpoint === endpoint && each.status === 'PENDING')
      expect(await sweepDeletedEndpoint(house.app.ctx, endpoint.id)).toBe(endpoint.deleted ? waiting.length : 0)
      if (endpoint.deleted) for (const delivery of waiting) settle(delivery, 'CANCELLED', 'endpoint_deleted')
    },

  retry:
    (which: number, resend: boolean): Step =>
    async (model, { tenantId }) => {
      const delivery = pick(model.deliveries, which)
      if (!delivery) return
      const asked = retryDelivery(house.app.ctx, { deliveryId: delivery.id, tenantId, resend })
      const shown = shownInModel(delivery)
      const allowed = shown === 'PENDING' || shown === 'DEAD_LETTERED' || (shown === 'SUCCEEDED' && resend)
      if (!allowed || delivery.endpoint.deleted) return void (await expect(asked).rejects.toThrow(ConflictError))
      await asked
      if (shown === 'PENDING' && delivery.lease?.live) return
      const count = delivery.attempts.length
      if (shown === 'DEAD_LETTERED') Object.assign(delivery, { cycleStart: count, maxAttempts: count + CYCLE })
      if (shown === 'SUCCEEDED') Object.assign(delivery, { cycleStart: count, maxAttempts: count + 1 })
      const isResend = shown === 'SUCCEEDED' || (shown === 'PENDING' && delivery.resend)
      Object.assign(delivery, {
        status: 'PENDING',
        reason: null,
        manual: true,
        resend: isResend,
        due: true,
        lease: null,
      })
    },

  cancel:
    (which: number): Step =>
    async (model, { tenantId }) => {
      const delivery = pick(model.deliveries, which)
      if (!delivery) return
      const asked = cancelDelivery(house.app.ctx, { deliveryId: delivery.id, tenantId })
      if (!['PENDING', 'HELD'].includes(shownInModel(delivery)))
        return void (await expect(asked).rejects.toThrow(ConflictError))
      await asked
      settle(delivery, 'CANCELLED', 'cancelled_by_user')
    },
}

function fresh(id: string, endpoint: ModelEndpoint, isTest: boolean): ModelDelivery {
  return {
    id,
    endpoint,
    test: isTest,
    status: 'PENDING',
    reason: null,
    attempts: [],
    cycleStart: 0,
    maxAttempts: isTest ? 1 : CYCLE,
    resend: false,
    manual: false,
    due: true,
    lease: null,
  }
}

function settle(delivery: ModelDelivery, status: ModelDelivery['status'], reason: string | null): void {
  Object.assign(delivery, { status, reason, due: false })
}

function shownInModel({ status, test: isTest, endpoint }: ModelDelivery): string {
  if (status !== 'PENDING') return status
  if (endpoint.deleted) return 'CANCELLED'
  return isTest || endpoint.status === 'ACTIVE' ? 'PENDING' : 'HELD'
}

async function compare(model: Model, { tenantId }: Real): Promise<void> {
  const [rows, attempts, endpoints] = await Promise.all([
    house.deliveries({ tenantId }),
    db().attempt.findMany({ where: { tenantId }, orderBy: { id: 'asc' } }),
    db().endpoint.findMany({ where: { tenantId } }),
  ])
  expect(rows).toHaveLength(model.deliveries.length)
  for (const row of rows) {
    const delivery = model.deliveries.find(({ id }) => id === row.id)!
    const { status, reason, cycleStart, maxAttempts, resend, manual } = delivery
    expect(row).toMatchObject({ status, reason, cycleStart, maxAttempts, resend, manual })
    expect(row.leaseToken).toBe(delivery.lease?.token ?? null)
    expect(row.completedAt === null).toBe(status === 'PENDING')
    expect(row.nextAttemptAt === null).toBe(status !== 'PENDING')
    expect(shownStatus(row, endpoints.find(({ id }) => id === row.endpointId)!).status).toBe(shownInModel(delivery))

    const own = attempts.filter(({ deliveryId }) => deliveryId === row.id)
    expect(row.attemptCount).toBe(own.length)
    expect(own.map(({ number }) => number)).toEqual(own.map((_, i) => i + 1))
    expect(own.map(({ trigger, errorCode }) => [trigger, errorCode === null])).toEqual(delivery.attempts)
    // What no story may break, model or not.
    if (status === 'SUCCEEDED') expect(own.some(({ errorCode }) => errorCode === null)).toBe(true)
    if (row.reason === 'retries_exhausted') expect(row.attemptCount).toBe(row.maxAttempts)
    if (status === 'DEAD_LETTERED') expect(['retries_exhausted', 'poison', 'event_expired']).toContain(row.reason)
    if (row.test) expect(status).not.toBe('DEAD_LETTERED')
    if (status !== 'PENDING' && status !== 'CANCELLED') expect(row).toMatchObject({ suspect: false, crashCount: 0 })
  }
}

// Few deliveries to choose from: a story is about what happens to the same one.
const which = fc.nat({ max: 7 })
const answers = fc.constantFrom('ok', 'refused', 'refused', 'refused', 'gone', 'poison', 'event_expired')
const story = fc.array(
  fc.oneof(
    { weight: 2, arbitrary: fc.record({ step: fc.constant('publish' as const), args: fc.tuple() }) },
    { weight: 1, arbitrary: fc.record({ step: fc.constant('sendTest' as const), args: fc.tuple(which) }) },
    {
      weight: 8,
      arbitrary: fc.record({
        step: fc.constant('claim' as const),
        args: fc.tuple(which, fc.constantFrom(false, false, false, true), fc.integer({ min: 1, max: 4 })),
      }),
    },
    { weight: 9, arbitrary: fc.record({ step: fc.constant('finish' as const), args: fc.tuple(which, answers) }) },
    { weight: 1, arbitrary: fc.record({ step: fc.constant('crash' as const), args: fc.tuple(which) }) },
    { weight: 1, arbitrary: fc.record({ step: fc.constant('runOut' as const), args: fc.tuple(which) }) },
    { weight: 5, arbitrary: fc.record({ step: fc.constant('timePasses' as const), args: fc.tuple() }) },
    {
      weight: 3,
      arbitrary: fc.record({
        step: fc.constant('turn' as const),
        args: fc.tuple(which, fc.constantFrom('ACTIVE', 'ACTIVE', 'PAUSED')),
      }),
    },
    { weight: 1, arbitrary: fc.record({ step: fc.constant('remove' as const), args: fc.tuple(which) }) },
    { weight: 1, arbitrary: fc.record({ step: fc.constant('sweep' as const), args: fc.tuple(which) }) },
    { weight: 4, arbitrary: fc.record({ step: fc.constant('retry' as const), args: fc.tuple(which, fc.boolean()) }) },
    { weight: 1, arbitrary: fc.record({ step: fc.constant('cancel' as const), args: fc.tuple(which) }) },
  ),
  { minLength: 20, maxLength: 60, size: 'max' },
)

test('after any sequence of changes a delivery has the state that the model says', async () => {
  await fc.assert(
    fc.asyncProperty(story, async (told) => {
      const tenantId = await house.addTenant()
      const ids = await Promise.all([1, 2].map((n) => house.addEndpoint(`https://127.0.0.1/${n}`, { tenantId })))
      const model: Model = {
        endpoints: ids.map(({ id }) => ({ id, status: 'ACTIVE', deleted: false })),
        deliveries: [],
      }
      const real: Real = { tenantId, claimed: [] }
      for (const { step, args } of told) {
        await (steps[step] as (...args: unknown[]) => Step)(...args)(model, real)
        await compare(model, real)
      }
    }),
    { numRuns: 1000, interruptAfterTimeLimit: 12_000, markInterruptAsFailure: false, endOnFailure: false },
  )
}, 60_000)
