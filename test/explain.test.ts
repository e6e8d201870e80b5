// The delivery path walks indexes, whatever the tables grow to: each of its statements is planned as the hot pool plans
// it, over partitions that hold rows.

import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { IS_DEAD_BY } from '../src/database/filters/dead-causes.ts'
import { FIRST_ID } from '../src/database/filters/id-window.ts'
import type { HotDatabase, Statement, Transactional } from '../src/database/pools.ts'
import { WHOLE_TABLES } from '../src/database/this-week.ts'
import { deadLettersOf } from '../src/domain/delivery/filter.ts'
import type { NewEvent } from '../src/domain/event/new-event.ts'
import { cancelUnwanted, countUnwanted } from '../src/gateway/admin/cancel-unwanted.ts'
import { sweepDeletedEndpoint, sweepDeletedEndpoints } from '../src/gateway/admin/sweep-deleted-endpoint.ts'
import { validateCondition } from '../src/gateway/admin/validate-condition.ts'
import { claimDeliveries, markWatched, readBody, releaseLeases } from '../src/gateway/deliver/claim-deliveries.ts'
import type { ClaimedDelivery } from '../src/gateway/deliver/claimed-delivery.ts'
import { claimThroughGates } from '../src/gateway/deliver/gates.ts'
import { prepareRecord, recordAttempts } from '../src/gateway/deliver/record-attempts.ts'
import { readIncidents } from '../src/gateway/health/incidents.ts'
import { readWaiting } from '../src/gateway/health/waiting-deliveries.ts'
import { sendTestEvent } from '../src/gateway/publish/send-test-event.ts'
import { prepareStore, storeEvents } from '../src/gateway/publish/store-events.ts'
import { reconcile } from '../src/gateway/recover/reconcile.ts'
import { countGroups } from '../src/gateway/retry/dead-letter-groups.ts'
import { countUnacknowledged, groupDeadLetters } from '../src/gateway/retry/dead-letters.ts'
import { replayNext } from '../src/gateway/retry/replay.ts'
import { cancelDelivery, retryDelivery } from '../src/gateway/retry/retry-delivery.ts'
import { everyDelivery } from './support/every-delivery.ts'
import { diedLongAgo, type House, openHouse } from './support/house.ts'

let house: House
const statements = new Map<string, string>()
/** A plan is kept for as long as its connection: it must be a good one from the first day on. */
const plansOfTheFirstDay = new Map<string, string>()

beforeAll(async () => {
  house = await openHouse({ SIVO_ROLE: 'api' })
  const hot = recording(house.app.ctx.hot)
  await walkThePath(hot)
  await prepareStore(hot, WHOLE_TABLES)
  await prepareRecord(hot, WHOLE_TABLES)
  for (const [name, text] of statements) plansOfTheFirstDay.set(name, await planOf(text))
  await fillPartitions()
})
afterAll(() => house.close())

/** The hot database, with every statement that goes through it written down. */
function recording(hot: HotDatabase): HotDatabase {
  const note = <T extends { query: Transactional['query'] }>(on: T): T => ({
    ...on,
    query: (statement: Statement, values: unknown[]) => {
      statements.set(statement.name, statement.text)
      return on.query(statement, values)
    },
  })
  const noteAll = (on: Transactional): Transactional => ({
    ...note(on),
    transaction: (work) => on.transaction((tx) => work(note(tx))),
  })
  return { ...hot, ...noteAll(hot), unsynced: noteAll(hot.unsynced) }
}

async function fillPartitions(): Promise<void> {
  const { pool } = house.app.ctx.hot
  const { tenantId } = house
  await pool.query(
    `insert into endpoint (tenant_id, name, url, event_types)
     select $1, 'CRM', 'https://127.0.0.1/', array['call.created'] from generate_series(1, 40)`,
    [tenantId],
  )
  await pool.query(
    `insert into event (id, tenant_id, type, occurred_at, body)
     select uuidv7(n % 5 * interval '7 days'), $1, 'call.created', now(), '{}' from generate_series(1, 6000) n`,
    [tenantId],
  )
  await pool.query(
    `insert into delivery (id, tenant_id, event_id, endpoint_id, event_type, max_attempts, next_attempt_at, status)
     select uuidv7(row_number() over () % 5 * interval '7 days'), e.tenant_id, e.id, p.id, e.type, 7, now(),
       (array['PENDING', 'SUCCEEDED', 'DEAD_LETTERED'])[1 + row_number() over () % 3]::delivery_status
     from event e join lateral (select id from endpoint order by uuid_extract_timestamp(e.id), random() limit 3) p on true`,
  )
  await pool.query(
    `insert into attempt (id, delivery_id, tenant_id, endpoint_id, number, trigger, started_at, latency_ms, url, request_headers, total_ms)
     select uuidv7(row_number() over () % 5 * interval '7 days'), id, tenant_id, endpoint_id, 1, 'INITIAL', now(), 1, '', '[]', 1 from delivery`,
  )
  await pool.query('analyze')
}

