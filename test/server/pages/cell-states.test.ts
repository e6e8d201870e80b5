// The states of all cells, as an operator's console asks for them: read from real servers.

import { once } from 'node:events'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { freePort } from '../../../src/dev/free-port.ts'
import { listCells } from '../../../src/server/pages/cells.ts'
import { type Gateway, openGateway } from '../../security/gateway.ts'

const servers: Server[] = []
const asked: { cell: unknown; path: string; credentials: unknown }[] = []

/** A cell, or what stands in its place; every request is noted. */
async function open(answer: RequestListener): Promise<string> {
  const server = createServer((request, response) => {
    const { cookie, authorization } = request.headers
    asked.push({ cell: request.headers['x-sivo-cell'], path: request.url!, credentials: authorization ?? cookie })
    answer(request, response)
  })
  servers.push(server)
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

const saying =
  (status: number, body: object, headers = {}): RequestListener =>
  (_request, response) =>
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body))

let gateway: Gateway
let urls: Record<string, string>
beforeAll(async () => {
  const ready = await open(saying(200, { status: 'ready' }))
  urls = {
    ready,
    readonly: await open(saying(503, { status: 'not ready', failing: ['database: read-only'], cell: 'readonly' })),
    silent: await open(() => {}),
    // Each chunk comes in time, and the answer never ends.
    slow: await open((_request, response) => {
      const timer = setInterval(() => response.write(' '), 50)
      response.on('close', () => clearInterval(timer))
    }),
    large: await open((_request, response) => response.writeHead(200).end(Buffer.alloc(1_000_000, ' '))),
    moved: await open(saying(302, {}, { location: `${ready}/elsewhere` })),
    other: await open(saying(200, { status: 'ready', cell: 'ready' })),
    gone: `http://127.0.0.1:${await freePort()}`,
    plain: 'http://cell.example.com',
  }
  const list = Object.entries(urls).map((pair) => pair.join('='))
  gateway = await openGateway({ SIVO_CELL: 'here', SIVO_CELL_URLS: list.join(',') })
})
afterAll(async () => {
  await gateway.close()
  for (const server of servers) {
    server.closeAllConnections()
    server.close()
  }
})

test('an operator sees how each cell is: all are asked at once, without credentials, following nothing, and once for everybody who looks', async () => {
  const key = await gateway.key('OPERATOR', null)
  const names = (await gateway.ask(key, '{ cells { name current } }')).data.cells
  expect(names.filter(({ current }: { current: boolean }) => current)).toEqual([{ name: 'here', current: true }])
  expect(asked).toEqual([])

  const startedMs = performance.now()
  const look = () => gateway.ask(key, '{ cells { name url state { status failing problem afterMs } } }')
  const [first, second] = await Promise.all([look(), look()])
  expect(performance.now() - startedMs).toBeLessThan(3_800)
  expect(second.data).toEqual(first.data)
  type Cell = { name: string; url: string; state: { status: string; afterMs: number } }
  const cells = Object.fromEntries(
    (first.data.cells as Cell[]).map(({ name, url, state }) => [name, { url, ...state }] as const),
  )
  expect(Object.keys(cells)).toEqual(['here', ...Object.keys(urls)].sort())
  const good = { status: 'READY', failing: [], problem: null }
  expect(cells['here']).toMatchObject({ ...good, url: gateway.url })
  expect(cells['ready']).toMatchObject({ ...good, url: urls['ready'] })
  expect(cells['readonly']).toMatchObject({ status: 'NOT_READY', failing: ['database: read-only'], problem: null })
  const problems = {
    silent: ['NO_ANSWER', 'within 2 s, got none'],
    slow: ['NO_ANSWER', 'within 2 s, got none'],
    large: ['OTHER_ANSWER', 'got HTTP 200 without one'],
    moved: ['OTHER_ANSWER', 'got a redirect (302), which is not followed'],
    other: ['OTHER_ANSWER', 'Expected the cell other at'],
    gone: ['NO_CONNECTION', 'nothing listens at that port (ECONNREFUSED)'],
    plain: ['NOT_ASKED', 'got http://cell.example.com, to which no connection is made'],
  } as const
  for (const [name, [status, problem]] of Object.entries(problems))
    expect(cells[name]).toMatchObject({ status, failing: [], problem: expect.stringContaining(problem) })
  for (const name of ['silent', 'slow']) expect(cells[name]!.afterMs).toBeGreaterThanOrEqual(1_990)

  await look()
  expect(asked.map(({ cell, path, credentials }) => `${cell} ${path} ${credentials}`).sort()).toEqual(
    ['ready', 'readonly', 'silent', 'slow', 'large', 'moved', 'other'].sort().map((name) => `${name} /ready undefined`),
  )
})

test('the cells are for operators: a tenant’s ADMIN is refused as with every other field of theirs', async () => {
  const reply = await gateway.ask(await gateway.key('ADMIN', gateway.house.tenantId), '{ cells { name } }')
  expect(reply.errors).toMatchObject([
    {
      message: 'Expected a role that may use cells (OPERATOR), got ADMIN. Use another key.',
      extensions: { code: 'FORBIDDEN' },
    },
  ])
})

test('/ready names its cell, so that a reader sees whether it is the one that was meant', async () => {
  expect(await (await fetch(`${gateway.url}/ready`)).json()).toEqual({ status: 'ready', cell: 'here' })
})

test('a state is read again after five seconds; without addresses of other cells there is no list', async () => {
  let nowMs = 0
  let looks = 0
  const whatFails = async () => (++looks === 1 ? [] : ['database: read-only'])
  const clock = { ...gateway.house.app.ctx.clock, monotonicMs: () => nowMs }
  const { config } = gateway.house.app.ctx
  const [here] = listCells({ config: { ...config, cellUrls: new Map([['us1', urls['ready']!]]) }, clock }, whatFails)
  expect((await here!.readState()).status).toBe('READY')
  nowMs = 4_999
  expect((await here!.readState()).status).toBe('READY')
  nowMs = 5_000
  expect(await here!.readState()).toEqual({
    status: 'NOT_READY',
    failing: ['database: read-only'],
    problem: null,
    afterMs: 0,
  })
  expect(listCells({ config: { ...config, cellUrls: new Map() }, clock }, whatFails)).toEqual([])
})
