import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { toPublicId } from '../../src/domain/values/id.ts'
import { createEndpoint } from '../../src/gateway/admin/create-endpoint.ts'
import { rewrapSecrets } from '../../src/gateway/admin/rewrap-secrets.ts'
import { rotateSigningSecret } from '../../src/gateway/admin/rotate-signing-secret.ts'
import { belongsToEndpoint, createVault } from '../../src/vault.ts'
import { exampleEvent, type House, openHouse } from '../support/house.ts'
import { operatorNamed } from '../support/viewers.ts'

const OLD = Buffer.alloc(32, 1)
const NEW = Buffer.alloc(32, 2)
const HEADER = 'token-of-the-receiver'
const base64 = (key: Buffer) => key.toString('base64')

let house: House
const operator = operatorNamed('Operator')
beforeAll(async () => {
  house = await openHouse({ SIVO_SECRETS_KEY: base64(OLD) })
})
afterAll(() => house.close())

async function anEndpoint(url: string): Promise<{ id: string; signingSecret: string }> {
  const { endpoint, signingSecret } = await createEndpoint(house.app.ctx, operator, {
    tenantId: house.tenantId,
    name: 'CRM',
    url,
    headers: [
      { name: 'X-Token', value: HEADER },
      { name: 'X-Other', value: 'other' },
    ],
  })
  await rotateSigningSecret(house.app.ctx, operator, { endpointId: endpoint.id, overlapHours: 24 })
  return { id: endpoint.id, signingSecret }
}

const readEndpoint = (id: string) =>
  house.app.ctx.db.endpoint.findUniqueOrThrow({ where: { id }, include: { secrets: { orderBy: { id: 'asc' } } } })

function command(env: Record<string, string>): Promise<{ code: number; said: string }> {
  const child = spawn(process.execPath, ['src/cli/rewrap-secrets.ts'], {
    env: {
      PATH: process.env['PATH'],
      DATABASE_URL: house.database.url,
      SIVO_OPERATOR_KEY: 'test-operator-key-000000000000',
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let said = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (said += chunk))
  return once(child, 'close').then(([code]) => ({ code: code as number, said }))
}

test('the rewrap command moves every secret and header value to the new key, and can be run again', async () => {
  const receiver = await house.receiver()
  const { id, signingSecret } = await anEndpoint(receiver.url('/hooks'))
  await anEndpoint(receiver.url('/others'))
  const before = await readEndpoint(id)

  const missing = await command({ SIVO_SECRETS_KEY: base64(NEW) })
  expect(missing.code).toBe(1)
  expect(missing.said).toContain(toPublicId('endpoint', id))
  expect(await readEndpoint(id)).toEqual(before)

  const env = { SIVO_SECRETS_KEY: base64(NEW), SIVO_SECRETS_KEYS_FORMER: base64(OLD) }
  expect(await command(env)).toMatchObject({
    code: 0,
    said: expect.stringContaining(
      'Sealed 8 secrets, header values and addresses of notices with the current key; 0 already',
    ),
  })
  expect(await command(env)).toMatchObject({
    code: 0,
    said: expect.stringContaining(
      'Sealed 0 secrets, header values and addresses of notices with the current key; 8 already',
    ),
  })

  const owner = belongsToEndpoint(house.tenantId, id)
  const after = await readEndpoint(id)
  const renewed = createVault([NEW])
  expect(renewed.open(after.secrets[0]!.sealed, owner)).toBe(signingSecret)
  const headers = after.headers as { name: string; sealed: string }[]
  expect(headers.map(({ name, sealed }) => [name, renewed.open(Buffer.from(sealed, 'base64'), owner)])).toEqual([
    ['X-Token', HEADER],
    ['X-Other', 'other'],
  ])
  for (const { sealed } of after.secrets) expect(() => createVault([OLD]).open(sealed, owner)).toThrow('it is missing')

  // Nobody sees a change of the endpoint.
  expect(after).toMatchObject({ revision: before.revision, updatedAt: before.updatedAt, name: before.name })
})

test('an interrupted run of the rewrap command continues where it ended, and leaves secrets alone that no key opens', async () => {
  const { db } = house.app.ctx
  await house.app.ctx.db.endpoint.updateMany({ data: { deletedAt: new Date() } })
  const sealed = async () => (await db.signingSecret.findMany({ orderBy: { id: 'asc' } })).map((row) => row.sealed)
  const next = createVault([Buffer.alloc(32, 3), NEW])
  let seals = 0
  const breaking = {
    ...next,
    seal(text: string, owner: string) {
      if (seals++ === 5) throw new Error('The process ends here.')
      return next.seal(text, owner)
    },
  }
  await expect(rewrapSecrets(db, breaking)).rejects.toThrow('ends here')
  const mixed = await sealed()
  expect(mixed.filter((each) => next.isCurrent(each))).toHaveLength(2)
  const resumed = await rewrapSecrets(db, next)
  expect(resumed).toEqual({ sealed: 4, current: 4, unreadable: [], unreadableRecipients: [] })
  expect((await sealed()).every((each) => next.isCurrent(each))).toBe(true)

  const [first] = await db.signingSecret.findMany({ orderBy: { id: 'asc' } })
  await db.signingSecret.update({ where: { id: first!.id }, data: { sealed: new Uint8Array(40) } })
  const strange = await rewrapSecrets(db, createVault([Buffer.alloc(32, 4), Buffer.alloc(32, 3)]))
  expect(strange).toEqual({ sealed: 4, current: 0, unreadable: [first!.endpointId], unreadableRecipients: [] })
})

test('a gateway with the former key delivers with secrets that the former key sealed', async () => {
  const receiver = await house.receiver()
  await house.app.ctx.db.endpoint.updateMany({ data: { status: 'PAUSED' } })
  const { id, signingSecret } = await anEndpoint(receiver.url('/former'))
  await house.app.stopWorking(1_000)
  const another = await house.openAnother({ SIVO_SECRETS_KEY: base64(NEW), SIVO_SECRETS_KEYS_FORMER: base64(OLD) })
  await house.publish(exampleEvent())
  const [request] = await receiver.until((requests) => requests.length > 0)
  expect(request!.headers).toMatchObject({ 'x-token': HEADER, 'x-sivo-signature': expect.stringMatching(/^sha256=/) })
  const rotated = await rotateSigningSecret(another.ctx, operator, { endpointId: id, overlapHours: 0 })
  expect(rotated.signingSecret).not.toBe(signingSecret)
  const [secret] = await another.ctx.db.signingSecret.findMany({ where: { endpointId: id } })
  expect(createVault([NEW]).open(secret!.sealed, belongsToEndpoint(house.tenantId, id))).toBe(rotated.signingSecret)
})