async function walkThePath(hot: HotDatabase): Promise<void> {
  const ctx = { ...house.app.ctx, hot }
  const { tenantId } = house
  const { id: endpointId } = await house.addEndpoint('https://127.0.0.1/x', { eventTypes: ['call.ended'] })
  const { id: gatedId } = await house.addEndpoint('https://127.0.0.1/y', {
    eventTypes: ['call.ended'],
    maxInFlight: 9,
    rateLimitPerSecond: 100,
  })
  const ordered = { eventTypes: ['call.ended'], ordering: 'SUBJECT' as const }
  const { id: orderedId } = await house.addEndpoint('https://127.0.0.1/z', ordered)
  const { id: orderedGatedId } = await house.addEndpoint('https://127.0.0.1/z', { ...ordered, maxInFlight: 9 })
  const newEvent = (key: string | null, content = '00'): NewEvent => ({
    id: ctx.newId(),
    type: 'call.ended',
    subject: null,
    sequence: null,
    occurredAt: new Date(),
    body: '{}',
    bodyBytes: 2,
    key,
    fingerprint: key && content.repeat(32),
  })
  const store = (...events: NewEvent[]) => storeEvents(hot, [{ tenantId, events }], { maxAttempts: 7, repeated: true })
  await store(newEvent(null), newEvent(null))
  await store(newEvent('k'))
  await store(newEvent('k'))
  // A refused call gives its new key back; one that is second in line has its key moved to it.
  await store(newEvent('l'), newEvent('k', '11'))
  await storeEvents(
    hot,
    [
      { tenantId, events: [newEvent('m'), newEvent('k', '11')] },
      { tenantId, events: [newEvent('m', '22')] },
    ],
    { maxAttempts: 7, repeated: false },
  )
  await sendTestEvent(ctx, { endpoint: { id: endpointId, tenantId }, eventType: 'call.ended', data: null })

  const lease = { token: randomUUID(), processId: randomUUID(), now: new Date() }
  const { deliveries } = await claimDeliveries(hot, [{ endpointId, test: false, slots: 4, low: null }], lease)
  const gated = await claimThroughGates(
    hot,
    [gatedId, orderedId, orderedGatedId].map((id) => ({
      endpointId: id,
      test: false,
      slots: 4,
      low: Date.now() - 5_000,
    })),
    lease,
    5_000,
  )
  expect(deliveries).toHaveLength(4)
  expect(gated.deliveries).not.toEqual([])
  const [first, second, third, fourth] = deliveries as [
    ClaimedDelivery,
    ClaimedDelivery,
    ClaimedDelivery,
    ClaimedDelivery,
  ]
  await markWatched(hot, first, [second])
  await readBody(hot, first.eventId)
  await releaseLeases(hot, [third])
  const step = { status: 'DEAD_LETTERED', reason: 'poison', delayMs: null, disableEndpoint: null } as const
  const result = { delivery: first, attempt: null, outcome: null, step, nextAttemptAt: null, wakeAt: null }
  expect(await recordAttempts(hot, [result])).toEqual([true])
  await hot.thisWeek.write([], (tables) => prepareRecord(hot, tables))
  await storeEvents(hot, [{ tenantId, events: [newEvent(null)] }], { maxAttempts: 7, repeated: false })
  const filter = deadLettersOf(everyDelivery(tenantId))
  const bounds = { few: 0, manyGroups: 50, walked: 50, budget: { together: 100, least: 1 } }
  await countGroups(ctx, filter, { live: false, first: 50 }, bounds)
  await groupDeadLetters(ctx, filter, { first: 50, acknowledged: false })
  await countUnacknowledged(ctx, tenantId)
  await hot.pool.query(
    `insert into dead_letter_acknowledgement (tenant_id, endpoint_id, up_to, acknowledged_by) values ($1, $2, now() + interval '1 h', 'Ada')`,
    [tenantId, endpointId],
  )
  await countUnacknowledged(ctx, tenantId)
  await retryDelivery(ctx, { deliveryId: first.id, tenantId, resend: false })
  await cancelDelivery(ctx, { deliveryId: fourth.id, tenantId })
  await replayStep(ctx, endpointId)
  await readWaiting(ctx, [{ tenantId, endpointId: null }])
  await readIncidents(ctx, { tenantId, endpointId: null }, { first: 50 })
  await diedLongAgo(house)
  await reconcile(ctx, { processId: randomUUID(), memory: new Map(), nowMs: 0 })
  await validateCondition(hot, '$.test == false')
  await countUnwanted(ctx, endpointId, { eventTypes: [], condition: '$.test == false' })
  await cancelUnwanted(ctx, endpointId)
  await house.app.ctx.db.endpoint.update({ where: { id: endpointId }, data: { deletedAt: new Date() } })
  await sweepDeletedEndpoint(ctx, endpointId)
  await sweepDeletedEndpoints(ctx)
}

