// The conditions of endpoints, on a gateway without workers: which endpoints an event is stored for, what a condition may
// be, and what a changed filter does with what waits.

import pg from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Viewer } from '../../../src/context.ts'
import { openConnection } from '../../../src/database/pools.ts'
import { toPublicId } from '../../../src/domain/values/id.ts'
import { ValidationError } from '../../../src/errors.ts'
import { cancelUnwanted, countUnwanted } from '../../../src/gateway/admin/cancel-unwanted.ts'
import { createEndpoint } from '../../../src/gateway/admin/create-endpoint.ts'
import { pauseEndpoint } from '../../../src/gateway/admin/pause-endpoint.ts'
import { updateEndpoint } from '../../../src/gateway/admin/update-endpoint.ts'
import { validateCondition } from '../../../src/gateway/admin/validate-condition.ts'
import { sendTestEvent } from '../../../src/gateway/publish/send-test-event.ts'
import { installSqlPublish } from '../../../src/gateway/publish/sql-publish.ts'
import { accessTo } from '../../support/database-session.ts'
import { exampleEvent, type House, openHouse } from '../../support/house.ts'

let house: House
let operator: Viewer
let tenantId: string

beforeAll(async () => {
  house = await openHouse({ SIVO_ROLE: 'api' })
  const credential = { kind: 'key', id: house.app.ctx.newId() } as const
  operator = { role: 'OPERATOR', tenantId: null, name: 'Ana', expiresAt: null, credential }
})
afterAll(() => house.close())
beforeEach(async () => {
  tenantId = await house.addTenant()
})

const endpoint = (condition: string | null, fields = {}) =>
  house.addEndpoint('https://127.0.0.1/', { tenantId, condition, ...fields })
const publish = (data: Record<string, unknown>, fields = {}) =>
  house.publishFor(tenantId, { type: 'agent.status_changed', data: { ...AGENT, native: data }, ...fields })
const AGENT = exampleEvent({ type: 'agent.status_changed' }).data as object
const countOf = async (endpointId: string) => (await house.deliveries({ endpointId })).length
const failed = async () => {
  const metric = await house.app.registry.getSingleMetric('sivo_conditions_failed_total')!.get()
  return metric.values[0]?.value ?? 0
}

