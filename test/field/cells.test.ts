// Debian's HAProxy in front of two cells, with the configuration and the map of deploy/: each request and websocket reaches the
// cell that its key, session, header or address names.

import { createHash } from 'node:crypto'
import { request } from 'node:https'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { freePort } from '../../harness/free-port.ts'
import { hasProgram, startCellsProxy, type WebProxy } from '../../harness/web-proxy.ts'
import { toPublicId } from '../../src/domain/id.ts'
import { raiseStage, type Stage } from '../faults/outage.ts'
import { openRawSocket } from '../support/raw-socket.ts'

const CELLS = ['eu1', 'us1'] as const
type Cell = (typeof CELLS)[number]

const OPERATOR: Record<Cell, string> = { eu1: `sivo_eu1_${'e'.repeat(43)}`, us1: `sivo_us1_${'u'.repeat(43)}` }
const stages = {} as Record<Cell, Stage>
const ports = {} as Record<Cell, number>
const closers: (() => Promise<void>)[] = []
let proxy: WebProxy

/** A key of a tenant of us1 that names eu1, because it was made there. */
const MOVED = `sivo_eu1_${'m'.repeat(43)}`

beforeAll(async () => {
  for (const cell of CELLS) {
    const { stage, close } = await raiseStage()
    closers.push(close)
    stages[cell] = stage
    ports[cell] = await freePort()
    await stage.start('api', {
      port: ports[cell],
      env: { SIVO_CELL: cell, SIVO_OPERATOR_KEY: OPERATOR[cell], SIVO_TRUSTED_PROXIES: '127.0.0.0/8' },
    })
  }
  const hash = createHash('sha256').update(MOVED).digest()
  await stages.us1.query(
    `insert into api_key (tenant_id, name, role, hint, secret_hash) values ($1, 'Moved', 'VIEWER', 'hint', $2)`,
    [stages.us1.tenantId, hash],
  )
  if (hasProgram('haproxy'))
    proxy = await startCellsProxy({
      certificate: stages.eu1.certificate,
      ports: { eu1: [ports.eu1], us1: [ports.us1] },
      moved: [`${hash.toString('hex')} cell_us1`],
    })
})
afterAll(async () => {
  await proxy?.close()
  for (const close of closers) await close()
})

type Reply = { status: number; headers: Record<string, string | string[] | undefined>; text: string }
const ask = (path: string, headers: object = {}, body?: object) =>
  new Promise<Reply>((resolve, reject) => {
    const method = body ? 'POST' : 'GET'
    const type = body ? { 'content-type': 'application/json' } : {}
    const asked = request(
      `${proxy.url}${path}`,
      { method, headers: { ...type, ...headers }, rejectUnauthorized: false },
      (reply) => {
        let text = ''
        reply.setEncoding('utf8')
        reply.on('data', (chunk) => {
          text += chunk
        })
        reply.once('end', () => resolve({ status: reply.statusCode!, headers: reply.headers, text }))
      },
    )
    asked.once('error', reject)
    asked.end(body && JSON.stringify(body))
  })
const TENANTS = { query: '{ tenants { nodes { id } } }' }
const idOf = (cell: Cell) => toPublicId('tenant', stages[cell].tenantId)
const bearer = (key: string) => ({ authorization: `Bearer ${key}` })

describe.skipIf(!hasProgram('haproxy'))('HAProxy in front of two cells', () => {
  test.each(CELLS)('a key of %s reaches its cell, whatever the address says', async (cell) => {
    const other = CELLS.find((each) => each !== cell)!
    for (const [path, headers] of [
      ['/graphql', {}],
      [`/graphql?cell=${other}`, { 'x-sivo-cell': other }],
    ] as const) {
      const { text } = await ask(path, { ...bearer(OPERATOR[cell]), ...headers }, TENANTS)
      expect(JSON.parse(text).data.tenants.nodes).toEqual([{ id: idOf(cell) }])
    }
  })

  test('a key without a cell reaches the first cell, and the one that a header or the address names', async () => {
    const old = 'old-key-without-a-cell-00000'
    for (const cell of CELLS)
      await stages[cell].query(
        `insert into api_key (tenant_id, name, role, hint, secret_hash) values ($1, 'Old', 'VIEWER', 'hint', sha256($2))`,
        [stages[cell].tenantId, Buffer.from(old)],
      )
    const tenantOf = async (path: string, headers: object = {}) =>
      JSON.parse((await ask(path, { ...bearer(old), ...headers }, { query: '{ viewer { tenant { id } } }' })).text).data
        .viewer.tenant.id
    expect(await tenantOf('/graphql')).toBe(idOf('eu1'))
    expect(await tenantOf('/graphql?cell=us1')).toBe(idOf('us1'))
    expect(await tenantOf('/graphql', { 'x-sivo-cell': 'us1' })).toBe(idOf('us1'))
  })

  test('a key of a tenant that moved reaches its new cell by its hash', async () => {
    const { text } = await ask('/graphql', bearer(MOVED), { query: '{ viewer { tenant { id } } }' })
    expect(JSON.parse(text).data.viewer.tenant.id).toBe(idOf('us1'))
  })

  test.each(CELLS)('a link of %s signs in at its cell, and the session stays there', async (cell) => {
    const query = `mutation ($t: ID!) { createConsoleLink(input: { tenantId: $t, role: ADMIN }) { ... on CreateConsoleLinkSuccess { url } } }`
    const made = await ask('/graphql', bearer(OPERATOR[cell]), { query, variables: { t: idOf(cell) } })
    const token = JSON.parse(made.text).data.createConsoleLink.url.split('#token=')[1]
    const page = { 'x-sivo-csrf': '1', origin: proxy.url }
    const signedIn = await ask('/session', { ...page, 'x-sivo-cell': cell }, { token })
    expect(signedIn.status).toBe(200)
    const cookie = String(signedIn.headers['set-cookie']).split(';')[0]
    const viewer = await ask('/graphql', { ...page, cookie }, { query: '{ viewer { tenant { id } } }' })
    expect(JSON.parse(viewer.text).data.viewer.tenant.id).toBe(idOf(cell))
  })

  test('a websocket reaches the cell of the key in its header, or the cell in its address', async () => {
    const options = { rejectUnauthorized: false }
    const first = { query: 'subscription { deliveryUpdates { cursor } }' }
    const subscribes = async (socket: Awaited<ReturnType<typeof openRawSocket>>) => {
      socket.send({ type: 'subscribe', id: '1', payload: first })
      const { type } = await socket.next((message) => message.id === '1')
      socket.ws.terminate()
      return type
    }
    const inHeader = await openRawSocket(proxy.url, undefined, { ...options, headers: bearer(MOVED) })
    inHeader.send({ type: 'connection_init' })
    await inHeader.next((message) => message.type === 'connection_ack')
    expect(await subscribes(inHeader)).toBe('next')
    const inAddress = await openRawSocket(`${proxy.url}/graphql?cell=us1&rest=`, `Bearer ${MOVED}`, options)
    expect(await subscribes(inAddress)).toBe('next')
  })

  test('a websocket that names its cell nowhere the proxy sees is told where to connect', async () => {
    const socket = await openRawSocket(proxy.url, undefined, { rejectUnauthorized: false })
    socket.send({ type: 'connection_init', payload: { authorization: `Bearer ${OPERATOR.us1}` } })
    expect(await socket.closed).toEqual({
      code: 4403,
      reason: 'This key belongs to the cell us1. Connect to ?cell=us1. See docs/cells.md',
    })
  })
})
