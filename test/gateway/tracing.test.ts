// Traces as a collector gets them: one span for the publish, and below it one for each attempt, whose place the receiver is
// told. The collector speaks OTLP over HTTP, and what it gets is decoded here.

import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { readTraceparent } from '../../src/domain/trace.ts'
import { toPublicId } from '../../src/domain/values/id.ts'
import { ensureOperatorKey } from '../../src/gateway/admin/api-keys.ts'
import { publishEvents } from '../../src/gateway/publish/publish-events.ts'
import { createLog } from '../../src/log.ts'
import { schema } from '../../src/schema/index.ts'
import { startServer } from '../../src/server/http.ts'
import { belongsToEndpoint } from '../../src/vault.ts'
import { exampleEvent, type House, openHouse } from '../support/house.ts'

type OtlpSpan = {
  name: string
  traceId: string
  spanId: string
  parentSpanId?: string
  status: { code?: number; message?: string }
  attributes: { key: string; value: { stringValue?: string; intValue?: number | string } }[]
}

const KEY = 'operator-key-of-this-very-test'
const lines: { msg: string; traceId?: string; attempt?: number; reason?: string }[] = []
const spans: OtlpSpan[] = []
const exports: { path: string | undefined; type: string | undefined; authorization: string | undefined }[] = []
let resource: Pick<OtlpSpan, 'attributes'>
let collector: Server
let house: House
beforeAll(async () => {
  collector = createServer((request, response) => {
    let text = ''
    request.setEncoding('utf8')
    request.on('data', (chunk) => {
      text += chunk
    })
    request.once('end', () => {
      const { authorization, 'content-type': type } = request.headers
      exports.push({ path: request.url, type, authorization })
      for (const { resource: of, scopeSpans } of JSON.parse(text).resourceSpans) {
        resource = of
        for (const { spans: some } of scopeSpans) spans.push(...some)
      }
      response.writeHead(200, { 'content-type': 'application/json' }).end('{}')
    })
  })
  await new Promise<void>((resolve) => collector.listen(0, '127.0.0.1', resolve))
  const { port } = collector.address() as AddressInfo
  vi.stubEnv('OTEL_EXPORTER_OTLP_HEADERS', 'authorization=Bearer%20collector')
  const log = createLog({ level: 'info', destination: { write: (line) => void lines.push(JSON.parse(line)) } })
  const settings = {
    PORT: '0',
    SIVO_TRACES_URL: `http://127.0.0.1:${port}/v1/traces`,
    SIVO_RETRY_SCHEDULE: '100ms,100ms',
  }
  house = await openHouse(settings, { log })
  await ensureOperatorKey(house.app.ctx, KEY)
})
afterAll(async () => {
  vi.unstubAllEnvs()
  await house.close()
  collector.closeAllConnections()
  collector.close()
})

const CALLER = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
const attributeOf = ({ attributes }: Pick<OtlpSpan, 'attributes'>, wanted: string) => {
  const value = attributes.find(({ key }) => key === wanted)?.value
  return value?.stringValue ?? Number(value?.intValue)
}

async function publishOverHttp(tenantId: string): Promise<void> {
  const server = await startServer({ ...house.app, schema })
  try {
    const response = await fetch(`http://127.0.0.1:${server.port}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${KEY}`, traceparent: CALLER },
      body: JSON.stringify({
        query:
          'mutation P($input: PublishEventsInput!) { publishEvents(input: $input) { ... on PublishEventsSuccess { events { id } } } }',
        variables: { input: { tenantId: toPublicId('tenant', tenantId), events: [exampleEvent()] } },
      }),
    })
    expect(await response.json()).toMatchObject({ data: { publishEvents: { events: [{}] } } })
  } finally {
    await server.close(1_000)
  }
}

