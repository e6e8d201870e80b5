import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { MAX_BODY_BYTES } from '../../src/domain/event/envelope.ts'
import { toPublicId } from '../../src/domain/values/id.ts'
import { openScriptServer, type ScriptServer } from '../support/tls-script-server.ts'
import { type Gateway, openGateway, type Reply } from './gateway.ts'
import { documentOf, leastArguments, slotsFor, withValue } from './operations.ts'

let gateway: Gateway
let receiver: ScriptServer
let admin: string
let publisher: string
let endpoint: { id: string }
beforeAll(async () => {
  gateway = await openGateway({ SIVO_RETRY_SCHEDULE: '100ms', SIVO_DNS_SERVERS: '127.0.0.1:9' })
  receiver = await openScriptServer({ ...gateway.house.authority.issue(['127.0.0.1']) })
  admin = await gateway.key('ADMIN', gateway.house.tenantId)
  publisher = await gateway.key('PUBLISHER', gateway.house.tenantId)
  endpoint = await gateway.house.addEndpoint(`https://127.0.0.1:${receiver.port}/`)
})
afterAll(async () => {
  await gateway.close()
  await receiver.close()
})

const PUBLISH = `mutation ($input: PublishEventsInput!) { publishEvents(input: $input) { __typename
  ... on PublishEventsSuccess { events { id } } ... on ValidationError { issues { path message } } ... on Error { code } } }`

/** Publishes one event from the raw text of its `data` and of further members. */
async function publishRaw(data: string | Uint8Array, more = ''): Promise<{ status: number; reply: Reply }> {
  const [head, tail] = [
    `{"query":${JSON.stringify(PUBLISH)},"variables":{"input":{"events":[{"type":"agent.paused"${more},"data":`,
    '}]}}}',
  ]
  const body = Buffer.concat([Buffer.from(head), Buffer.from(data as string), Buffer.from(tail)])
  const { status, text } = await gateway.post(body, publisher)
  return { status, reply: JSON.parse(text) }
}

const EXAMPLE =
  '"agent":{"agent_id":"agt_1","name":"Maya"},"reason":{"code":"lunch","label":"Lunch"},"paused_at":"2026-11-23T12:00:00Z","paused_by":"agent","previous_status":"available","status":"on_break"'
const dataWith = (x: string) => `{${EXAMPLE},"x":${x}}`

/** The body that came for the event, as text. */
async function delivered(eventId: string): Promise<string> {
  const request = await gateway.house.until(
    async () =>
      receiver.requests.find(({ headers }) =>
        headers.some(([name, value]) => name === 'X-Sivo-Event-Id' && value === eventId),
      ) ?? null,
  )
  return request.body.toString('utf8')
}

const stored = () => gateway.house.app.ctx.db.event.count()

