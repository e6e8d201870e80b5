import { writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
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

test.skipIf(!has('python3'))(
  'the typed client of ariadne-codegen asks, changes only what is given and watches; sgqlc asks, and reads times with its recipe',
  async () => {
    const manager = await gateway.key('ADMIN', gateway.house.tenantId)
    const input = { url: 'https://receiver.example/hooks', name: 'First', condition: '$.test == false', maxInFlight: 7 }
    const { data } = await gateway.ask(
      manager,
      `mutation ($input: CreateEndpointInput!) {
        createEndpoint(input: $input) { ... on CreateEndpointSuccess { endpoint { id } } }
      }`,
      { input },
    )
    const cwd = await workFolder('python-typed')
    await writeFile(
      join(cwd, 'pyproject.toml'),
      `[tool.ariadne-codegen]
schema_path = ${JSON.stringify(join(SOURCES, '../../../schema.graphql'))}
queries_path = ${JSON.stringify(join(SOURCES, 'operations.graphql'))}
`,
    )
    await run(join(dirname(python), 'ariadne-codegen'), [], { cwd })
    const bearer = `authorization: Bearer ${manager}`
    await run(python, ['-m', 'sgqlc.introspection', '-H', bearer, `${gateway.url}/graphql`, 'schema.json'], {
      cwd,
    })
    await run(join(dirname(python), 'sgqlc-codegen'), ['schema', 'schema.json', 'sivo_schema.py'], { cwd })
    await writePage('../clients.md', cwd)
    const args = [join(SOURCES, 'typed.py'), gateway.url, manager, data.createEndpoint.endpoint.id]
    const { stdout } = await run(python, args, { cwd, env: { PYTHONPATH: cwd } })
    const endpoint = { name: 'Renamed', condition: '$.test == false', maxInFlight: 7 }
    expect(
      Object.fromEntries(
        stdout
          .trim()
          .split('\n')
          .map((line) => Object.values(JSON.parse(line))),
      ),
    ).toEqual({
      'ariadne-codegen, key in the payload': [],
      'ariadne-codegen, key in the upgrade': [],
      'ariadne-codegen, a filter from a time': 0,
      'ariadne-codegen, only a name': { __typename: 'UpdateEndpointSuccess', endpoint },
      'ariadne-codegen, a wrong key': 'UNAUTHENTICATED',
      sgqlc: { viewer: { role: 'ADMIN' } },
      'sgqlc, a wrong key': 'UNAUTHENTICATED',
      // It offers only the protocol that came before graphql-transport-ws.
      'sgqlc, a subscription': 'WebSocketException: Invalid WebSocket Header',
      // It takes milliseconds for microseconds.
      'sgqlc, milliseconds': 482,
      'sgqlc, a time with its recipe': true,
    })
  },
)

test.skipIf(!has('python3'))('gql 4 watches over a restart of the gateway, with its recipe', async () => {
  const folder = await workFolder('python-recipe')
  await writePage('../clients.md', folder)
  await expectAllOverRestart([{ name: 'gql', command: python, args: ['gql_live.py'] }], folder)
})
