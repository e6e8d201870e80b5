import { randomUUID } from 'node:crypto'
import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Receiver } from '../../../src/dev/receiver.ts'
import { claimDeliveries, markWatched } from '../../../src/gateway/deliver/claim-deliveries.ts'
import type { ClaimedDelivery } from '../../../src/gateway/deliver/claimed-delivery.ts'
import { type Result, recordAttempts } from '../../../src/gateway/deliver/record-attempts.ts'
import { reconcile } from '../../../src/gateway/recover/reconcile.ts'
import { openDatabasePath } from '../../support/database-path.ts'
import { openClient } from '../../support/database-session.ts'
import { type House, openHouse } from '../../support/house.ts'
import { leaseOf, lostProcess, unattended } from '../../support/unattended.ts'

let house: House
let receiver: Receiver
const logged: { level: number; msg: string; endpointId?: string }[] = []
beforeAll(async () => {
  const log = pino({ level: 'error' }, { write: (line: string) => logged.push(JSON.parse(line)) })
  house = await openHouse({}, { log })
  receiver = await house.receiver()
})
afterAll(() => house.close())

describe.concurrent('nothing that was acknowledged is lost', () => {
  test('a delivery whose wake-up was lost is found within four seconds', async () => {
    const waiting = await unattended(house, receiver, 5, { nextAttemptAt: new Date() })
    const before = performance.now()
    await waiting.activate()
    await waiting.untilStatus('SUCCEEDED', 4_000 + 1_000)
    expect(performance.now() - before).toBeLessThan(4_000)
  })

  test('an overdue delivery is sent also while no job is fetched', async () => {
    const alone = await openHouse()
    const to = await alone.receiver()
    await alone.app.ctx.hot.pool.query(`create function keep_for_nobody() returns trigger language plpgsql as $$
      begin new.locked_at := now(); new.locked_by := 'nobody'; return new; end $$`)
    await alone.app.ctx.hot.pool.query(`create trigger keep_for_nobody before insert on graphile_worker._private_jobs
      for each row execute function keep_for_nobody()`)
    const waiting = await unattended(alone, to, 5, { nextAttemptAt: new Date() })
    await waiting.activate()
    await waiting.untilStatus('SUCCEEDED', 5_000)
    expect(to.requestCount).toBe(5)
    await alone.close()
  })

  test('another process takes a lease after it ran out, not before, with the same attempt number', async () => {
    const { db } = house.app.ctx
    const lease = leaseOf(randomUUID(), 600)
    const waiting = await unattended(house, receiver, 2, lease)
    const [held, free] = (await waiting.deliveries()).map(({ id }) => ({ id }))
    await db.delivery.update({ where: free!, data: { leaseToken: null, leaseBy: null, leaseUntil: null } })
    await waiting.activate()
    // Whoever claims the free one comes past the other, which is first in line.
    await house.until(async () => (await db.delivery.count({ where: { ...free, status: 'SUCCEEDED' } })) === 1)
    const read = () => db.delivery.findFirstOrThrow({ where: held! })
    expect(await read()).toMatchObject({ ...lease, status: 'PENDING', attemptCount: 0 })
    await db.delivery.update({ where: held!, data: { leaseUntil: new Date(Date.now() - 1) } })
    await waiting.untilStatus('SUCCEEDED')
    const attempts = (await waiting.attempts()).filter(({ deliveryId }) => deliveryId === held!.id)
    expect(attempts).toMatchObject([{ number: 1, trigger: 'INITIAL' }])
    expect(await read()).toMatchObject({ attemptCount: 1, suspect: false, crashCount: 0 })
  })

  test('a process without lock and heartbeat is dead within seconds, and its leases end with it', async () => {
    const held = await unattended(house, receiver, 30, leaseOf(await lostProcess(house), 60))
    const before = performance.now()
    await held.activate()
    await held.untilStatus('SUCCEEDED')
    expect(performance.now() - before).toBeLessThan(7_000)
    // They were suspects, and one recorded attempt cleared each.
    expect(
      (await held.deliveries()).every(
        ({ suspect, sentAlone, crashCount }) => !suspect && !sentAlone && crashCount === 0,
      ),
    ).toBe(true)
    expect(await held.attempts()).toHaveLength(30)
  })

  test('a delivery whose event was removed by retention becomes a dead letter, not a loop', async () => {
    const expired = await unattended(house, receiver, 2)
    const [first, second] = await expired.deliveries()
    await house.app.ctx.db.event.update({ where: { id: first!.eventId }, data: { body: null } })
    await house.app.ctx.db.$executeRaw`delete from event where id = ${second!.eventId}::uuid`
    await expired.activate()
    await expired.untilStatus('DEAD_LETTERED')
    for (const delivery of await expired.deliveries())
      expect(delivery).toMatchObject({
        reason: 'event_expired',
        attemptCount: 0,
        nextAttemptAt: null,
        leaseToken: null,
      })
    expect(expired.requests()).toEqual([])
  })

  test('a secret that cannot be opened is logged as an error and loses nothing', async () => {
    const alarms = () => logged.filter((line) => line.msg === 'endpoint.secret_unreadable')
    const sealed = await unattended(house, receiver, 60)
    const { db } = house.app.ctx
    const secret = await db.signingSecret.findFirstOrThrow({ where: { endpointId: sealed.id } })
    await db.signingSecret.update({ where: { id: secret.id }, data: { sealed: secret.sealed.map((byte) => byte ^ 1) } })
    await sealed.activate()
    await house.until(async () => alarms().length > 0)
    expect(alarms()[0]).toMatchObject({ endpointId: sealed.id, level: 50 })
    expect(
      (await sealed.deliveries()).every(({ attemptCount, status }) => attemptCount === 0 && status === 'PENDING'),
    ).toBe(true)
    // One alarm at a time, not one for each delivery that waits.
    expect(alarms().length).toBeLessThanOrEqual(2)
    await db.signingSecret.update({ where: { id: secret.id }, data: { sealed: secret.sealed } })
    await sealed.untilStatus('SUCCEEDED')
    expect(sealed.requests()).toHaveLength(60)
  })

  test('a result is not lost with the connection that should have recorded it', async () => {
    const quiet = await openHouse({ SIVO_ROLE: 'api' })
    const to = await quiet.receiver()
    const path = await openDatabasePath(quiet.database.url)
    const waiting = await unattended(quiet, to, 1)
    to.answer(async () => {
      // From here on nothing arrives any more, and nobody says so.
      path.silence()
      setTimeout(path.mend, 300)
      return 200
    })
    await quiet.openAnother({ SIVO_ROLE: 'worker', DATABASE_URL: path.url })
    // Its start is over: none of its questions is lost with the connections.
    await waiting.activate()
    await waiting.untilStatus('SUCCEEDED', 25_000)
    expect(to.requestCount).toBe(1)
    await quiet.close()
    await path.close()
  }, 60_000)
})

