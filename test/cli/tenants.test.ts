import { spawn } from 'node:child_process'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { EXIT } from '../../packages/cli/src/failure.ts'
import { toPublicId } from '../../src/domain/id.ts'
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

test('tenants export writes everything of a tenant, page by page, and ends with the counts', async () => {
  const { publicId } = await tenantWith(120)
  const out = join(await folderOf('whole'), 'acme.jsonl')
  const { code, stderr } = await under.run(['tenants', 'export', '--tenant', publicId, '--out', out])
  expect({ code, stderr }).toEqual({ code: 0, stderr: `Wrote ${out}.\n` })
  const lines = (await readFile(out, 'utf8'))
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
  expect(lines[0]).toMatchObject({ kind: 'tenant', id: publicId, name: 'Acme' })
  expect(lines.at(-1)).toMatchObject({ kind: 'end', endpoints: 1, events: 120 })
  const events = lines.filter(({ kind }) => kind === 'event')
  expect(new Set(events.map(({ subject }) => subject)).size).toBe(120)
  for (const { body, deliveries } of events)
    expect([JSON.parse(body).tenant_id, deliveries[0].attempts[0].statusCode]).toEqual([publicId, 200])
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