/** Walks along a few events as a replay does, and takes back what it did. */
async function replayStep(ctx: House['app']['ctx'], endpointId: string): Promise<void> {
  const filter = {
    tenantId: house.tenantId,
    eventTypes: null,
    subject: null,
    test: null,
    search: null,
    undeliveredTo: null,
  }
  const from = new Date(Date.now() - 3_600_000)
  const replay = {
    filter: { ...filter, from, to: null },
    scope: { endpointId, includeDelivered: true, includeUnmatched: false },
  }
  const turn = { ...replay, bulkRetryId: randomUUID(), after: FIRST_ID, room: 5, schedule: [1_000] }
  const undone = ctx.hot.transaction(async (tx) => {
    const [row] = await tx.query<{ asOf: string }>(
      { name: 'as-of', text: 'select pg_current_snapshot()::text as "asOf"' },
      [],
    )
    await replayNext(tx, { ...turn, asOf: row!.asOf })
    throw new Error('undone')
  })
  await expect(undone).rejects.toThrow('undone')
}

/** The generic plan, as the hot pool's settings make it, without the functions that are called. */
async function planOf(text: string): Promise<string> {
  const { rows } = await house.app.ctx.hot.pool.query(`explain (generic_plan, costs off) ${text}`)
  return rows.map((row) => row['QUERY PLAN']).join('\n')
}

/** The plans of today and of the first day, when every table was empty. */
async function allPlans(): Promise<[string, string][]> {
  const plans: [string, string][] = []
  for (const [name, text] of statements) plans.push([name, await planOf(text)])
  return [...plansOfTheFirstDay, ...plans]
}

test('the whole path was walked', () => {
  expect([...statements.keys()].sort()).toEqual(
    expect.arrayContaining([
      'cancel-deliveries-of-deleted-endpoint',
      'cancel-delivery',
      'cancel-unwanted-in_line',
      'cancel-unwanted-timed',
      'claim-deliveries',
      'claim-gated-deliveries',
      'count-dead-letters',
      'count-dead-letters-of-tenant',
      'count-deliveries',
      'count-unacknowledged',
      'count-unwanted-in_line',
      'count-unwanted-timed',
      'free-idempotency-keys',
      'lease-lines',
      'insert-idempotency-keys',
      'lock-delivery',
      'lock-gates',
      'mark-watched',
      'move-lines-on',
      'move-idempotency-keys',
      'read-acknowledged-causes',
      'read-acknowledged-groups',
      'read-body',
      'read-incidents',
      'read-waiting',
      'read-idempotency-keys',
      'reconcile-look',
      'reconcile-overdue',
      'reconcile-sight',
      'record-attempts',
      'record-delivered',
      'release-leases',
      'replay-deliveries',
      'store-events',
      'store-single',
      'store-test-event',
      'walk-dead-letters',
    ]),
  )
})

