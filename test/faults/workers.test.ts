// Worker processes that are killed, frozen or asked to leave while they deliver. Nothing is lost, nothing is recorded
// twice, a crash burns no attempt, and what is sent twice was in the air when something happened.

import { createServer } from 'node:net'
import { describe, expect, test, vi } from 'vitest'
import type { GatewayProcess } from '../../harness/gateway-process.ts'
import { fromPublicId } from '../../src/domain/values/id.ts'
import { openStage, type Stage } from './outage.ts'

// Starting processes takes as long as the machine has other things to do.
vi.setConfig({ testTimeout: 120_000 })

/** Events with their deliveries to every endpoint, stored as a publish stores them. */
async function publish(stage: Stage, count: number): Promise<void> {
  await stage.query(
    `with stored as (
       insert into event (id, tenant_id, type, occurred_at, body)
       select uuidv7(), $1, 'call.ended', now(), '{"n":' || n || '}' from generate_series(1, $2::int) n returning id, type
     ), fanned as (
       insert into delivery (tenant_id, event_id, endpoint_id, event_type, max_attempts, next_attempt_at)
       select $1, s.id, e.id, s.type, 7, now() from stored s, endpoint e where e.tenant_id = $1 returning endpoint_id
     )
     select graphile_worker.add_job('deliver', json_build_object('endpointId', endpoint_id))
     from (select distinct endpoint_id from fanned) f`,
    [stage.tenantId, count],
  )
}

const statuses = async (stage: Stage) =>
  (await stage.query<{ status: string }>('select distinct status from delivery')).map(({ status }) => status)

const untilDelivered = (stage: Stage, timeoutMs?: number) =>
  stage.until(async () => (await statuses(stage)).every((status) => status === 'SUCCEEDED'), timeoutMs)

const attempts = (stage: Stage) =>
  stage.query<{ number: number; error_code: string | null }>('select number, error_code from attempt order by id')

/** Starts two workers; tells which of them holds the lease of a delivery. */
async function startTwo(stage: Stage): Promise<(publicDeliveryId: string) => Promise<GatewayProcess>> {
  const byInstance = new Map<string, GatewayProcess>()
  for (const name of ['first', 'second']) {
    const process = await stage.start('worker', { name })
    for (const { instance } of await stage.query<{ instance: string }>('select instance from worker_process'))
      if (!byInstance.has(instance)) byInstance.set(instance, process)
  }
  return async (publicDeliveryId) => {
    const [row] = await stage.query<{ instance: string }>(
      'select w.instance from delivery d join worker_process w on w.id = d.lease_by where d.id = $1',
      [fromPublicId('delivery', publicDeliveryId)],
    )
    return byInstance.get(row!.instance)!
  }
}

