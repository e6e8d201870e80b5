import { spawn } from 'node:child_process'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { EXIT } from '../../packages/cli/src/failure.ts'
import { toPublicId } from '../../src/domain/values/id.ts'
import { deleteEndpoint } from '../../src/gateway/admin/pause-endpoint.ts'
import { TABLES as MOVED_TABLES } from '../../src/gateway/move/arrive.ts'
import { ERASED_TABLES } from '../../src/gateway/retention/erase-tenant.ts'
import { acknowledgeDeadLetters } from '../../src/gateway/retry/acknowledge-dead-letters.ts'
import type { Delivery } from '../../src/generated/prisma/client.ts'
import { operatorNamed } from '../support/viewers.ts'
import { type GatewayUnderTest, openGateway } from './gateway.ts'

const MAIN = fileURLToPath(new URL('../../packages/cli/src/main.ts', import.meta.url))

let under: GatewayUnderTest
beforeAll(async () => {
  under = await openGateway()
})
afterAll(() => under?.close())

/** A tenant with so many events, each delivered once. */
async function tenantWith(count: number, fields: { subject?: string } = {}) {
  const { house } = under
  const tenantId = await house.addTenant('Acme')
  const receiver = await house.receiver()
  await house.addEndpoint(receiver.url('/ok'), { tenantId })
  await house.publishFor(tenantId, ...Array.from({ length: count }, (_, i) => ({ subject: `call-${i}`, ...fields })))
  await house.until(async () => {
    const deliveries = await house.deliveries({ tenantId })
    return deliveries.length === count && deliveries.every(({ status }) => status === 'SUCCEEDED')
  })
  return { tenantId, publicId: toPublicId('tenant', tenantId) }
}

async function folderOf(name: string) {
  const folder = join(under.folder, name)
  await mkdir(folder)
  return folder
}

/** The kind of line in which the rows of a table are exported. */
const EXPORTED_AS: Record<string, string> = {
  api_key: 'apiKey',
  attempt: 'event',
  audit_entry: 'auditEntry',
  bulk_retry: 'bulkRetry',
  dead_letter_acknowledgement: 'deadLetterAcknowledgement',
  delivery: 'event',
  endpoint: 'endpoint',
  event: 'event',
  notice_recipient: 'noticeRecipient',
  session: 'consoleSession',
  test_receiver: 'testReceiver',
}
const NOT_EXPORTED: Record<string, string> = {
  console_link: 'is a credential',
  delivery_tally: 'is a count of deliveries',
  endpoint_health: 'is drawn from attempts',
  idempotency_key: 'is gone after a day',
  kept_payload: 'is a note of retention',
  moved_credential: 'is a credential',
  mutation_key: 'is gone after a day',
  notice_incident: 'is drawn from deliveries',
  received_request: 'is a copy of what was sent',
  report: 'waits to become an incident',
  signing_secret: 'is a secret',
  tenant_move: 'is of the cell',
}
const NOT_ERASED: Record<string, string> = {
  audit_entry: 'says who erased the tenant',
  moved_credential: 'says where a tenant is that moved',
  tenant_move: 'says where a tenant is that moved',
}
const NOT_MOVED: Record<string, string> = {
  moved_credential: 'is what stays of a tenant',
  tenant_move: 'is the move itself',
}
/** Deleted and moved by statements of their own. */
const IN_PIECES = ['attempt', 'delivery', 'event']

test('every table with a tenant in it is exported, erased and moved, or not for a reason', async () => {
  const { rows } = await under.house.app.ctx.hot.pool.query<{ name: string }>(
    `select c.relname as name from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attname = 'tenant_id' and not a.attisdropped
     where c.relnamespace = current_schema()::regnamespace and c.relkind in ('r', 'p') and not c.relispartition order by 1`,
  )
  const tables = rows.map(({ name }) => name)
  const inNone = (...lists: readonly (readonly string[])[]) => tables.filter((table) => !lists.flat().includes(table))
  const forgotten = {
    export: inNone(Object.keys(EXPORTED_AS), Object.keys(NOT_EXPORTED)),
    erase: inNone(ERASED_TABLES, IN_PIECES, Object.keys(NOT_ERASED)),
    move: inNone(MOVED_TABLES, IN_PIECES, ['idempotency_key'], Object.keys(NOT_MOVED)),
  }
  expect(forgotten).toEqual({ export: [], erase: [], move: [] })
  expect(tables).toContain('dead_letter_acknowledgement')
})

