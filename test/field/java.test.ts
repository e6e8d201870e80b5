import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Gateway, openGateway } from '../security/gateway.ts'
import { has, run } from './programs.ts'

let gateway: Gateway
let key: string
beforeAll(async () => {
  gateway = await openGateway({ SIVO_ROLE: 'api' })
  key = await gateway.key('VIEWER', gateway.house.tenantId)
})
afterAll(() => gateway.close())

test.skipIf(!has('java'))('java.net.http.HttpClient, which offers h2c by default, is answered', async () => {
  const { stdout } = await run('java', [join(import.meta.dirname, 'java/Probe.java'), gateway.url, key])
  expect(stdout.trim().split('\n')).toEqual(Array(3).fill(expect.stringMatching(/^200 HTTP_1_1 \{"data":\{"viewer"/)))
})

test.skipIf(!has('curl'))('curl --http2 is answered', async () => {
  const { stdout } = await run('curl', [
    ...['--silent', '--show-error', '--http2', '--write-out', ' %{http_code}', `${gateway.url}/graphql`],
    ...['--header', `authorization: Bearer ${key}`, '--json', '{"query":"{ viewer { role } }"}'],
  ])
  expect(stdout).toMatch(/^\{"data":\{"viewer":\{"role":"VIEWER"\}\}.* 200$/)
})
