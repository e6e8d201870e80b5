import { afterAll, beforeAll, expect, test } from 'vitest'
import packageJson from '../../package.json' with { type: 'json' }
import { openReplica } from '../../src/database/replica.ts'
import { noteVersion } from '../../src/gateway/recover/deployed-versions.ts'
import { type Api, openApi } from './api.ts'

const READ = '{ gateway { replicaLagSeconds versions { version at } } }'

let api: Api
beforeAll(async () => {
  api = await openApi()
})
afterAll(() => api.close())

type Gateway = { replicaLagSeconds: number | null; versions: { version: string; at: string }[] }
const read = async (role: 'OPERATOR' | 'VIEWER') =>
  (await api.ask(READ, {}, api.as(role, role === 'OPERATOR' ? null : await api.tenant()))).data!['gateway'] as Gateway

test('every reader sees which version started when; a restart of the same version is none, a step back is one', async () => {
  const { db } = api.ctx
  for (const version of [packageJson.version, '99.0.0', '99.0.0', packageJson.version]) await noteVersion(db, version)
  // Two processes that start at once.
  await db.deployedVersion.create({ data: { version: packageJson.version } })
  const { versions } = await read('VIEWER')
  expect(versions.map(({ version }) => version)).toEqual([packageJson.version, '99.0.0', packageJson.version])
  expect(Date.parse(versions[0]!.at)).toBeGreaterThanOrEqual(Date.parse(versions[2]!.at))
})

test('how far the replica is behind is for operators', async () => {
  expect((await read('OPERATOR')).replicaLagSeconds).toBeNull()
  // The database itself is no standby, so it is a replica that cannot be used.
  const { hot, db, clock } = api.ctx
  const parts = { pool: hot.pool, db, primaryPool: hot.pool, primaryDb: db, clock, onUnused: () => {} }
  const replica = openReplica({ ...parts, lookEveryMs: 10 })
  Object.assign(api.ctx, { replica })
  await expect.poll(async () => (await read('OPERATOR')).replicaLagSeconds).toBeGreaterThan(0)
  expect((await read('VIEWER')).replicaLagSeconds).toBeNull()
  Object.assign(api.ctx, { replica: null })
  await replica.close()
})
