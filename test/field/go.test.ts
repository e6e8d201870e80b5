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
  if (!has('go')) return
  const folder = await workFolder('go')
  await cp(join(import.meta.dirname, 'go'), folder, { recursive: true })
  await cp(join(import.meta.dirname, '../../schema.graphql'), join(folder, 'schema.graphql'))
  await run('go', ['tool', 'genqlient'], { cwd: folder })
  const { stdout } = await run('go', ['run', '.', gateway.url, key], { cwd: folder })
  said = stdout.trim().split('\n')
}, 600_000)
afterAll(() => gateway.close())

test.skipIf(!has('go'))('genqlient 0.8 asks, reads a refusal’s code and watches with the key in its upgrade', () => {
  expect(said).toContain('genqlient query VIEWER')
  expect(said).toContain('genqlient time 0')
  expect(said).toContain('genqlient 401 true')
  expect(said).toContain('genqlient subscription false 0')
})

test.skipIf(!has('go'))('hasura’s client 0.14 watches with the key in its upgrade', () => {
  expect(said).toContain('hasura subscription {"deliveryUpdates":{"resyncRequired":false}} <nil>')
})