/** Acknowledges the dead letters of an endpoint that ended with a timeout. */
const acknowledgeTimeouts = (endpointId: string) =>
  acknowledgeDeadLetters(under.house.app.ctx, operatorNamed('Ana'), {
    endpointId,
    errorCode: 'timeout',
    statusCode: null,
    upTo: null,
  })

/** Gives the tenant a row of each kind that an export shows and that publishing does not make. */
async function addOneOfEach(tenantId: string) {
  const { db } = under.house.app.ctx
  const hash = (text: string) => new Uint8Array(Buffer.from(text.padEnd(32, text)))
  const dead = await db.delivery.findFirstOrThrow({ where: { tenantId } })
  await db.delivery.create({
    data: {
      tenantId,
      eventId: dead.eventId,
      endpointId: dead.endpointId,
      eventType: dead.eventType,
      status: 'DEAD_LETTERED',
      maxAttempts: 1,
      lastErrorCode: 'timeout',
      completedAt: new Date(0),
    },
  })
  await acknowledgeTimeouts(dead.endpointId)
  await db.apiKey.create({ data: { tenantId, name: 'CRM', role: 'ADMIN', hint: 'hint', secretHash: hash(tenantId) } })
  const expiresAt = new Date('2100-01-01')
  await db.session.createMany({
    data: [
      { tenantId, name: 'Ana', role: 'ADMIN', tokenHash: hash(tenantId), expiresAt },
      // An operator's list of sessions has those of operators too. An export has not.
      { tenantId: null, name: 'Operator', role: 'OPERATOR', tokenHash: hash('operator'), expiresAt },
    ],
  })
  await db.noticeRecipient.create({ data: { tenantId, kind: 'EMAIL', hint: 'ana@example.com' } })
  await db.testReceiver.create({ data: { tenantId, token: tenantId } })
  await db.$executeRaw`insert into bulk_retry (tenant_id, status, filter, as_of, total, created_by, completed_at)
    values (${tenantId}::uuid, 'COMPLETED', ${JSON.stringify({ tenantId, statuses: ['DEAD_LETTERED'] })}::jsonb, pg_current_snapshot(), 0, 'Ana', now())`
  await db.auditEntry.create({ data: { tenantId, actor: 'Ana', action: 'tenant.renamed' } })
}

test('tenants export writes everything of a tenant, page by page, and ends with the counts', async () => {
  const { tenantId, publicId } = await tenantWith(120)
  await addOneOfEach(tenantId)
  const out = join(await folderOf('whole'), 'acme.jsonl')
  const { code, stderr } = await under.run(['tenants', 'export', '--tenant', publicId, '--out', out])
  expect({ code, stderr }).toEqual({ code: 0, stderr: `Wrote ${out}.\n` })
  const lines = (await readFile(out, 'utf8'))
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
  expect(lines[0]).toMatchObject({ kind: 'tenant', id: publicId, name: 'Acme' })
  expect(lines.at(-1)).toMatchObject({ kind: 'end', endpoints: 1, events: 120 })
  expect([...new Set(lines.map(({ kind }) => kind))].sort()).toEqual(
    ['tenant', 'end', ...new Set(Object.values(EXPORTED_AS))].sort(),
  )
  expect(lines.filter(({ kind }) => kind === 'consoleSession').map(({ name }) => name)).toEqual(['Ana'])
  expect(lines.find(({ kind }) => kind === 'deadLetterAcknowledgement')).toMatchObject({
    endpoint: { id: expect.stringMatching(/^ep_/) },
    errorCode: 'timeout',
    statusCode: null,
    acknowledgedBy: 'Ana',
  })
  const events = lines.filter(({ kind }) => kind === 'event')
  expect(new Set(events.map(({ subject }) => subject)).size).toBe(120)
  for (const { body, deliveries } of events)
    expect([
      JSON.parse(body).tenant_id,
      deliveries.find(({ status }: { status: string }) => status === 'SUCCEEDED').attempts[0].statusCode,
    ]).toEqual([publicId, 200])
  expect(await readdir(join(out, '..'))).toEqual(['acme.jsonl'])
})

