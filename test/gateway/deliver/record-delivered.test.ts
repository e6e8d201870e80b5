// Results are recorded by two statements: a short one for batches in which every attempt succeeded, and one for all others.

import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { HotDatabase, Statement } from '../../../src/database/pools.ts'
import { claimDeliveries } from '../../../src/gateway/deliver/claim-deliveries.ts'
import type { ClaimedDelivery } from '../../../src/gateway/deliver/claimed-delivery.ts'
import { type Result, recordAttempts } from '../../../src/gateway/deliver/record-attempts.ts'
import { type House, openHouse } from '../../support/house.ts'

let house: House
beforeAll(async () => {
  house = await openHouse({ SIVO_ROLE: 'api' })
})
afterAll(() => house.close())

/** `count` deliveries of a tenant of their own, leased. */
async function claimed(count: number) {
  const tenantId = await house.addTenant()
  const { id: endpointId } = await house.addEndpoint('https://127.0.0.1/', { tenantId })
  await house.publishFor(tenantId, ...Array<object>(count).fill({}))
  const lease = { token: randomUUID(), processId: randomUUID(), now: new Date() }
  const { deliveries } = await claimDeliveries(
    house.app.ctx.hot,
    [{ endpointId, test: false, slots: count, low: null }],
    lease,
  )
  expect(deliveries).toHaveLength(count)
  return { tenantId, endpointId, deliveries: deliveries as [ClaimedDelivery, ...ClaimedDelivery[]] }
}

const startedAt = new Date(Date.now() - 61_000)

function delivered(delivery: ClaimedDelivery): Result {
  return {
    delivery,
    attempt: {
      number: delivery.attemptCount + 1,
      trigger: 'INITIAL',
      startedAt,
      url: 'https://127.0.0.1/',
      requestHeaders: [['content-type', 'application/json']],
      sent: {
        reply: { statusCode: 201, headers: [['x', 'y']], body: Buffer.from('fine'), bodyTruncated: true },
        failure: null,
        timing: { dnsMs: 1, connectMs: 2, tlsMs: 3, firstByteMs: 4, totalMs: 5.5 },
        latencyMs: 6,
        requestCount: 2,
        aborted: false,
      },
    },
    outcome: {
      kind: 'delivered',
      statusCode: 201,
      errorCode: null,
      errorMessage: null,
      retryAfterMs: null,
      gone: false,
    },
    step: { status: 'SUCCEEDED', reason: null, delayMs: null, disableEndpoint: null },
    nextAttemptAt: null,
    wakeAt: null,
  }
}

const deadLettered = (delivery: ClaimedDelivery): Result => ({
  delivery,
  attempt: null,
  outcome: null,
  step: { status: 'DEAD_LETTERED', reason: 'poison', delayMs: null, disableEndpoint: null },
  nextAttemptAt: null,
  wakeAt: null,
})

/** Records the results; returns the answers and the names of the statements that record, without their week. */
async function record(results: Result[]) {
  const { hot } = house.app.ctx
  const names: string[] = []
  const noting: HotDatabase = {
    ...hot,
    query: (statement: Statement, values: unknown[]) => {
      if (statement.name.startsWith('record-')) names.push(statement.name.replace(/-until-\d+$/, ''))
      return hot.query(statement, values)
    },
  }
  return { recorded: await recordAttempts(noting, results), names }
}

/** All that recording changed of a delivery, but for ids and the time of recording. */
async function rowsOf({ id, tenantId }: ClaimedDelivery) {
  const { pool } = house.app.ctx.hot
  const rows = async (text: string, value: string) => (await pool.query(text, [value])).rows
  return {
    delivery: await rows(
      `select to_jsonb(d) - '{id,tenant_id,event_id,endpoint_id,created_at,next_attempt_at,changed_xid,completed_at}'::text[] as row,
        next_attempt_at, completed_at > created_at as completed from delivery d where id = $1`,
      id,
    ),
    attempt: await rows(
      `select to_jsonb(a) - '{id,delivery_id,tenant_id,endpoint_id}'::text[] as row from attempt a where delivery_id = $1`,
      id,
    ),
    tally: await rows(
      `select sum(succeeded) as succeeded, sum(failed_attempts) as failed, array_agg(latencies::text order by latencies::text) as latencies,
        array_agg(minute order by minute) filter (where latencies <> '{}') as attempted, array_agg(last_success_at) filter (where last_success_at is not null) as success,
        max(last_failure_at) as failure, max(failures_in_a_row) as in_a_row from delivery_tally where tenant_id = $1`,
      tenantId,
    ),
  }
}

