// A year and more in minutes: each simulated week publishes, and then everything that has ended becomes a week older, ids and
// times, so that retention drops what is too old. Meanwhile two endpoints die, one fails and comes back, a filter is narrowed, and
// calls go to an endpoint that keeps their order.
//
// Every notice must come once, the ledgers of publisher and receiver must agree with the tables, each call must arrive in its
// order, and the tables must not grow.

import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import { type ApiAccess, ask, expectSuccess } from '../harness/api-client.ts'
import { startSmtp } from '../harness/smtp.ts'
import { freePort } from '../src/dev/free-port.ts'
import type { Drilled } from './main.ts'
import { openCalls } from './months-calls.ts'
import { ageByWeek, dropOld, listKept, openWeeks, RETENTION_WEEKS, readSizes, type Sizes } from './months-clock.ts'
import { openDrillDatabase } from './postgres.ts'
import { countLedgers, type Stand } from './stand.ts'

const WEEKS = 60
const PER_SECOND = 100
const PUBLISHING_MS = 500
/** What happens in which week. */
const FAILS = 8
const COMES_BACK = 10
const SIZE_BEFORE = 19
const DIES = 20
const IS_GONE = 26
const DELETED = 34
const NARROWED = 40
/** The tables at the end, compared with those of before. */
const MOST_GROWTH = 1.3
/** How many rows more another table may have: a few notices and entries of the audit log are no growth. */
const SLACK_ROWS = 200

const ENV = {
  SIVO_RETENTION_DAYS: String(RETENTION_WEEKS * 7),
  SIVO_WARN_AFTER: '2s',
  SIVO_DISABLE_AFTER: '10s',
  SIVO_DISABLE_AFTER_DELIVERIES: '5',
  SIVO_SMTP_FROM: 'hooks@example.com',
  SIVO_NOTICES_EMAIL: 'ops@example.com',
  SIVO_NOTICES_EVERY: '100ms',
}

export async function months(stand: Stand): Promise<Drilled> {
  const database = await openDrillDatabase(stand)
  const smtp = await startSmtp()
  stand.onClose(() => smtp.stop())
  const receiver = await openReceiver(stand)
  const port = await freePort()
  const url = `http://127.0.0.1:${port}/graphql`
  const env = { ...ENV, SIVO_SMTP_URL: `smtp://127.0.0.1:${smtp.port}`, SIVO_PUBLIC_URL: `http://127.0.0.1:${port}` }
  await stand.start({ name: 'gateway', role: 'all', port, databaseUrl: database.url, env })
  const api = { url, key: stand.operatorKey }
  const client = new pg.Client({ connectionString: database.url })
  await client.connect()
  stand.onClose(() => client.end())
  const weeks = await openWeeks(client)

  const tenantId = await stand.configure(url)
  const make = (name: string, input = {}) =>
    createEndpoint(api, { tenantId, name, url: `${receiver.url}/${name}`, ...input })
  await make('operations', { eventTypes: OPERATIONAL })
  const ids = {
    back: await make('back'),
    dying: await make('dying'),
    gone: await make('gone'),
    narrow: await make('narrow'),
  }

  const calls = await openCalls(stand, api)
  const newest: string[][] = []
  let before: Sizes | null = null
  let last: Sizes | null = null
  let narrowedAt = Number.NaN
  for (let week = 1; week <= WEEKS; week++) {
    if (week === FAILS) receiver.answers.set('/back', 500)
    if (week === COMES_BACK) await until(() => receiver.told('endpoint.warning', ids.back) > 0)
    if (week === COMES_BACK) receiver.answers.delete('/back')
    if (week === DIES) receiver.answers.set('/dying', 500)
    if (week === IS_GONE) receiver.answers.set('/gone', 410)
    if (week === DELETED) await deleteDead(api, receiver, ids)
    if (week === NARROWED) {
      await delay(500)
      narrowedAt = receiver.count('/narrow')
      await update(api, ids.narrow, { eventTypes: ['call.ended'] })
    }
    const known = new Set(stand.acknowledged.keys())
    const publishing = stand.publish({ url, tenantId, perSecond: PER_SECOND, retries: true })
    await delay(PUBLISHING_MS)
    await publishing.stop()
    await Promise.all([stand.untilDelivered(30_000), calls.runWeek()])
    newest.push([...stand.acknowledged.keys()].filter((id) => !known.has(id)))
    if (week === SIZE_BEFORE) before = await readSizes(client)
    if (week === WEEKS) last = await readSizes(client)
    await ageByWeek(client, weeks)
    await dropOld(client, weeks)
    if (week % 10 === 0) stand.tell(`week ${week}: ${stand.acknowledged.size} events, ${smtp.mails.length} mails`)
  }
  await delay(3_000)
  const told = smtp.mails.flatMap(({ text }) => text.split('\n'))
  const notices = Object.fromEntries(
    Object.entries(NOTICES).map(([name, text]) => [name, told.filter((line) => text.test(line)).length]),
  )
  const kept = await listKept(client)
  const missing = newest
    .slice(-RETENTION_WEEKS)
    .flat()
    .filter((id) => !kept.has(id)).length
  const strange = [...kept].filter((id) => !stand.acknowledged.has(id)).length
  const growth = last!.weeks / before!.weeks
  const grown = listGrown(before!, last!)
  const { lost } = countLedgers(stand)
  const figures = {
    weeks: WEEKS,
    notices,
    operationalTwice: receiver.operationalTwice(),
    operational: { disabled: receiver.told('endpoint.disabled'), recovered: receiver.told('endpoint.recovered') },
    keptEvents: kept.size,
    missing,
    strange,
    afterNarrowing: receiver.count('/narrow') - narrowedAt,
    calls: calls.figures(),
    growth: Number(growth.toFixed(2)),
    grown,
  }
  const once = Object.values(notices).every((count) => count === 1)
  const isTold =
    figures.operational.disabled === 2 && figures.operational.recovered === 1 && figures.operationalTwice === 0
  const isWhole = lost === 0 && missing === 0 && strange === 0 && kept.size < stand.acknowledged.size / 2
  const isFlat = growth <= MOST_GROWTH && Object.keys(grown).length === 0
  const isOrdered = figures.calls.outOfOrder === 0 && figures.calls.accepted === figures.calls.events
  return {
    passed: once && isTold && isWhole && isOrdered && figures.afterNarrowing === 0 && isFlat,
    figures,
  }
}