describe('a process that lost its lease writes nothing', () => {
  let quiet: House
  beforeAll(async () => {
    quiet = await openHouse({ SIVO_ROLE: 'api' })
  })
  afterAll(() => quiet.close())

  const claim = async (endpointId: string) => {
    const token = randomUUID()
    const claims = [{ endpointId, test: false, slots: 10, low: null }]
    return (await claimDeliveries(quiet.app.ctx.hot, claims, { token, processId: randomUUID(), now: new Date() }))
      .deliveries
  }
  const refusedResult = (delivery: Result['delivery'], statusCode: number): Result => ({
    delivery,
    attempt: {
      number: delivery.attemptCount + 1,
      trigger: 'INITIAL',
      startedAt: new Date(),
      url: 'https://127.0.0.1/',
      requestHeaders: [],
      sent: {
        reply: { statusCode, headers: [], body: Buffer.from('No.'), bodyTruncated: false },
        failure: null,
        timing: { dnsMs: null, connectMs: null, tlsMs: null, firstByteMs: 1, totalMs: 1 },
        latencyMs: 1,
        requestCount: 1,
        aborted: false,
      },
    },
    outcome: {
      kind: 'refused',
      statusCode,
      errorCode: 'http_status',
      errorMessage: 'No.',
      retryAfterMs: null,
      gone: false,
    },
    step: { status: 'PENDING', reason: null, delayMs: 60_000, disableEndpoint: null },
    nextAttemptAt: new Date(Date.now() + 60_000),
    wakeAt: null,
  })

  test('a result that arrives after its lease was taken over is not recorded', async () => {
    const waiting = await unattended(quiet, receiver, 2)
    await waiting.activate()
    const late = await claim(waiting.id)
    expect(late).toHaveLength(2)
    expect(await claim(waiting.id)).toEqual([])
    await quiet.app.ctx.db.delivery.updateMany({ where: { id: late[0]!.id }, data: { leaseUntil: new Date(0) } })
    const [successor] = await claim(waiting.id)
    expect(successor!.id).toBe(late[0]!.id)

    const { hot } = quiet.app.ctx
    expect(
      await recordAttempts(
        hot,
        late.map((delivery) => refusedResult(delivery, 500)),
      ),
    ).toEqual([false, true])
    expect(await recordAttempts(hot, [refusedResult(successor!, 418)])).toEqual([true])
    const statuses = (await waiting.attempts()).map(({ deliveryId, statusCode }) => [deliveryId, statusCode])
    expect(Object.fromEntries(statuses)).toEqual({ [late[1]!.id]: 500, [late[0]!.id]: 418 })
  })

  test('a batch of results that is sent again after a lost answer counts once', async () => {
    const waiting = await unattended(quiet, receiver, 3)
    await waiting.activate()
    const results = (await claim(waiting.id)).map((delivery) => refusedResult(delivery, 500))
    expect(await recordAttempts(quiet.app.ctx.hot, results)).toEqual([true, true, true])
    const after = await waiting.deliveries()
    expect(await recordAttempts(quiet.app.ctx.hot, results)).toEqual([false, false, false])
    expect(await waiting.deliveries()).toEqual(after)
    expect(await waiting.attempts()).toHaveLength(3)
  })

  describe('the reconciler judges', () => {
    const row = async (id: string) =>
      (
        await quiet.app.ctx.db.$queryRaw<{ died: boolean; suspected: boolean }[]>`
        select died_at is not null as died, suspect_since is not null as suspected from worker_process where id = ${id}::uuid`
      )[0]!
    const round = () =>
      reconcile(quiet.app.ctx, { processId: randomUUID(), memory: new Map(), nowMs: performance.now() })
    const age = (id: string, beat: string, suspect: string | null = null) =>
      quiet.app.ctx.db.$executeRaw`
        update worker_process set beat_at = now() - ${beat}::interval, suspect_since = now() - ${suspect}::interval where id = ${id}::uuid`

    test.each([
      // What is silent is seen twice, and only then dead.
      { beat: '1 s', suspect: null, died: false, suspected: false },
      { beat: '3 s', suspect: null, died: false, suspected: true },
      { beat: '3 s', suspect: '1 s', died: false, suspected: true },
      { beat: '3 s', suspect: '2 s', died: true, suspected: true },
      // The look before was long ago: the database, or the process that decides, stood still since. That is no second look.
      { beat: '60 s', suspect: '30 s', died: false, suspected: true },
    ])(
      'a process without its lock, silent for $beat, suspected for $suspect: dead is $died',
      async ({ beat, suspect, died, suspected }) => {
        const id = await lostProcess(quiet)
        await age(id, beat, suspect)
        await round()
        expect(await row(id)).toEqual({ died, suspected })
        await quiet.app.ctx.db.$executeRaw`delete from worker_process where id = ${id}::uuid`
      },
    )

    test.each([
      { beat: '5 s', suspect: null, died: false, suspected: false },
      { beat: '5 s', suspect: '2 s', died: false, suspected: true },
      { beat: '9 s', suspect: null, died: false, suspected: true },
      { beat: '11 s', suspect: null, died: false, suspected: true },
      { beat: '11 s', suspect: '2 s', died: true, suspected: true },
      { beat: '60 s', suspect: '50 s', died: false, suspected: true },
    ])(
      'a process with its lock, silent for $beat, suspected for $suspect: dead is $died',
      async ({ beat, suspect, died, suspected }) => {
        const id = await lostProcess(quiet)
        const holder = await openClient(quiet.database.url)
        await holder.query('select pg_advisory_lock(hashtextextended($1, 0))', [id])
        await age(id, beat, suspect)
        await round()
        expect(await row(id)).toEqual({ died, suspected })
        await holder.end()
        await quiet.app.ctx.db.$executeRaw`delete from worker_process where id = ${id}::uuid`
      },
    )

    test('the reconciler declares no process with a heartbeat dead, and only one runs a round at a time', async () => {
      expect((await Promise.all([round(), round(), round()])).filter((done) => done?.died.length)).toEqual([])
      const { rows } = await quiet.app.ctx.hot.pool.query('select died_at from worker_process')
      expect(rows).toEqual([{ died_at: null }])
    })
  })
})

