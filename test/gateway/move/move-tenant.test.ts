// A tenant moves from one cell to another, both whole gateways on databases of their own with keys of their own, while events are
// published for it and its receivers answer. A run is broken off at every step, and the next one goes on.

import { randomBytes } from 'node:crypto'
import type { Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import type pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { App } from '../../../src/app.ts'
import { smallestIdAt } from '../../../src/database/filters/id-window.ts'
import { listPartitions } from '../../../src/database/partitions.ts'
import { openPool } from '../../../src/database/pools.ts'
import type { Receiver } from '../../../src/dev/receiver.ts'
import { hashToken, KEY_PREFIX, makeToken } from '../../../src/domain/access/credential.ts'
import { EVENT_TYPES } from '../../../src/domain/event-types/catalogue.ts'
import { DAY_MS } from '../../../src/domain/retention.ts'
import { signBody, signingKeys } from '../../../src/domain/signing/signature.ts'
import { toPublicId } from '../../../src/domain/values/id.ts'
import { moveOf } from '../../../src/errors.ts'
import { openIdentitySession } from '../../../src/gateway/admin/console-link.ts'
import { TABLES } from '../../../src/gateway/move/arrive.ts'
import { type MoveStep, moveTenant } from '../../../src/gateway/move/move-tenant.ts'
import { publishEvents } from '../../../src/gateway/publish/publish-events.ts'
import { receiveRequest } from '../../../src/gateway/receiver/receive-request.ts'
import { findTestReceiver } from '../../../src/gateway/receiver/test-receiver.ts'
import { belongsToEndpoint, belongsToTenant, createVault } from '../../../src/vault.ts'
import { type ClonedDatabase, cloneDatabase } from '../../support/database.ts'
import { accessTo } from '../../support/database-session.ts'
import { exampleEvent, type House, openHouse } from '../../support/house.ts'
import { movePast } from '../../support/past.ts'

const TARGET_KEY = Buffer.alloc(32, 9)
/** The type of the events that one endpoint gets in the order of their subject. */
const IN_ORDER = EVENT_TYPES[1]!.name
const SCHEDULE = { SIVO_RETRY_SCHEDULE: '100ms,100ms' }
let eu1: House
let us1: App
let target: ClonedDatabase
let receiver: Receiver
const pools: pg.Pool[] = []

beforeAll(async () => {
  eu1 = await openHouse({ SIVO_CELL: 'eu1', ...SCHEDULE })
  target = await cloneDatabase()
  us1 = await eu1.openAnother({
    DATABASE_URL: target.url,
    SIVO_CELL: 'us1',
    SIVO_SECRETS_KEY: TARGET_KEY.toString('base64'),
  })
  receiver = await eu1.receiver({ hostname: 'localhost' })
  receiver.answerAt('/broken', { status: 500 })
  // Slower than the call goes on, so that its line waits whenever a move begins.
  receiver.answerAt('/in-order', { delayMs: 60 })
})
afterAll(async () => {
  await Promise.all(pools.map((pool) => pool.end()))
  await eu1?.close()
  await target?.drop()
})

const poolTo = (url: string) => {
  const pool = openPool(accessTo(url), 'tool', 1)
  pools.push(pool)
  return pool
}

type Queries = Pick<pg.ClientBase, 'query'>

/** Moves the tenant. At `killedAt` both sessions of the run are cut, as when its process is killed. */
async function move(
  tenantId: string,
  {
    killedAt,
    reached = [],
    onStep = () => {},
  }: {
    killedAt?: MoveStep
    reached?: MoveStep[]
    onStep?: (step: MoveStep, on: Record<'source' | 'target', Queries>) => void
  } = {},
) {
  const ends = { source: poolTo(eu1.database.url), target: poolTo(target.url) }
  const clientOf = (pool: pg.Pool) => (pool as unknown as { _clients: [Queries & { stream: Socket }] })._clients[0]
  const moved = await moveTenant({
    ...ends,
    vaults: { from: createVault([Buffer.alloc(32, 7)]), to: createVault([TARGET_KEY]) },
    tenantId,
    toCell: 'us1',
    freezeMs: 20_000,
    actor: 'test',
    onStep(step) {
      reached.push(step)
      onStep(step, { source: clientOf(ends.source), target: clientOf(ends.target) })
      if (step !== killedAt) return
      clientOf(ends.source).stream.destroy()
      clientOf(ends.target).stream.destroy()
    },
  })
  return { ...moved, steps: reached }
}

/** Publishes event after event, each with a key, at the cell that takes them, until it is stopped. Every tenth is of one call. */
function keepPublishing(tenantId: string) {
  const acknowledged = new Map<string, string>()
  const faults: unknown[] = []
  let ctx = eu1.app.ctx
  let refused = 0
  let stopped = false
  const publishOne = async (n: number) => {
    const key = `key-${n}`
    const ofCall = n % 10 === 0 ? { type: IN_ORDER, subject: 'call', sequence: n } : {}
    const event = exampleEvent({ idempotencyKey: key, ...ofCall })
    for (;;) {
      try {
        const [stored] = await publishEvents(ctx, { tenantId, events: [event] })
        acknowledged.set(key, stored!.id)
        return
      } catch (error) {
        const moving = moveOf(error)
        if (!moving) return void faults.push(error)
        refused++
        if (moving.cell === 'us1') ctx = us1.ctx
        await delay(20)
      }
    }
  }
  const running = (async () => {
    for (let n = 1; !stopped; n++) {
      await publishOne(n)
      await delay(5)
    }
  })()
  return {
    acknowledged,
    faults,
    refused: () => refused,
    async stop() {
      stopped = true
      await running
    },
  }
}

/** Somebody who gets notices, somebody who is signed in, and the test receiver with what came to it. */
async function addPeople(tenantId: string) {
  const { db, vault } = eu1.app.ctx
  const address = 'maya@example.com'
  const recipient = await db.noticeRecipient.create({
    data: {
      tenantId,
      kind: 'EMAIL',
      sealed: new Uint8Array(vault.seal(address, belongsToTenant(tenantId))),
      hint: address,
      // Nothing is sent meanwhile.
      nextAt: new Date('2100-01-01'),
    },
  })
  const test = await db.notice.create({ data: { recipientId: recipient.id, phase: 'TEST', createdAt: new Date(0) } })
  const person = { tenantId, role: 'ADMIN' as const, name: 'Maya Okafor' }
  const session = await openIdentitySession(eu1.app.ctx, {
    ...person,
    issuer: 'https://id.example.com',
    subject: 'maya',
    email: address,
  })
  const testReceiver = await db.testReceiver.create({ data: { tenantId, token: 'r'.repeat(43), statusCode: 418 } })
  await receiveRequest(eu1.app.ctx, testReceiver, { rawHeaders: [], body: Buffer.from('{}') })
  return {
    async expectThere() {
      const { ctx } = us1
      const there = await ctx.db.noticeRecipient.findUniqueOrThrow({ where: { id: recipient.id } })
      expect(there).toMatchObject({ hint: address, nextAt: recipient.nextAt })
      expect(ctx.vault.open(Buffer.from(there.sealed!), belongsToTenant(tenantId))).toBe(address)
      expect(await ctx.db.notice.findMany({ where: { recipientId: recipient.id } })).toContainEqual(test)
      const tokenHash = new Uint8Array(hashToken(session!.token))
      expect(await ctx.db.session.findUnique({ where: { tokenHash } })).toMatchObject({ ...person, revokedAt: null })
      expect(await eu1.app.ctx.db.session.findUnique({ where: { tokenHash } })).not.toMatchObject({ revokedAt: null })
      expect(await findTestReceiver(ctx, testReceiver.token)).toEqual(testReceiver)
      const came = await ctx.db.receivedRequest.findMany({ where: { tenantId } })
      expect(came.map(({ signature }) => signature)).toEqual(['UNKNOWN_DELIVERY'])
    },
  }
}

const STEPS: readonly MoveStep[] = [
  'copy',
  'hold what waits',
  'freeze',
  'guard publishing',
  'wait for attempts',
  'guard everything',
  'copy the rest',
  'compare',
  'switch',
  'arrive',
  'leave',
  'guard what left',
]

test('a tenant that moves under traffic, with a run killed at every step, loses and doubles nothing', async () => {
  const { tenantId } = eu1
  const { vault } = eu1.app.ctx
  const works = await eu1.addEndpoint(receiver.url('/works'))
  const secretHeader = vault.seal('of the receiver', belongsToEndpoint(tenantId, works.id)).toString('base64')
  await eu1.app.ctx.db.endpoint.update({
    where: { id: works.id },
    data: { headers: [{ name: 'X-Secret', hint: 'iver', sealed: secretHeader }], revision: { increment: 1 } },
  })
  const inOrder = await eu1.addEndpoint(receiver.url('/in-order'), { ordering: 'SUBJECT', eventTypes: [IN_ORDER] })
  const people = await addPeople(tenantId)
  const broken = await eu1.addEndpoint(receiver.url('/broken'))
  const key = makeToken(KEY_PREFIX, 'eu1', randomBytes)
  await eu1.app.ctx.db.apiKey.create({
    data: { tenantId, name: 'A key', role: 'ADMIN', hint: 'hint', secretHash: new Uint8Array(hashToken(key)) },
  })
  // Its neighbour in the same batches notices nothing.
  const neighbour = await eu1.addTenant('Neighbour')
  const publisher = keepPublishing(tenantId)
  let neighbours = 0
  const beside = setInterval(() => {
    eu1.publishFor(neighbour, {}).then(
      () => neighbours++,
      (error) => publisher.faults.push(error),
    )
  }, 10)
  await delay(300)
  for (const step of STEPS) {
    const reached: MoveStep[] = []
    await expect(move(tenantId, { killedAt: step, reached }), step).rejects.toThrow(/connection|not queryable/i)
    expect(reached.at(-1)).toBe(step)
  }
  const { steps } = await move(tenantId)
  expect(steps).toEqual(['guard what left'])
  await delay(100)
  clearInterval(beside)
  await publisher.stop()

  expect(publisher.faults).toEqual([])
  expect(publisher.refused()).toBeGreaterThan(0)
  expect(neighbours).toBeGreaterThan(30)
  const ids = [...publisher.acknowledged.values()].sort()
  expect(
    (await us1.ctx.db.event.findMany({ where: { tenantId }, orderBy: { id: 'asc' } })).map(({ id }) => id),
  ).toEqual(ids)
  const count = (where: object) => us1.ctx.db.delivery.count({ where: { tenantId, ...where } })
  await eu1.until(async () => (await count({ endpointId: works.id, status: 'PENDING' })) === 0)
  expect(await count({ endpointId: works.id, status: 'SUCCEEDED' })).toBe(ids.length)
  // A receiver that fails is asked now and then, so some of its deliveries still wait.
  expect(await count({ endpointId: broken.id, status: 'DEAD_LETTERED' })).toBeGreaterThan(0)
  expect(await count({ endpointId: broken.id })).toBe(ids.length)
  const received = receiver.requests.filter(({ path }) => path === '/works')
  expect(received.map(({ headers }) => headers['x-sivo-event-id']).sort()).toEqual(
    ids.map((id) => toPublicId('event', id)),
  )
  const signed = (body: Buffer) =>
    signBody({ body, secrets: { current: signingKeys(works.secret) }, eventId: '', timestamp: 0 })
  for (const { body, headers } of [received.at(0)!, received.at(-1)!])
    expect(signed(body)).toContain(headers['x-sivo-signature'])
  expect(new Set(received.map(({ headers }) => headers['x-secret']))).toEqual(new Set(['of the receiver']))
  const calls = await count({ endpointId: inOrder.id })
  await eu1.until(async () => (await count({ endpointId: inOrder.id, status: 'SUCCEEDED' })) === calls)
  const sequences = receiver.requests
    .filter(({ path }) => path === '/in-order')
    .map(({ body }) => JSON.parse(body.toString()).sequence as number)
  expect(sequences).toEqual(Array.from({ length: calls }, (_, at) => (at + 1) * 10))
  await people.expectThere()
  const kept = await us1.ctx.db.attempt.count({ where: { endpointId: works.id, errorCode: null } })
  expect(kept).toBe(ids.length)

  const keys = await us1.ctx.db.idempotencyKey.findMany({ where: { tenantId }, select: { key: true, eventId: true } })
  expect(new Map(keys.map(({ key, eventId }) => [key, eventId]))).toEqual(publisher.acknowledged)
  const [firstKey, firstId] = [...publisher.acknowledged][0]!
  const again = await publishEvents(us1.ctx, { tenantId, events: [exampleEvent({ idempotencyKey: firstKey })] })
  expect(again).toEqual([{ id: firstId, duplicate: true, deliveryCount: 2 }])
  expect(await us1.ctx.db.apiKey.findUnique({ where: { secretHash: new Uint8Array(hashToken(key)) } })).toMatchObject({
    tenantId,
    revokedAt: null,
  })
  const late = await publishEvents(eu1.app.ctx, { tenantId, events: [exampleEvent()] }).catch((error) => error)
  expect(moveOf(late)).toEqual({ cell: 'us1' })
  const audited = await us1.ctx.db.auditEntry.findMany({ where: { tenantId }, select: { action: true } })
  expect(audited.filter(({ action }) => action === 'tenant.arrived')).toHaveLength(1)
}, 60_000)

test('of what waits, the freeze copies what has changed since the copy before, with a stamp or without one', async () => {
  const tenantId = await eu1.addTenant('Waiting')
  const { id: endpointId } = await eu1.addEndpoint(receiver.url('/paused'), { tenantId, status: 'PAUSED' })
  await eu1.publishFor(tenantId, ...Array.from({ length: 20 }, () => ({})))
  const [crashed, later] = (await eu1.deliveries({ tenantId })).map(({ id }) => id)
  // A transaction that is older than these deliveries, also of another database, makes each pass copy them again.
  const isCopiedOnce = async () =>
    (
      await eu1.app.ctx.hot.pool.query(
        'select bool_and(changed_xid < pg_snapshot_xmin(pg_current_snapshot())) as yes from delivery where endpoint_id = $1',
        [endpointId],
      )
    ).rows[0].yes
  await expect.poll(isCopiedOnce).toBe(true)
  const STAMPS = 'select id, xmin::text as stamp from delivery where endpoint_id = $1 order by id'
  let before: Promise<pg.QueryResult<{ id: string; stamp: string }>> | null = null
  await move(tenantId, {
    onStep(step, { source, target }) {
      if (step !== 'freeze') return
      // On the connections of the move, so before its next statement.
      before = target.query(STAMPS, [endpointId])
      // As a claim does for a delivery that was in the air when a process died, and as the record of an attempt does.
      void source.query('update delivery set crash_count = 1 where id = $1', [crashed])
      void source.query('update delivery set last_latency_ms = 7, changed_xid = pg_current_xact_id() where id = $1', [
        later,
      ])
    },
  })
  const { rows: after } = await us1.ctx.hot.pool.query(STAMPS, [endpointId])
  const copied = (await before!).rows.filter(({ stamp }, at) => stamp !== after[at].stamp).map(({ id }) => id)
  expect(copied).toEqual([crashed, later].sort())
  const there = await us1.ctx.db.delivery.findMany({ where: { tenantId }, orderBy: { id: 'asc' } })
  expect(there.map(({ status, leaseBy }) => [status, leaseBy])).toEqual(Array(20).fill(['PENDING', null]))
  expect(there.find(({ id }) => id === crashed)).toMatchObject({ crashCount: 1 })
  expect(there.find(({ id }) => id === later)).toMatchObject({ lastLatencyMs: 7 })
})

test('a move is refused while a delivery waits that is older than what the target keeps, and it waits on', async () => {
  const tenantId = await eu1.addTenant('Long ago')
  const { id: endpointId } = await eu1.addEndpoint(receiver.url('/paused'), { tenantId, status: 'PAUSED' })
  await eu1.publishFor(tenantId, {})
  await movePast(eu1.app.ctx.hot.pool, tenantId, 100)
  const there = us1.ctx.hot.pool
  const [first] = await listPartitions(there, 'delivery')
  const bounds = [Date.now() - 60 * DAY_MS, first!.to].map(smallestIdAt)
  await there.query(
    `alter table delivery detach partition ${first!.name};
     alter table delivery attach partition ${first!.name} for values from ('${bounds[0]}') to ('${bounds[1]}')`,
  )
  await expect(move(tenantId)).rejects.toThrow(
    `which the target no longer keeps, got 1 for ${toPublicId('endpoint', endpointId)}. Resume`,
  )
  const [waiting] = await eu1.deliveries({ tenantId })
  expect(waiting).toMatchObject({ status: 'PENDING', leaseBy: null })
  await eu1.app.ctx.db.delivery.update({ where: { id: waiting!.id }, data: { status: 'CANCELLED' } })
  await move(tenantId)
  expect(await us1.ctx.db.endpoint.count({ where: { tenantId } })).toBe(1)
})

test('every table moves with a tenant, or stays for a reason', async () => {
  const inPieces = ['event', 'delivery', 'attempt', 'header_form', 'test_signature', 'idempotency_key']
  const stays = {
    bulk_retry_tally: 'is added up before a bulk retry ends, and a move waits for that',
    deployed_version: 'is of the cell',
    health_watch: 'is of the cell',
    moved_credential: 'is what stays of a tenant',
    packed_index: 'is of the cell',
    search_backlog: 'the target notes the events that arrive',
    search_segment: 'the target makes its own',
    search_term: 'is empty',
    search_walk: 'is of the cell',
    subject_wake_up: 'the target looks at every line once',
    tenant_move: 'is the move itself',
    test_step: 'is of an attempt in the air, and a move waits for its end',
    worker_process: 'is of the cell',
    _prisma_migrations: 'is of the cell',
  }
  const { rows } = await eu1.app.ctx.hot.pool.query(
    `select relname as name from pg_class where relnamespace = current_schema()::regnamespace and relkind in ('r', 'p') and not relispartition`,
  )
  const known = [...TABLES, ...inPieces, ...Object.keys(stays)]
  expect(rows.map(({ name }) => name).sort()).toEqual(known.sort())
})