/** The conditions with which a plan enters the index of what is due, one for each partition it looks into. */
function looksForDue(plan: string): string[] {
  const walks = plan.matchAll(/delivery_until_\d+_endpoint_id_test_next_attempt_at_id_idx.*\n +Index Cond: (.*)/g)
  return [...walks].map(([, condition]) => condition!)
}

test('no statement reads a table of events, deliveries or attempts from end to end, or hashes or sorts one to join it', async () => {
  for (const [name, plan] of await allPlans()) {
    const wrong = plan
      .split('\n')
      .filter((line) => /Seq Scan on (event|delivery|attempt|idempotency_key)|Hash Join|Merge Join/.test(line))
    expect(wrong, `${name}\n${plan}`).toEqual([])
    // What is due is looked for endpoint by endpoint: all of it together may be millions.
    for (const condition of looksForDue(plan)) expect(condition, `${name}\n${plan}`).toContain('endpoint_id = ')
  }
})

test('claims look into every partition by its own small index, and results are written by key', async () => {
  const partitions = await house.app.ctx.hot.pool.query(
    `select count(*)::int as count from pg_inherits where inhparent = 'delivery'::regclass`,
  )
  const { count } = partitions.rows[0]
  expect(count).toBeGreaterThanOrEqual(9)
  for (const [name, plan] of await allPlans()) {
    if (/^(claim|reconcile-look|reconcile-overdue|cancel-deliveries|deleted-endpoints)/.test(name))
      expect(looksForDue(plan), `${name}\n${plan}`).toHaveLength(count)
    if (/^(claim|record|lock-delivery)/.test(name))
      expect(plan, name).toMatch(/Index Scan using delivery_until_\d+_pkey/)
  }
})

test('storing and recording touch one partition of each table, and each statement is prepared once a week', async () => {
  const weekly = [...statements.keys()].filter((name) => /-until-/.test(name))
  expect(weekly.map((name) => name.replace(/-until-\d{8}$/, '')).sort()).toEqual([
    'record-attempts',
    'record-delivered',
    'store-events',
    'store-single',
  ])
  for (const [name, plan] of (await allPlans()).filter(([name]) => weekly.includes(name))) {
    const partitions = new Set(plan.match(/\b(event|delivery|attempt)_until_\d+\b/g))
    const until = name.slice(-8)
    const tables = name.startsWith('store') ? ['delivery', 'event'] : ['attempt', 'delivery']
    expect([...partitions].sort(), `${name}\n${plan}`).toEqual(tables.map((table) => `${table}_until_${until}`))
    expect(plan).not.toMatch(/ on (event|delivery|attempt)\b(?!_)/)
  }
})

test('a turn of a replay reads the deliveries of its events in one walk, and does not look for each event in each week', async () => {
  const plans = (await allPlans()).filter(([name]) => name.startsWith('replay-take'))
  const takes = plans.filter(([, plan]) => / on delivery/.test(plan))
  expect(takes.length).toBe(2)
  for (const [name, plan] of takes) {
    const walks = [...plan.matchAll(/Scan using delivery_until_\d+_(\w+) .*\n +Index Cond: (.*)/g)]
    expect(walks.length, `${name}\n${plan}`).toBeGreaterThanOrEqual(5)
    for (const [, index, condition] of walks) {
      expect(index, plan).toBe('event_id_idx')
      expect(condition, plan).toMatch(/^\(\(event_id > \$\d+\) AND \(event_id <= \$\d+\)\)$/)
    }
  }
})

test('what waits and what fails is read from the indexes of what is due and of what failed', async () => {
  for (const [name, plan] of await allPlans()) {
    if (!/^read-(waiting|incidents)/.test(name)) continue
    // Whether the delivery of an attempt is kept is one look by its id, in an empty week through whatever index has the id.
    const walks = plan.replaceAll(/using delivery_until_\S+ .*\n +Index Cond: \(id = \w+\.delivery_id\)/g, '')
    const scans = walks.match(/(Index|Index Only) Scan (Backward )?using delivery_until_\S+/g) ?? []
    expect(scans.length, name).toBeGreaterThan(0)
    for (const scan of scans)
      expect(scan, `${name}\n${plan}`).toMatch(
        /_endpoint_id_test_next_attempt_at_id_idx|_endpoint_id_last_error_co\w*_idx/,
      )
  }
})