describe('a worker that is killed', () => {
  test('after a worker is killed before it has sent, another one sends within seconds, with the same attempt number', async () => {
    const stage = await openStage()
    // Takes the connection and says nothing: the attempt waits for TLS, no byte of the request is sent.
    const silent = createServer((socket) => socket.on('error', () => {}))
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
    const { port } = silent.address() as { port: number }
    const reached = new Promise((resolve) => silent.once('connection', resolve))
    await stage.addEndpoint(`https://localhost:${port}/`)
    const doomed = await stage.start('worker')
    await publish(stage, 1)
    await reached
    await Promise.all([stage.start('worker'), new Promise((resolve) => silent.close(resolve) && resolve(null))])
    const receiver = await stage.receiver({ port })
    const killedAt = performance.now()
    await doomed.end()
    const [request] = await receiver.until((all) => all.length === 1, { timeoutMs: 15_000 })
    // Five seconds where the machine has nothing else to do; the chaos run measures it.
    expect(performance.now() - killedAt).toBeLessThan(10_000)
    expect(request!.headers['x-sivo-attempt']).toBe('1')
    await untilDelivered(stage)
    expect(await attempts(stage)).toEqual([{ number: 1, error_code: null }])
  })

  test('after a worker is killed when the receiver has answered, there is one duplicate with the same id, attempt and body, and one recorded attempt', async () => {
    const stage = await openStage()
    let worker: GatewayProcess | null = null
    let requests = 0
    const receiver = await stage.receiver({
      answer: () => {
        if (++requests === 1) worker!.signal('SIGKILL')
        return 200
      },
    })
    await stage.addEndpoint(receiver.url('/crm'))
    // Nobody else is there: it is started again and takes over from itself.
    worker = await stage.start('worker')
    await publish(stage, 1)
    const [first, second] = await receiver.until((all) => all.length === 2, { timeoutMs: 20_000 })
    const told = ['x-sivo-event-id', 'x-sivo-delivery-id', 'x-sivo-attempt', 'x-sivo-signature'] as const
    expect(told.map((name) => second!.headers[name])).toEqual(told.map((name) => first!.headers[name]))
    expect(second!.body).toEqual(first!.body)
    await untilDelivered(stage)
    expect(await attempts(stage)).toEqual([{ number: 1, error_code: null }])
    expect(receiver.requestCount).toBe(2)
  })

  test('after a worker is killed a second after SIGTERM, at most its attempts in the air are sent twice', async () => {
    const stage = await openStage()
    const receiver = await stage.receiver({ answer: { status: 200, delayMs: 3_000 } })
    for (let i = 0; i < 10; i++) await stage.addEndpoint(receiver.url(`/${i}`))
    const leaving = await stage.start('worker')
    await publish(stage, 4)
    await receiver.until((all) => all.length >= 10)
    const left = leaving.leave(1_000)
    receiver.answer(200)
    expect((await left).code).toBe('SIGKILL')
    const [inTheAir] = await stage.query<{ count: number }>(
      `select count(*)::int as count from delivery where lease_until > now()`,
    )
    await stage.start('worker')
    await untilDelivered(stage)
    expect(receiver.requestCount - 40).toBeLessThanOrEqual(inTheAir!.count)
    expect((await attempts(stage)).map(({ number }) => number)).toEqual(Array(40).fill(1))
  })
})

test('a worker that is frozen loses its lease to another one, and its own result is not recorded when it wakes up', async () => {
  const stage = await openStage()
  const holderOf = await startTwo(stage)
  let frozen: GatewayProcess | null = null
  const receiver = await stage.receiver({
    answer: async ({ headers }) => {
      if (!frozen) {
        frozen = await holderOf(String(headers['x-sivo-delivery-id']))
        frozen.signal('SIGSTOP')
      }
      return 200
    },
  })
  await stage.addEndpoint(receiver.url('/crm'))
  await publish(stage, 1)
  const frozenAt = performance.now()
  const [first, second] = await receiver.until((all) => all.length === 2, { timeoutMs: 30_000 })
  expect(performance.now() - frozenAt).toBeLessThan(25_000)
  expect(second!.headers['x-sivo-attempt']).toBe(first!.headers['x-sivo-attempt'])
  await untilDelivered(stage)
  frozen!.signal('SIGCONT')
  await stage.until(async () => {
    const log = await stage.logOf(frozen!.name)
    return log.includes('process.taken_for_dead') && log.includes('delivery.result_stale')
  })
  expect(await attempts(stage)).toEqual([{ number: 1, error_code: null }])
  // It is one of us again, under a new name.
  await publish(stage, 20)
  await untilDelivered(stage)
  expect(receiver.requestCount).toBe(22)
})

test('a worker that gets SIGTERM under load finishes its attempts: exit 0, no failed attempt, no duplicate', async () => {
  const stage = await openStage()
  const receiver = await stage.receiver({
    keep: 1_000,
    answer: ({ path }) => ({ status: 200, delayMs: path === '/slow' ? 4_000 : 50 }),
  })
  await stage.addEndpoint(receiver.url('/slow'))
  for (let i = 0; i < 5; i++) await stage.addEndpoint(receiver.url(`/${i}`))
  const leaving = await stage.start('worker')
  const staying = await stage.start('worker')
  await publish(stage, 100)
  await receiver.until((all) => all.filter(({ path }) => path === '/slow').length >= 4)
  const left = await leaving.leave(20_000)
  expect(left.code).toBe(0)
  expect(left.tookMs).toBeLessThan(15_000)
  // The lane of the slow endpoint has twenty slots: 100 of them take it a while.
  receiver.answer(200)
  await untilDelivered(stage, 40_000)
  expect(receiver.requestCount).toBe(600)
  expect(await attempts(stage)).toEqual(Array(600).fill({ number: 1, error_code: null }))
  expect(staying.unexpectedEnds).toEqual([])
})