test('an export that finds no room says so in a sentence, leaves no part behind and keeps the file of before', async () => {
  const { publicId } = await tenantWith(60)
  const folder = await folderOf('full')
  const out = join(folder, 'acme.jsonl')
  await writeFile(out, 'of before')
  // A limit of 16 blocks of 512 bytes stands for a full disk: the write fails in the same place.
  const limited = spawn(
    'sh',
    ['-c', 'trap "" XFSZ; ulimit -f 16; exec "$0" "$@"', process.execPath, MAIN, 'tenants', 'export', '--out', out],
    {
      env: {
        PATH: process.env['PATH'],
        XDG_CONFIG_HOME: folder,
        SIVO_NO_KEYCHAIN: '1',
        SIVO_URL: under.url,
        SIVO_KEY: 'test-operator-key-000000000000',
        SIVO_TENANT: publicId,
      },
    },
  )
  let stderr = ''
  limited.stderr.on('data', (chunk) => (stderr += chunk))
  const code = await new Promise((resolve) => limited.once('close', resolve))
  expect(stderr).toBe(
    `${out} was not written: the file would be larger than this user or file system allows. Choose another --out. (EFBIG)\n`,
  )
  expect(code).toBe(EXIT.usage)
  expect(await readdir(folder)).toEqual(['acme.jsonl'])
  expect(await readFile(out, 'utf8')).toBe('of before')
})

test('an export has everything that was acknowledged, of a deleted endpoint and of more causes than a page has', async () => {
  const { house } = under
  const { tenantId, publicId } = await tenantWith(1)
  const [{ endpointId, eventId, eventType }] = (await house.deliveries({ tenantId })) as [Delivery]
  // All of one type, acknowledged; of one cause a later dead letter ended it.
  await house.app.ctx.hot.pool.query(
    `with died as (
       insert into delivery (tenant_id, event_id, endpoint_id, event_type, status, max_attempts, last_error_code, last_status_code, completed_at)
       select $1::uuid, $3::uuid, $2::uuid, $4, 'DEAD_LETTERED'::delivery_status, 1, 'http_status', 400 + n, now() from generate_series(0, 149) n
       returning last_error_code, last_status_code
     )
     insert into dead_letter_acknowledgement (tenant_id, endpoint_id, error_code, status_code, up_to, acknowledged_by)
     select $1::uuid, $2::uuid, last_error_code, last_status_code, now() - case when last_status_code = 400 then interval '1 h' else '0' end, 'Ana' from died`,
    [tenantId, endpointId, eventId, eventType],
  )
  await deleteEndpoint(house.app.ctx, operatorNamed('Ana'), { endpointId })
  const { code, stdout } = await under.call(['tenants', 'export', '--tenant', publicId])
  expect(code).toBe(0)
  const lines = stdout.split('\n').filter((line) => line.includes('"kind":"deadLetterAcknowledgement"'))
  const exported = lines.map((line) => JSON.parse(line))
  expect(new Set(exported.map(({ statusCode }) => statusCode)).size).toBe(150)
  expect(exported).toHaveLength(150)
  expect(exported[0]).toMatchObject({
    endpoint: { id: toPublicId('endpoint', endpointId) },
    errorCode: 'http_status',
    acknowledgedBy: 'Ana',
    upTo: expect.any(String),
  })
})

test('events erase takes the events of one subject from the gateway and leaves the others', async () => {
  const { tenantId, publicId } = await tenantWith(3)
  const { code, stdout } = await under.call(['events', 'erase', 'call-1', '--tenant', publicId, '--json'])
  expect({ code, stdout: JSON.parse(stdout) }).toEqual({ code: 0, stdout: { eventCount: 1, cancelledCount: 0 } })
  const events = await under.house.app.ctx.db.event.findMany({ where: { tenantId }, orderBy: { id: 'asc' } })
  expect(events.map(({ subject, body }) => [subject, body !== null])).toEqual([
    ['call-0', true],
    [null, false],
    ['call-2', true],
  ])
})

test('tenants erase asks for the exact name, and then nothing of the tenant is left but its audit log', async () => {
  const { tenantId, publicId } = await tenantWith(2)
  const wrong = await under.call(['tenants', 'erase', '--tenant', publicId, '--name', 'Acne'])
  expect(wrong.code).toBe(EXIT.refused)
  expect(wrong.stderr).toContain('expected the name of the tenant, as a sign that you mean this one, got another name')
  const right = await under.run(['tenants', 'erase', '--tenant', publicId, '--name', 'Acme'])
  expect(right).toMatchObject({ code: 0, stdout: expect.stringContaining(`${publicId} was erased.`) })
  const { db } = under.house.app.ctx
  await under.house.until(async () => (await db.endpoint.count({ where: { tenantId } })) === 0)
  expect(await db.auditEntry.count({ where: { tenantId, action: 'tenant.erased' } })).toBe(1)
})