test('the spans of a publish and of each attempt are one trace below the caller, and receivers are told their place', async () => {
  const receiver = await house.receiver()
  receiver.answer(500)
  await house.addEndpoint(receiver.url('/traced'))
  await publishOverHttp(house.tenantId)
  await receiver.until((all) => all.length >= 3)
  await expect.poll(() => spans.length).toBe(4)
  const [publish] = spans.filter(({ name }) => name === 'publish events')
  const attempts = spans.filter(({ name }) => name === 'deliver event')
  expect(new Set(spans.map(({ traceId }) => traceId))).toEqual(new Set(['0af7651916cd43dd8448eb211c80319c']))
  expect(publish!.parentSpanId).toBe('b7ad6b7169203331')
  expect(attempts.map(({ parentSpanId }) => parentSpanId)).toEqual(Array(3).fill(publish!.spanId))
  expect(attempts.map((span) => attributeOf(span, 'sivo.attempt')).sort()).toEqual([1, 2, 3])
  expect(attempts.map(({ status }) => status)).toEqual(Array(3).fill({ code: 2, message: 'http_status' }))
  expect(attempts.map((span) => attributeOf(span, 'http.response.status_code'))).toEqual([500, 500, 500])
  const told = receiver.requests.map(({ headers }) => String(headers['traceparent']).split('-')[2])
  expect(told.sort()).toEqual(attempts.map(({ spanId }) => spanId).sort())
  expect(new Set(exports.map((each) => JSON.stringify(each)))).toEqual(
    new Set([JSON.stringify({ path: '/v1/traces', type: 'application/json', authorization: 'Bearer collector' })]),
  )
  expect(attributeOf(resource, 'service.name')).toBe('sivo-webhooks')
  expect(
    lines
      .filter(({ msg }) => msg === 'delivery.attempt_refused')
      .map(({ attempt, traceId, reason }) => [attempt, traceId, reason]),
  ).toEqual(
    [1, 2, 3].map((attempt) => [attempt, '0af7651916cd43dd8448eb211c80319c', 'The receiver answered 500, not 2xx.']),
  )
})

test('the place in the trace replaces a traceparent among the headers of an endpoint', async () => {
  const receiver = await house.receiver()
  const tenantId = await house.addTenant('Own header')
  const { id } = await house.addEndpoint(receiver.url('/own-header'), { tenantId })
  const seal = house.app.ctx.vault.seal(CALLER, belongsToEndpoint(tenantId, id)).toString('base64')
  await house.app.ctx.db.endpoint.update({
    where: { id },
    data: { headers: [{ name: 'Traceparent', sealed: seal }] },
  })
  await house.publishFor(tenantId, {})
  const [request] = await receiver.until((all) => all.length >= 1)
  const names = request!.rawHeaders.filter((_, index) => index % 2 === 0).map((name) => name.toLowerCase())
  expect(names.filter((name) => name === 'traceparent')).toHaveLength(1)
  expect(request!.headers['traceparent']).not.toBe(CALLER)
})

test('without a collector nothing is stored of a trace, and receivers get no traceparent', async () => {
  const untraced = await openHouse()
  try {
    const receiver = await untraced.receiver()
    await untraced.addEndpoint(receiver.url('/untraced'))
    const ctx = { ...untraced.app.ctx, traceparent: CALLER }
    await publishEvents(ctx, { tenantId: untraced.tenantId, events: [exampleEvent()] })
    await receiver.until((all) => all.length >= 1)
    expect(receiver.requests[0]!.headers['traceparent']).toBeUndefined()
  } finally {
    await untraced.close()
  }
})

test('a collector that is away delays and fails nothing', async () => {
  const away = await openHouse({ SIVO_TRACES_URL: 'http://127.0.0.1:9/v1/traces' })
  try {
    const receiver = await away.receiver()
    await away.addEndpoint(receiver.url('/away'))
    await away.publish({}, {}, {})
    await receiver.until((all) => all.length >= 3)
    expect(receiver.requests.every(({ headers }) => readTraceparent(headers['traceparent']) !== null)).toBe(true)
  } finally {
    await away.close()
  }
})

describe('a traceparent', () => {
  test.each([
    ['', null],
    [CALLER, CALLER],
    [` ${CALLER} `, CALLER],
    ['00-00000000000000000000000000000000-b7ad6b7169203331-01', null],
    ['00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01', null],
    ['01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-new', CALLER],
    ['ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01', null],
    ['00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-new', null],
    ['00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331', null],
    ['00-0AF7651916CD43DD8448EB211C80319C-B7AD6B7169203331-01', null],
    [undefined, null],
  ])('%j is read as %j', (text, read) => {
    expect(readTraceparent(text)).toBe(read)
  })
})