test('both statements write the same of an attempt that succeeded', async () => {
  const short = await claimed(1)
  const long = await claimed(1)
  const other = await claimed(1)
  expect(await record([delivered(short.deliveries[0])])).toEqual({ recorded: [true], names: ['record-delivered'] })
  expect(await record([delivered(long.deliveries[0]), deadLettered(other.deliveries[0])])).toEqual({
    recorded: [true, true],
    names: ['record-attempts'],
  })
  const rows = await rowsOf(short.deliveries[0])
  expect(rows.attempt).toHaveLength(1)
  expect(rows.delivery[0].row).toMatchObject({ status: 'SUCCEEDED', attempt_count: 1, last_status_code: 201 })
  expect(rows.tally[0].succeeded).toBe('1')
  expect(rows.tally[0].success).toEqual([startedAt])
  expect(rows).toEqual(await rowsOf(long.deliveries[0]))
})

test('a delivery of a bulk retry that succeeds counts for it', async () => {
  const { tenantId, deliveries } = await claimed(2)
  const [ordinary, bulk] = deliveries as [ClaimedDelivery, ClaimedDelivery]
  const { pool } = house.app.ctx.hot
  const id = randomUUID()
  await pool.query('update delivery set bulk_retry_id = $2 where id = $1', [bulk.id, id])
  expect(await record(deliveries.map(delivered))).toEqual({
    recorded: [true, true],
    names: ['record-delivered', 'record-attempts'],
  })
  const { rows } = await pool.query('select succeeded, ended from bulk_retry_tally where bulk_retry_id = $1', [id])
  expect(rows).toEqual([{ succeeded: 1, ended: 1 }])
  expect(await house.deliveries({ tenantId, status: 'SUCCEEDED' })).toHaveLength(2)
  expect((await rowsOf(ordinary)).attempt).toHaveLength(1)
  expect((await rowsOf(bulk)).attempt).toHaveLength(1)
})

test('a delivery that was cancelled in the air stays cancelled, and its attempt is recorded', async () => {
  const { deliveries } = await claimed(1)
  const [delivery] = deliveries
  await house.app.ctx.hot.pool.query(
    `update delivery set status = 'CANCELLED', next_attempt_at = null, completed_at = now() where id = $1`,
    [delivery.id],
  )
  expect((await record([delivered(delivery)])).recorded).toEqual([true])
  const { delivery: row, attempt } = await rowsOf(delivery)
  expect(row[0].row).toMatchObject({ status: 'CANCELLED', attempt_count: 1, lease_token: null })
  expect(attempt).toHaveLength(1)
})

test('a success that is recorded twice, or under a lease that another process has taken over, counts once', async () => {
  const { deliveries } = await claimed(2)
  const results = deliveries.map(delivered)
  await house.app.ctx.hot.pool.query('update delivery set lease_token = $2 where id = $1', [
    deliveries[1]!.id,
    randomUUID(),
  ])
  expect((await record(results)).recorded).toEqual([true, false])
  expect((await record(results)).recorded).toEqual([false, false])
  expect((await rowsOf(deliveries[0])).attempt).toHaveLength(1)
  expect((await rowsOf(deliveries[1]!)).attempt).toEqual([])
})

test('a delivery that stands in a line is recorded with the wake-up of its line, also if it joined the line while it was in the air', async () => {
  const wakeUpsOf = async (endpointId: string) =>
    (await house.app.ctx.hot.pool.query('select subject from subject_wake_up where endpoint_id = $1', [endpointId]))
      .rows
  const lineUp = (id: string) =>
    house.app.ctx.hot.pool.query(`update delivery set line_position = 7, subject = 'call_1' where id = $1`, [id])
  const known = await claimed(1)
  await lineUp(known.deliveries[0].id)
  expect(
    await record([{ ...delivered(known.deliveries[0]), delivery: { ...known.deliveries[0], inLine: true } }]),
  ).toEqual({ recorded: [true], names: ['record-delivered-in-line'] })
  // It joined the line while it was in the air: only its row tells.
  const unknown = await claimed(1)
  await lineUp(unknown.deliveries[0].id)
  expect(await record([delivered(unknown.deliveries[0])])).toEqual({
    recorded: [true],
    names: ['record-delivered', 'record-attempts'],
  })
  for (const { endpointId } of [known, unknown]) expect(await wakeUpsOf(endpointId)).toEqual([{ subject: 'call_1' }])
})

test('a delivery of a line whose subject was erased while it was in the air is recorded', async () => {
  const { deliveries, endpointId } = await claimed(1)
  const { pool } = house.app.ctx.hot
  await pool.query('update delivery set line_position = 7, subject = null where id = $1', [deliveries[0].id])
  expect((await record([delivered(deliveries[0])])).recorded).toEqual([true])
  expect((await pool.query('select 1 from subject_wake_up where endpoint_id = $1', [endpointId])).rows).toEqual([])
})