describe('publishing to endpoints with conditions', () => {
  test('an event is delivered to the endpoints without a condition and to those whose condition it meets', async () => {
    const all = await endpoint(null)
    const inbound = await endpoint('$.data.native.direction == "inbound"')
    const outbound = await endpoint('$.data.native.direction == "outbound"', { eventTypes: ['agent.status_changed'] })
    const otherType = await endpoint('$.data.native.direction == "inbound"', { eventTypes: ['call.ended'] })
    const [first] = await publish({ direction: 'inbound' })
    const [second] = await publish({ direction: 'outbound' })
    expect([first!.deliveryCount, second!.deliveryCount]).toEqual([2, 2])
    expect(await countOf(all.id)).toBe(2)
    expect(await house.deliveries({ endpointId: inbound.id })).toMatchObject([{ eventId: first!.id }])
    expect(await house.deliveries({ endpointId: outbound.id })).toMatchObject([{ eventId: second!.id }])
    expect(await countOf(otherType.id)).toBe(0)
  })

  test('a condition sees the whole envelope as the receiver gets it', async () => {
    const tenant = toPublicId('tenant', tenantId)
    const { id } = await endpoint(
      `$.type == "agent.status_changed" && $.subject starts with "call_" && $.sequence >= 9007199254740991
       && $.test == false && $.tenant_id == "${tenant}" && $.timestamp.datetime() >= "2026-11-01T10:00:00+00:00".datetime()`,
    )
    const occurredAt = new Date('2026-11-01T10:00:00Z')
    await publish({}, { subject: 'call_1', sequence: Number.MAX_SAFE_INTEGER, occurredAt })
    await publish({}, { subject: 'call_1', sequence: Number.MAX_SAFE_INTEGER - 1, occurredAt })
    expect(await countOf(id)).toBe(1)
  })

  test('a condition that cannot be evaluated for an event counts as not met, is counted, and fails no publish', async () => {
    const { id } = await endpoint('$.data.native.seconds > 60')
    const strict = await endpoint('strict $.data.native.absent == 1')
    const before = await failed()
    const results = await house.publishFor(
      tenantId,
      ...[{ seconds: 'many' }, { seconds: 61 }, { seconds: { a: 1 } }, {}].map((native) => ({
        type: 'agent.status_changed',
        data: { ...AGENT, native },
      })),
    )
    expect(results.map(({ deliveryCount }) => deliveryCount)).toEqual([0, 1, 0, 0])
    expect(await countOf(id)).toBe(1)
    expect(await countOf(strict.id)).toBe(0)
    // A text and an object against a number, and four strict paths to a member that is absent.
    expect((await failed()) - before).toBe(6)
  })

  test('NUL, half a surrogate pair and an escaped backslash in an event do not keep its condition from being evaluated', async () => {
    const { id } = await endpoint('$.data.native.direction == "inbound"')
    const before = await failed()
    for (const text of ['a\0b', '\ud800', '\udc00x', '\\u0000', '\\\\ud800', '\u001f', '😀'])
      await publish({ direction: 'inbound', text })
    expect(await countOf(id)).toBe(7)
    expect(await failed()).toBe(before)
    expect((await house.deliveries({ endpointId: id })).length).toBe(7)
  })

  test('the body of an event is read only where there is a condition', async () => {
    const { id } = await endpoint(null)
    const event = {
      id: house.app.ctx.newId(),
      type: 'call.ended',
      subject: null,
      sequence: null,
      occurredAt: new Date(),
      body: 'no JSON',
      bodyBytes: 7,
      key: null,
      fingerprint: null,
    }
    expect(await house.app.ctx.publisher.store({ tenantId, events: [event] })).toMatchObject([{ deliveryCount: 1 }])
    expect(await countOf(id)).toBe(1)
  })

  test('sivo.publish asks the same conditions', async () => {
    const owner = await openConnection(accessTo(house.database.url), 'start')
    await installSqlPublish(owner, { maxAttempts: 7 })
    await owner.end()
    const wanted = await endpoint('$.data.native.direction == "inbound" && $.sequence == 4')
    const other = await endpoint('$.data.native.direction == "outbound"')
    const client = new pg.Client({ connectionString: house.database.url })
    await client.connect()
    try {
      await client.query(`select sivo.publish($1, 'agent.status_changed', $2, sequence => 4)`, [
        toPublicId('tenant', tenantId),
        JSON.stringify({ ...AGENT, native: { direction: 'inbound', note: '\u001f\\' } }),
      ])
    } finally {
      await client.end()
    }
    expect(await countOf(wanted.id)).toBe(1)
    expect(await countOf(other.id)).toBe(0)
  })
})