describe('what is accepted arrives as the same JSON value, byte for byte what is shown', () => {
  test.each([
    { name: 'NUL', written: '"a\\u0000b"', expected: '"a\\u0000b"' },
    { name: 'half a surrogate pair', written: '"\\ud800 \\udfff"', expected: '"\\ud800 \\udfff"' },
    { name: 'a whole pair, escaped or not', written: '["\\ud83d\\ude00","😀"]', expected: '["😀","😀"]' },
    {
      name: 'every control character',
      written: `"${Array.from({ length: 32 }, (_, i) => `\\u${i.toString(16).padStart(4, '0')}`).join('')}"`,
      expected: JSON.stringify(String.fromCharCode(...Array(32).keys())),
    },
    {
      name: 'line separators, marks of order and of direction',
      written: '"\\u2028\\u2029\\ufeff\\u202e"',
      expected: '"\u2028\u2029\ufeff\u202e"',
    },
    { name: 'markup', written: '"<script>alert(1)</script>&quot;"', expected: '"<script>alert(1)</script>&quot;"' },
    { name: 'white space outside of texts', written: '{ "a" : [ 1 ,\n 2 ] }', expected: '{"a":[1,2]}' },
    { name: 'equal names: the last one', written: '{"a":1,"b":2,"a":3}', expected: '{"a":3,"b":2}' },
    { name: 'names like numbers: they move first', written: '{"b":1,"10":2,"2":3}', expected: '{"2":3,"10":2,"b":1}' },
    {
      name: 'names that JavaScript knows',
      written: '{"__proto__":{"polluted":1},"constructor":{"prototype":2},"toString":3,"":4}',
      expected: '{"__proto__":{"polluted":1},"constructor":{"prototype":2},"toString":3,"":4}',
    },
    {
      name: 'numbers that a double holds',
      written: '[1.0,1e5,0.1,9007199254740991,-0,5e-324,1.7976931348623157e308]',
      expected: '[1,100000,0.1,9007199254740991,0,5e-324,1.7976931348623157e+308]',
    },
    {
      name: 'looks like numbers in texts',
      written: '["12345678901234567890","1e400"]',
      expected: '["12345678901234567890","1e400"]',
    },
  ])('$name arrives as the same JSON value, byte for byte as shown', async ({ written, expected }) => {
    const { status, reply } = await publishRaw(dataWith(written))
    expect([status, reply.data.publishEvents.__typename]).toEqual([200, 'PublishEventsSuccess'])
    const { id } = reply.data.publishEvents.events[0]
    const body = await delivered(id)
    expect(body).toContain(`,"data":{${EXAMPLE},"x":${expected}}}`)
    const shown = await gateway.ask(admin, 'query ($id: ID!) { event(id: $id) { body payload } }', { id })
    expect(shown.data.event.body).toBe(body)
    expect(JSON.stringify(shown.data.event.payload)).toBe(JSON.stringify(JSON.parse(body)))
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined()
  })

  test('the same values arrive unchanged if they are literals of the document', async () => {
    const document = `mutation { publishEvents(input: { events: [{ type: "agent.paused", data: {
      agent: { agent_id: "agt_1", name: "Maya" }, reason: { code: "lunch", label: "Lunch" }, paused_at: "2026-11-23T12:00:00Z", paused_by: "agent", previous_status: "available", status: "on_break"
      x: { __proto__: { polluted: 1 }, nul: "\\u0000", half: "\\uD83D\\uDE00", big: 1.5, block: """two
      lines""" } } }] }) { __typename ... on PublishEventsSuccess { events { id } } ... on ValidationError { issues { path message } } } }`
    const reply = await gateway.ask(publisher, document)
    const body = await delivered(reply.data.publishEvents.events[0].id)
    expect(body).toContain(
      '"x":{"__proto__":{"polluted":1},"nul":"\\u0000","half":"😀","big":1.5,"block":"two\\nlines"}',
    )
  })

  test('a body of exactly 256 KiB arrives, and one byte more is refused', async () => {
    const { reply } = await publishRaw(dataWith('""'))
    const empty = Buffer.byteLength(await delivered(reply.data.publishEvents.events[0].id))
    // Ids are of one length: what is left is for the text. Two bytes each, so that characters are not what is counted.
    const room = MAX_BODY_BYTES - empty
    const fitting = `"${'é'.repeat(Math.floor(room / 2))}${room % 2 ? 'e' : ''}"`
    const full = await publishRaw(dataWith(fitting))
    expect(Buffer.byteLength(await delivered(full.reply.data.publishEvents.events[0].id))).toBe(MAX_BODY_BYTES)
    const before = await stored()
    const over = await publishRaw(dataWith(fitting.replace('"', '"e')))
    expect(over.reply.data.publishEvents).toMatchObject({
      __typename: 'ValidationError',
      issues: [
        { path: ['input', 'events', '0', 'data'], message: expect.stringContaining(`got ${MAX_BODY_BYTES + 1}`) },
      ],
    })
    expect(await stored()).toBe(before)
  })
})