describe.concurrent('poison', () => {
  test('a delivery that crashed three processes while alone becomes a dead letter without another attempt; its neighbours are delivered', async () => {
    const dead = await lostProcess(house, { dead: true })
    const poison = await unattended(house, receiver, 1, {
      ...leaseOf(dead, 60),
      suspect: true,
      sentAlone: true,
      crashCount: 5,
    })
    const beside = await unattended(house, receiver, 5, { ...leaseOf(dead, 60), suspect: true, crashCount: 5 })
    const convicted = await unattended(house, receiver, 1, {
      ...leaseOf(dead, 60),
      suspect: true,
      sentAlone: true,
      crashCount: 4,
    })
    await Promise.all([poison.activate(), beside.activate(), convicted.activate()])
    await poison.untilStatus('DEAD_LETTERED')
    expect((await poison.deliveries())[0]).toMatchObject({ reason: 'poison', attemptCount: 0 })
    expect(poison.requests()).toEqual([])
    await beside.untilStatus('SUCCEEDED')
    await convicted.untilStatus('SUCCEEDED')
    expect(convicted.requests()).toHaveLength(1)
  })

  test('a suspect is not sent under the lease of a process that was declared dead', async () => {
    const held = await unattended(house, receiver, 2, { ...leaseOf(randomUUID(), 60), suspect: true })
    const [living, lost] = (await held.deliveries()) as unknown as [ClaimedDelivery, ClaimedDelivery]
    const leaseBy = await lostProcess(house, { dead: true })
    await house.app.ctx.db.delivery.update({ where: { id: lost.id }, data: { leaseBy } })
    expect(await markWatched(house.app.ctx.hot, living, [])).toBe(true)
    expect(await markWatched(house.app.ctx.hot, lost, [])).toBe(false)
  })

  test('an outage of the database makes no suspects: a lease that ran out does not count as a crash', async () => {
    const held = await unattended(house, receiver, 3, {
      ...leaseOf(await lostProcess(house), -1),
      sentAlone: true,
      crashCount: 5,
    })
    // Its process lives after all, as after a restart of the database.
    await house.app.ctx.db
      .$executeRaw`update worker_process set beat_at = now() + interval '1 min' where died_at is null`
    await held.activate()
    await held.untilStatus('SUCCEEDED')
    expect(held.requests()).toHaveLength(3)
  })

  test('a slow suspect delays no other suspect, and does not count as the cause of a crash', async () => {
    const dead = await lostProcess(house, { dead: true })
    const slow = await unattended(house, receiver, 1, { ...leaseOf(dead, 60), suspect: true })
    receiver.answerAt(slow.path, { status: 200, delayMs: 4_000 })
    await slow.activate()
    await receiver.until(() => slow.requests().length === 1)
    const others = await unattended(house, receiver, 10, { ...leaseOf(dead, 60), suspect: true })
    await others.activate()
    await others.untilStatus('SUCCEEDED', 3_900)
    expect((await slow.deliveries())[0]).toMatchObject({ status: 'PENDING', sentAlone: false, suspect: true })
    await slow.untilStatus('SUCCEEDED')
  })
})