/** The other tables with more rows than before, and both numbers. */
function listGrown(before: Sizes, last: Sizes): Record<string, string> {
  const grown: Record<string, string> = {}
  for (const [name, count] of last.others) {
    const earlier = before.others.get(name) ?? 0
    if (count > earlier * MOST_GROWTH + SLACK_ROWS) grown[name] = `${earlier} to ${count} rows`
  }
  return grown
}

const OPERATIONAL = ['endpoint.warning', 'endpoint.disabled', 'endpoint.recovered', 'delivery.dead_lettered']

/** What must be told, once each. */
const NOTICES: Record<string, RegExp> = {
  'back fails': /^back of Drill \([^)]*\) has failed since/,
  'back works again': /^back of Drill .* works again/,
  'dying fails': /^dying of Drill \([^)]*\) has failed since/,
  'dying is disabled': /^dying of Drill .* was disabled .* because it has failed/,
  'dying was deleted': /^dying of Drill .* was deleted/,
  'gone is disabled': /^gone of Drill .* was disabled .* answered 410/,
  'gone was deleted': /^gone of Drill .* was deleted/,
}

type Receiver = Awaited<ReturnType<typeof openReceiver>>

/** Answers each path as it is told, 204 by default, and keeps what operational events came. */
async function openReceiver({ certificate, onClose }: Stand) {
  const answers = new Map<string, number>()
  const counts = new Map<string, number>()
  const operational: { id: string; type: string; subject: string }[] = []
  const server = createServer({ ...certificate, keepAliveTimeout: 60_000 }, (request, response) => {
    const path = request.url!
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.once('end', () => {
      counts.set(path, (counts.get(path) ?? 0) + 1)
      if (path === '/operations') operational.push(JSON.parse(Buffer.concat(chunks).toString()))
      response.writeHead(answers.get(path) ?? 204).end()
    })
  })
  server.on('tlsClientError', () => {})
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onClose(() => {
    server.closeAllConnections()
    server.close()
  })
  return {
    url: `https://localhost:${(server.address() as AddressInfo).port}`,
    answers,
    count: (path: string) => counts.get(path) ?? 0,
    told: (type: string, subject?: string) =>
      operational.filter((event) => event.type === type && (subject === undefined || event.subject === subject)).length,
    operationalTwice: () => operational.length - new Set(operational.map(({ id }) => id)).size,
  }
}

/** Waits until the gateway has disabled the endpoints that died, and deletes them, as their owner would. */
async function deleteDead(api: ApiAccess, receiver: Receiver, { dying, gone }: { dying: string; gone: string }) {
  for (const id of [dying, gone]) {
    await until(() => receiver.told('endpoint.disabled', id) > 0)
    const { deleteEndpoint } = await ask<{ deleteEndpoint: { __typename: string } }>(api, DELETE, { id })
    expectSuccess(deleteEndpoint)
  }
}

async function until(isTrue: () => boolean): Promise<void> {
  const deadline = Date.now() + 60_000
  while (!isTrue()) {
    if (Date.now() > deadline) throw new Error('Waited a minute for an operational event that did not come.')
    await delay(50)
  }
}

async function createEndpoint(api: ApiAccess, input: object): Promise<string> {
  const { createEndpoint: made } = await ask<{ createEndpoint: { __typename: string } }>(api, CREATE, { input })
  return expectSuccess<{ endpoint: { id: string } }>(made).endpoint.id
}

async function update(api: ApiAccess, id: string, input: object): Promise<void> {
  const { updateEndpoint } = await ask<{ updateEndpoint: { __typename: string } }>(api, UPDATE, { id, input })
  expectSuccess(updateEndpoint)
}

const CREATE = `mutation ($input: CreateEndpointInput!) {
  createEndpoint(input: $input) { __typename ... on CreateEndpointSuccess { endpoint { id } } ... on Error { message } }
}`
const UPDATE = `mutation ($id: ID!, $input: UpdateEndpointInput!) {
  updateEndpoint(id: $id, input: $input) { __typename ... on Error { message } }
}`
const DELETE = `mutation ($id: ID!) { deleteEndpoint(id: $id) { __typename ... on Error { message } } }`