describe('what cannot arrive as it is, is refused, and nothing is stored', () => {
  const issue = async (data: string, more = '') => {
    const before = await stored()
    const { reply } = await publishRaw(data, more)
    expect(await stored()).toBe(before)
    return [reply.data?.publishEvents?.__typename, reply.data?.publishEvents?.issues?.[0]?.path?.slice(3).join('.')]
  }

  test.each([
    '12345678901234567890',
    '1e400',
    '-1e400',
    '1e-400',
    '0.12345678901234567890123',
    '9007199254740993',
    '1E+309',
  ])('the inexact number %s is refused, and nothing is stored', async (number) => {
    expect(await issue(dataWith(number))).toEqual(['ValidationError', 'data.x'])
    expect(await issue(dataWith(`[{"deep":[${number}]}]`))).toEqual(['ValidationError', 'data.x.0.deep.0'])
    const document = `mutation { publishEvents(input: { events: [{ type: "agent.paused", data: { x: ${number} } }] }) { __typename ... on ValidationError { issues { path } } } }`
    const literal = await gateway.ask(publisher, document)
    expect(literal.data.publishEvents.issues.map(({ path }: Reply) => path.join('.'))).toContain(
      'input.events.0.data.x',
    )
  })

  test('data that is not an object or is nested too deep is refused', async () => {
    for (const data of ['[]', '"text"', '7', 'true', '12345678901234567890'])
      expect((await issue(data))[0]).toBe('ValidationError')
    expect((await publishRaw('null')).reply.errors[0].extensions.code).toBe('BAD_USER_INPUT')
    expect((await issue(dataWith('['.repeat(500) + ']'.repeat(500))))[0]).toBe('ValidationError')
    const { reply } = await publishRaw(dataWith('['.repeat(499) + ']'.repeat(499)))
    expect(reply.data.publishEvents.__typename).toBe('PublishEventsSuccess')
  })

  test.each([
    ['subject', '"a\\u0000b"'],
    ['subject', '"two\\nlines"'],
    ['subject', '"\\ud800"'],
    ['subject', '""'],
    ['subject', `"${'x'.repeat(257)}"`],
    ['idempotencyKey', '"\\u0000"'],
    ['idempotencyKey', '"\\udc00"'],
    ['idempotencyKey', `"${'x'.repeat(257)}"`],
  ])('the %s %s is refused, and nothing is stored', async (name, value) => {
    expect(await issue(dataWith('1'), `,"${name}":${value}`)).toEqual(['ValidationError', name])
  })

  test('a request whose bytes are not UTF-8 is refused', async () => {
    for (const bytes of [[0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80], [0xe2, 0x82]]) {
      const before = await stored()
      const { status, reply } = await publishRaw(
        Buffer.concat([Buffer.from('{"x":"'), Buffer.from(bytes), Buffer.from('"}')]),
      )
      expect([status, reply.errors[0].extensions.code]).toEqual([400, 'BAD_USER_INPUT'])
      expect(await stored()).toBe(before)
    }
  })

  test.each(['a\u0000b', 'two\nlines', '\u001b[2J', '\ud800', '\u202egnp.exe', '\u2028', '   ', '', 'x'.repeat(201)])(
    'the name %j is refused for a tenant, an endpoint and a key',
    async (name) => {
      const operator = await gateway.key('OPERATOR', null)
      const tenantId = toPublicId('tenant', gateway.house.tenantId)
      const id = toPublicId('endpoint', endpoint.id)
      const { db } = gateway.house.app.ctx
      const count = async () => [await db.tenant.count(), await db.endpoint.count(), await db.apiKey.count()]
      const before = await count()
      const reply = await gateway.ask(
        operator,
        `mutation ($tenantId: ID, $id: ID!, $name: String!) {
          a: createTenant(input: { name: $name }) { ... on ValidationError { issues { path } } }
          b: createEndpoint(input: { tenantId: $tenantId, name: $name, url: "https://crm.example/" }) { ... on ValidationError { issues { path } } }
          c: updateEndpoint(id: $id, input: { name: $name }) { ... on ValidationError { issues { path } } }
          d: createApiKey(input: { tenantId: $tenantId, name: $name, role: VIEWER }) { ... on ValidationError { issues { path } } } }`,
        { tenantId, id, name },
      )
      const refused = { issues: [{ path: ['input', 'name'] }] }
      expect(reply.data).toEqual({ a: refused, b: refused, c: refused, d: refused })
      expect(await count()).toEqual(before)
    },
  )
})

describe('no argument makes a fault', () => {
  const VALUES: Record<string, unknown[]> = {
    String: ['\u0000', '\ud800', '', ' ', '%', "'; drop table tenant; --", '\\', 'x'.repeat(100_000), '😀'.repeat(300)],
    Int: [0, -1, 1, 2 ** 31 - 1, -(2 ** 31)],
    Float: [0, -1, 1.5, 1e308, -1e308],
    DateTime: [
      '0001-01-01T00:00:00Z',
      '9999-12-31T23:59:59.999Z',
      '9999-12-31T23:59:59-23:59',
      '0000-01-01T00:00:00Z',
      '1969-12-31T23:59:59.999999999Z',
    ],
    JSON: [{}, [], null, '\u0000', { '\u0000': '\ud800' }, 1e308],
  }
  const cases = Object.entries(VALUES).flatMap(([type, values]) =>
    slotsFor(type).map((slot) => [`${slot.operation.name}(${slot.path.join('.')})`, slot, values] as const),
  )
  // A tenant of its own: some of them make endpoints.
  const keys = { ADMIN: '', PUBLISHER: '' }
  let tenantId: string
  let endpointId: string
  beforeAll(async () => {
    tenantId = await gateway.house.addTenant()
    endpointId = toPublicId('endpoint', (await gateway.house.addEndpoint('https://crm.example/', { tenantId })).id)
    for (const role of ['ADMIN', 'PUBLISHER'] as const) keys[role] = await gateway.key(role, tenantId)
  })

  test.each(cases)('%s answers any odd value without a fault', async (_name, slot, values) => {
    const { operation } = slot
    const ids: Record<string, string> = {
      tenantId: toPublicId('tenant', tenantId),
      eventId: toPublicId('event', gateway.house.app.ctx.newId()),
    }
    const least = leastArguments(operation, (name) => ids[name] ?? endpointId)
    const key = keys[operation.name === 'publishEvents' ? 'PUBLISHER' : 'ADMIN']
    for (const value of values) {
      const args = withValue(least, slot, value)
      const document = documentOf(operation, args, 1)
      const reply = await (operation.kind === 'subscription' ? gateway.askEvents : gateway.ask)(key, document, args)
      const codes = (reply.errors ?? []).map(({ extensions }: Reply) => extensions.code)
      expect([
        value,
        codes.filter(
          (code: string) => !['BAD_USER_INPUT', 'NOT_FOUND', 'FORBIDDEN', 'COMPLEXITY_LIMIT'].includes(code),
        ),
      ]).toEqual([value, []])
    }
  })
})