test('whether dead letters of a cause are there is looked up by the whole cause and the time', async () => {
  const plan = await planOf(IS_DEAD_BY)
  const conditions = [...plan.matchAll(/Index Cond: (.*)/g)].map(([, condition]) => condition!)
  const whole = /tenant_id = .*endpoint_id = .*last_error_code, .*last_status_code, .* = .*completed_at <= /
  // Of a partition without rows, each index that begins with the endpoint costs the same.
  expect(conditions.filter((condition) => whole.test(condition)).length, plan).toBeGreaterThanOrEqual(5)
  for (const condition of conditions) expect(condition, plan).toMatch(/tenant_id = .*endpoint_id = /)
})

test('the lines of subjects are read from their own indexes', async () => {
  for (const [name, plan] of (await allPlans()).filter(([name]) => /^(move|lease)-lines/.test(name))) {
    const scans = plan.match(/(Index|Index Only) Scan (Backward )?using delivery_until_\S+/g) ?? []
    expect(scans.length, name).toBeGreaterThan(0)
    for (const scan of scans)
      expect(scan, `${name}\n${plan}`).toMatch(
        /_pkey|_endpoint_id_id_idx|_subject_line_position_e\w*_idx|_endpoint_id_subject_idx|_holds_line_until_idx/,
      )
    // Each with the endpoint, and the subject or the id: none is a walk over all that stands in lines.
    for (const [, index, condition] of plan.matchAll(/using delivery_until_\d+_(\w+) .*\n +Index Cond: (.*)/g)) {
      if (index !== 'pkey') expect(condition, `${index}\n${plan}`).toMatch(/endpoint_id = /)
      if (!index!.includes('holds')) expect(condition, `${index}\n${plan}`).toMatch(/\bid = |subject = /)
    }
    expect(plan.match(/_endpoint_id_subject_idx.*\n(?! +Index Cond)/g), plan).toBeNull()
  }
})

test('a publish looks at the endpoints of its tenants by index, once to match them and, of many events, once to wake them, conditions or none', async () => {
  const { pool } = house.app.ctx.hot
  for (const [name, plan] of (await allPlans()).filter(([name]) => /^store-(events|single)$/.test(name))) {
    const scans = plan.split('\n').filter((line) => / on endpoint e/.test(line))
    expect(scans, `${name}\n${plan}`).toHaveLength(name === 'store-single' ? 1 : 2)
    for (const scan of scans) expect(scan, plan).toMatch(/(Index|Bitmap Heap).* Scan/)
  }
  // The condition is the last question, and asked only where there is one: the type of an event is compared before.
  for (const name of ['store-events', 'store-single']) {
    const { rows } = await pool.query(`explain (generic_plan, verbose, costs off) ${statements.get(name)!}`)
    const plan = rows.map((row) => row['QUERY PLAN']).join('\n')
    expect(plan, name).toMatch(/CASE WHEN \(\(e\.condition IS NULL\) OR .* THEN true ELSE .*jsonb_path_match_tz/)
    expect(plan.match(/jsonb_path_match_tz/g), name).toHaveLength(1)
  }
})

test('a claim over a hundred endpoints touches what it takes, not what is there', async () => {
  const { pool } = house.app.ctx.hot
  const { rows: endpoints } = await pool.query(
    `select id from endpoint where name = 'CRM' and event_types = '{call.created}'`,
  )
  const claims = endpoints.map(({ id }) => ({ endpoint_id: id, test: false, slots: 2, low: null }))
  const { rows } = await pool.query(`explain (analyze, buffers, format json) ${statements.get('claim-deliveries')}`, [
    JSON.stringify(claims),
    randomUUID(),
    20_000,
    randomUUID(),
    'ffffffff-ffff-ffff-ffff-ffffffffffff',
  ])
  const plan = rows[0]['QUERY PLAN'][0].Plan
  // Each of 80 rows costs an index walk in each partition, its update and its event: hundreds of pages, not the tables.
  const pages = plan['Shared Hit Blocks'] + plan['Shared Read Blocks']
  expect(plan['Actual Rows']).toBeGreaterThan(20)
  expect(pages).toBeLessThan(60 * plan['Actual Rows'] + 40 * endpoints.length)
})