describe('what a condition may be', () => {
  test('whatever is allowed as a condition is evaluated without an error on whatever an event may hold', async () => {
    const paths = ['$.data', '$.data.*', '$.data.a', '$.data.a[*]', '$.data.a[last]', '$.data.a[0 to last - 1].b']
    const methods = [
      '',
      ...'type size double number integer bigint string boolean abs ceiling floor date datetime time time_tz timestamp timestamp_tz'
        .split(' ')
        .map((name) => `.${name}()`),
    ]
    const values = [
      '"x"',
      '1',
      '-1.5',
      'true',
      'null',
      '1e300',
      '"2026-01-01".date()',
      '"2026-01-01T10:00:00+02:00".datetime()',
      '"10:00:00".time()',
      '"-999999-01-01"',
    ]
    const conditions: string[] = []
    for (const path of paths)
      for (const method of methods) {
        for (const value of values)
          conditions.push(`${path}${method} < ${value}`, `strict ${path}${method} != ${value}`)
        conditions.push(`exists(${path} ? (@${method} == 1 || (@ starts with "2") is unknown))`)
      }
    const documents = [
      null,
      0,
      'x',
      '',
      [],
      {},
      [[]],
      [{ b: 1 }],
      { a: null },
      { a: [1, 'x', null, { b: [] }] },
      { a: '2026-01-01' },
      { a: '2026-01-01T10:00:00+02:00' },
      { a: '10:00:00' },
      { a: '24:00:00+99' },
      { a: '0001-01-01T00:00:00+15:00' },
      { a: '9999-12-31T23:59:59-15:59' },
      { a: '9'.repeat(2_000) },
      { a: '1e400' },
      { a: 1e308 },
      { a: 'NaN' },
      { a: ['infinity', '-infinity', 'now', 'epoch', '2026-02-30'] },
      { a: [true, [false, [1]]] },
    ].map((data) => JSON.stringify({ data }))
    for (const condition of conditions.filter((_, i) => i % 97 === 0))
      expect(await validateCondition(house.app.ctx.hot, condition), condition).toBeNull()
    const client = await openConnection(accessTo(house.database.url), 'hot')
    try {
      const { rows } = await client.query(
        `select count(*)::int as count, count(jsonb_path_match_tz(d::jsonb, c::jsonpath, '{}', true))::int as decided
         from unnest($1::text[]) c, unnest($2::text[]) d`,
        [conditions, documents],
      )
      expect(rows[0].count).toBe(conditions.length * documents.length)
      expect(rows[0].decided).toBeGreaterThan(1_000)
    } finally {
      await client.end()
    }
  })

  test('a condition is refused with one sentence, beside all other issues, and nothing is saved', async () => {
    const issue = async (condition: string) => {
      const error = await createEndpoint(house.app.ctx, operator, {
        tenantId,
        name: '',
        url: 'https://127.0.0.1/',
        condition,
      }).catch((reason) => reason)
      expect(error).toBeInstanceOf(ValidationError)
      const { issues } = error as ValidationError
      expect(issues.map(({ path }) => path.join('.'))).toEqual(['input.name', 'input.condition'])
      return issues[1]!.message
    }
    expect(await issue('$.data.direction = "inbound"')).toMatch(
      /^expected a SQL\/JSON path predicate .*compare with ==$/,
    )
    expect(await issue('$.data.tags[*] ? (@ == "vip")')).toContain('write exists( ) around it')
    expect(await issue('$.data.name like_regex "(a+)+$"')).toContain('like_regex')
    expect(await issue('$.** ? (@ == 1) == 1')).toContain('.**')
    expect(await issue('$.a == $b')).toContain('no variables')
    expect(await issue('$.a == "\\u0000"')).toContain('Postgres does not read')
    expect(await issue(`$.a == 1e100000`)).toContain('shorter numbers')
    expect(await issue('!('.repeat(400))).toContain('Postgres does not read')
    expect(await issue(`$.a == "${'x'.repeat(1000)}"`)).toContain('at most 1000 characters')
    expect(await house.app.ctx.db.endpoint.count({ where: { tenantId } })).toBe(0)
  })

  test('the table takes no condition that Postgres cannot read, from any writer', async () => {
    await expect(endpoint('$.data.direction = 1')).rejects.toThrow(/endpoint_condition_is_readable/)
  })

  test('a condition is saved as it was written; an update without it keeps it, and null removes it', async () => {
    const condition = '$.data.direction  ==  "inbound" /* only calls to us */'
    const { endpoint: made } = await createEndpoint(house.app.ctx, operator, {
      tenantId,
      name: 'CRM',
      url: 'https://127.0.0.1/',
      condition,
    })
    expect(made.condition).toBe(condition)
    const update = async (input: object) =>
      (await updateEndpoint(house.app.ctx, operator, { endpointId: made.id, input })).condition
    expect(await update({ name: 'New' })).toBe(condition)
    expect(await update({ condition: '$.test == false' })).toBe('$.test == false')
    expect(await update({ condition: null })).toBeNull()
    const entries = await house.app.ctx.db.auditEntry.findMany({ where: { tenantId }, orderBy: { id: 'asc' } })
    expect(entries.map(({ details }) => details)).toMatchObject([
      { after: { condition } },
      { changed: ['name'] },
      { before: { condition }, after: { condition: '$.test == false' } },
      { before: { condition: '$.test == false' }, after: { condition: null } },
    ])
  })
})

