import { cp } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Gateway, openGateway } from '../security/gateway.ts'
import { has, run, workFolder } from './programs.ts'

let gateway: Gateway
let said: string[]
beforeAll(async () => {
  gateway = await openGateway({ SIVO_ROLE: 'api' })
  const key = await gateway.key('VIEWER', gateway.house.tenantId)
  if (!has('cargo')) return
  const folder = await workFolder('rust')
  await cp(join(import.meta.dirname, 'rust'), folder, { recursive: true })
  await cp(join(import.meta.dirname, '../../schema.graphql'), join(folder, 'schema.graphql'))
  await run('cargo', ['build', '--quiet'], { cwd: folder, timeoutMs: 580_000 })
  const { stdout } = await run('target/debug/probe', [gateway.url, key], { cwd: folder })
  said = stdout.trim().split('\n')
}, 600_000)
afterAll(() => gateway.close())

test.skipIf(!has('cargo'))('graphql_client and cynic ask, and read the code of a refused key', () => {
  expect(said.slice(0, 3)).toEqual([
    'graphql_client query VIEWER',
    'cynic query Viewer',
    'graphql_client 401 String("UNAUTHENTICATED")',
  ])
})

test.skipIf(!has('cargo'))('graphql-ws-client watches, with the key in the upgrade and in its payload', () => {
  expect(said.slice(3)).toEqual([
    'graphql-ws-client subscription true false',
    'graphql-ws-client subscription false false',
  ])
})