describe('a reply of a receiver', () => {
  const CRLF = '\r\n'
  const reply = (head: string, body: Buffer | string) =>
    Buffer.concat([
      Buffer.from(`HTTP/1.1 500 Oops${CRLF}${head}content-length: ${Buffer.byteLength(body)}${CRLF}${CRLF}`, 'latin1'),
      Buffer.from(body as string),
    ])

  test.each([
    {
      name: 'with NUL',
      bytes: reply('', 'a\0b'),
      expected: { responseBody: 'a\ufffdb', responseBodyTruncated: false, errorCode: 'http_status' },
    },
    {
      name: 'that is no UTF-8',
      bytes: reply('', Buffer.from([0x61, 0xff, 0xc3, 0x28])),
      expected: { responseBody: 'a\ufffd\ufffd(', errorCode: 'http_status' },
    },
    {
      name: 'that is cut in a character',
      bytes: reply('', '😀'.repeat(5_000)),
      expected: { responseBody: expect.stringMatching(/^(😀)+\ufffd?$/u), responseBodyTruncated: true },
    },
    {
      name: 'that is packed',
      bytes: reply(`content-encoding: gzip${CRLF}`, Buffer.from([0x1f, 0x8b, 0x08, 0x00])),
      expected: { responseBody: expect.any(String), errorCode: 'http_status' },
    },
    {
      name: 'with markup',
      bytes: reply(`content-type: text/html${CRLF}`, '<script>alert(1)</script>'),
      expected: { responseBody: '<script>alert(1)</script>' },
    },
    {
      name: 'with bytes above ASCII in a header',
      bytes: reply(`x-latin: \xe9\xff${CRLF}`, 'x'),
      expected: { responseHeaders: expect.arrayContaining([{ name: 'x-latin', value: expect.any(String) }]) },
    },
    {
      name: 'with NUL in a header',
      bytes: reply(`x-nul: a\0b${CRLF}`, 'x'),
      expected: { errorCode: 'invalid_response' },
    },
    {
      name: 'with headers of 20 KB',
      bytes: reply(`x-long: ${'x'.repeat(20_000)}${CRLF}`, 'x'),
      expected: { errorCode: 'invalid_response' },
    },
    {
      name: 'with 2,000 headers',
      bytes: reply(Array.from({ length: 2_000 }, (_, i) => `x-${i}: ${i}${CRLF}`).join(''), 'x'),
      expected: { errorCode: 'invalid_response' },
    },
    {
      name: 'that is no HTTP',
      bytes: Buffer.from('\0\0\0\0 hello\r\n\r\n'),
      expected: { errorCode: 'invalid_response' },
    },
  ])('a reply $name stays readable, in the API and in the export', async ({ bytes, expected }) => {
    receiver.answer(({ socket }) => void socket.end(bytes))
    const { reply: published } = await publishRaw(dataWith('1'))
    const eventId = published.data.publishEvents.events[0].id
    const attempts = await gateway.house.until(async () => {
      const { data } = await gateway.ask(
        admin,
        `query ($id: ID!) { event(id: $id) { deliveries { status attempts {
          responseBody responseBodyTruncated errorCode errorMessage responseHeaders { name value } } } } }`,
        { id: eventId },
      )
      const [delivery] = data.event.deliveries
      return delivery?.status === 'DEAD_LETTERED' ? delivery.attempts : null
    })
    expect(attempts[0]).toMatchObject(expected)
    const response = await fetch(`${gateway.url}/dead-letters.json?eventId=${eventId}`, {
      headers: { authorization: `Bearer ${admin}` },
    })
    const [dead] = (await response.json()) as Reply
    expect(dead.attempts[0].responseBody).toBe(attempts[0].responseBody)
  })
})