describe('a filter that becomes narrower', () => {
  const inbound = { condition: '$.data.native.direction == "inbound"' }
  async function waitingFor(fields = {}) {
    const { id } = await endpoint(null, fields)
    for (const direction of ['inbound', 'outbound', 'inbound']) await publish({ direction })
    await house.publishFor(tenantId, { type: 'call.ended' })
    return id
  }
  const read = async (endpointId: string) =>
    (await house.deliveries({ endpointId })).map(({ status, reason }) => (reason ? `${status} ${reason}` : status))

  test('leaves what waits alone unless it is asked to cancel', async () => {
    const id = await waitingFor()
    await updateEndpoint(house.app.ctx, operator, { endpointId: id, input: inbound })
    expect(await read(id)).toEqual(['PENDING', 'PENDING', 'PENDING', 'PENDING'])
  })

  test('cancels what waits and is not wanted any more, with the reason filter_changed, if it is asked to', async () => {
    const id = await waitingFor()
    const count = await countUnwanted(house.app.ctx, id, { eventTypes: [], ...inbound })
    expect(count).toEqual({ count: 2, precision: 'EXACT' })
    await updateEndpoint(house.app.ctx, operator, { endpointId: id, input: inbound, unwanted: 'CANCEL_ALL' })
    const CANCELLED = 'CANCELLED filter_changed'
    expect(await read(id)).toEqual(['PENDING', CANCELLED, 'PENDING', CANCELLED])
    const [, cancelled] = await house.deliveries({ endpointId: id })
    expect(cancelled).toMatchObject({ nextAttemptAt: null, completedAt: expect.any(Date) })
    const types = { eventTypes: ['call.ended'] }
    await updateEndpoint(house.app.ctx, operator, { endpointId: id, input: types, unwanted: 'CANCEL_ALL' })
    expect(await read(id)).toEqual(Array(4).fill(CANCELLED))
    const entries = await house.app.ctx.db.auditEntry.findMany({ where: { tenantId }, orderBy: { id: 'asc' } })
    expect(entries.map(({ details }) => details)).toMatchObject([
      { changed: ['condition'], cancelled: 2 },
      { changed: ['eventTypes'], cancelled: 2 },
    ])
  })

  test('cancels what is held too, and neither tests, nor resends, nor what other endpoints wait for', async () => {
    const id = await waitingFor()
    const other = await waitingFor()
    await pauseEndpoint(house.app.ctx, operator, { endpointId: id })
    await sendTestEvent(house.app.ctx, { endpoint: { id, tenantId }, eventType: 'call.ended', data: null })
    const [resent] = await house.deliveries({ endpointId: id, eventType: 'call.ended', test: false })
    await house.app.ctx.db.delivery.updateMany({ where: { id: resent!.id }, data: { resend: true } })
    await updateEndpoint(house.app.ctx, operator, {
      endpointId: id,
      input: { eventTypes: ['call.created'] },
      unwanted: 'CANCEL_ALL',
    })
    const rows = await house.deliveries({ endpointId: id })
    expect(rows.filter(({ test, resend }) => test || resend).map(({ status }) => status)).toEqual([
      'PENDING',
      'PENDING',
    ])
    expect(rows.filter(({ status }) => status === 'CANCELLED')).toHaveLength(rows.length - 2)
    expect((await read(other)).every((shown) => shown === 'PENDING')).toBe(true)
  })

  test('cancels more than ten thousand: the first in the transaction, the rest in a job', async () => {
    const { id } = await endpoint(null)
    await house.app.ctx.hot.pool.query(
      `insert into delivery (tenant_id, event_id, endpoint_id, event_type, max_attempts, next_attempt_at)
       select $1, uuidv7(), $2, case when n % 2 = 0 then 'call.ended' else 'call.created' end, 7, date_trunc('second', now())
       from generate_series(1, 10500) n`,
      [tenantId, id],
    )
    const input = { eventTypes: ['call.ended'] }
    expect(await countUnwanted(house.app.ctx, id, { ...input, condition: null })).toEqual({
      count: 5000,
      precision: 'AT_LEAST',
    })
    await updateEndpoint(house.app.ctx, operator, { endpointId: id, input, unwanted: 'CANCEL_ALL' })
    const cancelled = () => house.app.ctx.db.delivery.count({ where: { endpointId: id, status: 'CANCELLED' } })
    expect(await cancelled()).toBe(5000)
    const { rows: jobs } = await house.app.ctx.hot.pool.query(
      `select payload from graphile_worker._private_jobs j join graphile_worker._private_tasks t on t.id = j.task_id
       where t.identifier = 'cancel-unwanted'`,
    )
    expect(jobs).toEqual([{ payload: { endpointId: id } }])
    expect(await cancelUnwanted(house.app.ctx, id)).toBe(250)
    expect(await cancelled()).toBe(5250)
  })
})
