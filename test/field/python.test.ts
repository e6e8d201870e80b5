import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { expectAllOverRestart } from '../live/live-programs.ts'
import { writePage } from '../receivers/pages.ts'
import { type Gateway, openGateway } from '../security/gateway.ts'
import { has, run, workFolder } from './programs.ts'

const SOURCES = join(import.meta.dirname, 'python')

let gateway: Gateway
let key: string
let python: string
beforeAll(async () => {
  gateway = await openGateway({ SIVO_ROLE: 'api' })
  key = await gateway.key('VIEWER', gateway.house.tenantId)
  if (!has('python3')) return
  const folder = await workFolder('python')
  python = join(folder, 'bin/python')
  await run('python3', ['-m', 'venv', folder])
  await run(python, ['-m', 'pip', 'install', '--quiet', '--requirement', join(SOURCES, 'requirements.txt')])
})
afterAll(() => gateway.close())

test.skipIf(!has('python3'))(
  'gql 4 asks and watches over each of its transports, and httpx-sse reads events with their ids',
  async () => {
    const { stdout } = await run(python, [join(SOURCES, 'probe.py'), gateway.url, key])
    const viewer = { viewer: { role: 'VIEWER' } }
    expect(
      stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ).toEqual([
      { transport: 'RequestsHTTPTransport', value: viewer },
      { transport: 'HTTPXTransport', value: viewer },
      { transport: 'AIOHTTPTransport', value: viewer },
      { transport: 'WebsocketsTransport', value: [] },
      { transport: 'AIOHTTPWebsocketsTransport', value: [] },
      { transport: 'WebsocketsTransport, key in the upgrade', value: [] },
      { transport: 'AIOHTTPWebsocketsTransport, key in the upgrade', value: [] },
      { transport: 'httpx-sse', value: ['next', true, []] },
    ])
  },
)

test.skipIf(!has('python3'))('gql 4 watches over a restart of the gateway, with its recipe', async () => {
  const folder = await workFolder('python-recipe')
  await writePage('../clients.md', folder)
  await expectAllOverRestart([{ name: 'gql', command: python, args: ['gql_live.py'] }], folder)
})
