// Connections to the database that end, or that fall silent without ending. The process lives on, nobody acts in its
// name meanwhile, and it works again as soon as the database can be reached.

import { expect, test, vi } from 'vitest'
import { openStage, type Stage } from './outage.ts'

// Starting processes takes as long as the machine has other things to do.
vi.setConfig({ testTimeout: 120_000 })

const publish = (stage: Stage) =>
  stage.query(
    `with stored as (
       insert into event (id, tenant_id, type, occurred_at, body) values (uuidv7(), $1, 'call.ended', now(), '{}')
       returning id, type
     ), fanned as (
       insert into delivery (tenant_id, event_id, endpoint_id, event_type, max_attempts, next_attempt_at)
       select $1, s.id, e.id, s.type, 7, now() from stored s, endpoint e where e.tenant_id = $1 returning endpoint_id
     )
     select graphile_worker.add_job('deliver', json_build_object('endpointId', endpoint_id)) from fanned`,
    [stage.tenantId],
  )

const open = async (stage: Stage) =>
  (await stage.query<{ count: number }>(`select count(*)::int as count from delivery where status = 'PENDING'`))[0]!
    .count

test('when every session is ended each second, no process ends, everything is delivered, and no process is declared dead', async () => {
  const stage = await openStage()
  const receiver = await stage.receiver({ answer: { status: 200, delayMs: 20 } })
  await stage.addEndpoint(receiver.url('/crm'))
  const workers = [await stage.start('worker', { name: 'first' }), await stage.start('worker', { name: 'second' })]
  const [before] = await stage.query<{ ids: string[] }>('select array_agg(id order by id) as ids from worker_process')
  for (let second = 0; second < 5; second++) {
    for (let i = 0; i < 10; i++) await publish(stage)
    await stage.query(
      `select pg_terminate_backend(pid) from pg_stat_activity where application_name like 'sivo %' and datname = current_database()`,
    )
    await new Promise((resolve) => setTimeout(resolve, 1_000))
  }
  await stage.until(async () => (await open(stage)) === 0, 45_000)
  expect(new Set(receiver.requests.map(({ headers }) => headers['x-sivo-event-id'])).size).toBe(50)
  expect(workers.flatMap(({ unexpectedEnds }) => unexpectedEnds)).toEqual([])
  const [after] = await stage.query<{ ids: string[] }>('select array_agg(id order by id) as ids from worker_process')
  expect(after).toEqual(before)
})

test.each([
  ['and new ones are answered', 0],
  ['and so do new ones for 8 s', 8_000],
])(
  'after connections fall silent, %s, deliveries continue within 30 s',
  async (_, refuseMs) => {
    const stage = await openStage()
    const receiver = await stage.receiver()
    await stage.addEndpoint(receiver.url('/crm'))
    const proxy = await stage.proxy()
    const worker = await stage.start('worker', { through: proxy })
    await publish(stage)
    await receiver.until((all) => all.length === 1)

    const silentFrom = (await stage.query<{ now: Date }>('select clock_timestamp() as now'))[0]!.now
    const silentAt = performance.now()
    if (refuseMs) proxy.refuseNew()
    proxy.silence()
    setTimeout(proxy.admit, refuseMs)
    await publish(stage)
    await receiver.until((all) => all.length >= 2, { timeoutMs: 40_000 })
    expect(performance.now() - silentAt).toBeLessThan(30_000)
    await stage.until(async () => (await open(stage)) === 0)
    // The server was told nothing of their end either; left alone they would hold the dead name's lock, and rows.
    await stage.until(async () => {
      const [stale] = await stage.query<{ count: number }>(
        `select count(*)::int as count from pg_stat_activity
         where application_name like 'sivo %' and datname = current_database() and backend_start < $1`,
        [silentFrom],
      )
      return stale!.count === 0
    })
    expect(worker.unexpectedEnds).toEqual([])
  },
  70_000,
)

test('after the database was ended at once and is back, the worker delivers again within 10 s, without a restart', async () => {
  const stage = await openStage({ ownPostgres: true })
  const receiver = await stage.receiver({ answer: { status: 200, delayMs: 30 } })
  await stage.addEndpoint(receiver.url('/crm'))
  const worker = await stage.start('worker')
  for (let i = 0; i < 50; i++) await publish(stage)
  await receiver.until((all) => all.length >= 10)
  await stage.postgres!.down('immediate')
  await stage.postgres!.up()
  const upAt = performance.now()
  const before = receiver.requestCount
  await publish(stage)
  await stage.until(() => receiver.requestCount > before)
  expect(performance.now() - upAt).toBeLessThan(10_000)
  await stage.until(async () => (await open(stage)) === 0, 40_000)
  expect(new Set(receiver.requests.map(({ headers }) => headers['x-sivo-event-id'])).size).toBe(51)
  expect(worker.unexpectedEnds).toEqual([])
})

test('when a session crashes and ends all others, no process is declared dead, and everything is delivered', async () => {
  const stage = await openStage({ ownPostgres: true })
  const receiver = await stage.receiver({ answer: { status: 200, delayMs: 30 } })
  await stage.addEndpoint(receiver.url('/crm'))
  const workers = [await stage.start('worker'), await stage.start('worker')]
  const ids = async () =>
    (await stage.query<{ ids: string[] }>('select array_agg(id order by id) as ids from worker_process'))[0]!.ids
  const before = await ids()
  for (let i = 0; i < 40; i++) await publish(stage)
  const [session] = await stage.query<{ pid: number }>(
    `select pid from pg_stat_activity where application_name like 'sivo %' limit 1`,
  )
  process.kill(session!.pid, 'SIGKILL')
  await stage.until(async () => (await open(stage)) === 0, 40_000)
  // Long enough for two looks at those who would be silent.
  await stage.until(async () => {
    const [row] = await stage.query<{ old: boolean }>(
      `select backend_start < now() - interval '9 s' as old from pg_stat_activity where backend_type = 'walwriter'`,
    )
    return row!.old
  })
  expect(await ids()).toEqual(before)
  expect(receiver.requests.map(({ headers }) => headers['x-sivo-attempt'])).toEqual(receiver.requests.map(() => '1'))
  expect(workers.flatMap(({ unexpectedEnds }) => unexpectedEnds)).toEqual([])
})
