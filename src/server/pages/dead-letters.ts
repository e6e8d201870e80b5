// The dead letters of a filter as one JSON array, newest first, of any length in bounded memory: read page by page by
// key, written no faster than the client reads. A fault breaks the connection: an array that closes is whole. Header
// values are left out.

import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { listedDeliveries } from '../../database/filters/deliveries.ts'
import { type DeliveryFilter, deadLettersOf, matchesDelivery } from '../../domain/delivery/filter.ts'
import { readDateTime } from '../../domain/values/date-time.ts'
import { toPublicId } from '../../domain/values/id.ts'
import { RequestError } from '../../errors.ts'
import type { Attempt, Delivery, Endpoint, Event, HeaderForm } from '../../generated/prisma/client.ts'
import { StoredDeliveryStatus } from '../../generated/prisma/enums.ts'
import { READERS, type RequestContext } from '../../schema/base/builder.ts'
import { newestIds } from '../../schema/base/listed.ts'
import { receivedHeaders, sentHeaders, sentUrl } from '../../schema/delivery/attempt-headers.ts'
import { deliveryFilterOf } from '../../schema/delivery/filter.ts'

/** A dead letter is at most 256 KiB of event and 16 KiB for each attempt. */
const PAGE = 20
const STALLED_MS = 60_000

type FormedAttempt = Attempt & { requestForm: HeaderForm | null; responseForm: HeaderForm | null }
type Row = Delivery & { event: Event; endpoint: Endpoint; attempts: FormedAttempt[] }

/** Streams the download. Throws RequestError before the first byte; afterwards a fault ends the connection. */
export async function serveDeadLetters(
  context: RequestContext,
  request: IncomingMessage,
  response: ServerResponse,
  query: URLSearchParams,
): Promise<void> {
  const { viewer } = context
  if (!viewer || !(READERS as readonly string[]).includes(viewer.role))
    throw new RequestError(
      'FORBIDDEN',
      `Expected a role that reads dead letters (${READERS.join(', ')}), got ${viewer?.role}. Ask with another key.`,
    )
  const filter = deadLettersOf(await deliveryFilterOf(context, readFilter(query)))
  // The first page is read before anything is said: what fails now can still be told.
  let page = await readPage(context, filter, null)
  response.writeHead(200, {
    'content-type': 'application/json; charset=utf-8',
    'content-disposition': 'attachment; filename="dead-letters.json"',
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
  })
  if (request.method === 'HEAD') return void response.end()
  try {
    let separator = '['
    for (;;) {
      for (const row of page.rows) {
        await write(response, separator + deadLetterText(row))
        separator = ','
      }
      if (page.next === null) break
      page = await readPage(context, filter, page.next)
    }
    response.end(separator === '[' ? '[]\n' : ']\n')
  } catch (error) {
    if (!response.destroyed) context.log.warn({ requestId: context.requestId, err: error }, 'dead_letters.broken_off')
    response.destroy()
  }
}

/** `next`: the page after this one begins below this id; null: there is none. */
async function readPage(
  { db }: RequestContext,
  filter: DeliveryFilter,
  after: string | null,
): Promise<{ rows: Row[]; next: string | null }> {
  const ids = await newestIds(db, listedDeliveries(filter), { limit: PAGE, below: after })
  const rows = (await db.delivery.findMany({
    where: { id: { in: ids } },
    orderBy: { id: 'desc' },
    include: {
      event: true,
      endpoint: true,
      attempts: { orderBy: { number: 'asc' }, include: { requestForm: true, responseForm: true } },
    },
  })) as Row[]
  // Between the two reads somebody may retry one, or retention take it.
  return {
    rows: rows.filter((row) => matchesDelivery(filter, row, row.endpoint)),
    next: ids.length === PAGE ? ids[PAGE - 1]! : null,
  }
}

/** Waits for the client; one that takes nothing for a minute is given up on. */
async function write(response: ServerResponse, text: string): Promise<void> {
  if (response.destroyed) throw new Error('The client went away.')
  if (response.write(text)) return
  const waiting = new AbortController()
  const onClose = () => waiting.abort(new Error('The client went away.'))
  response.once('close', onClose)
  const timer = setTimeout(() => waiting.abort(new Error(`The client took nothing for ${STALLED_MS} ms.`)), STALLED_MS)
  try {
    await once(response, 'drain', { signal: waiting.signal })
  } finally {
    clearTimeout(timer)
    response.off('close', onClose)
  }
}

function deadLetterText({ event, endpoint, attempts, ...delivery }: Row): string {
  const head = {
    deliveryId: toPublicId('delivery', delivery.id),
    endpointId: toPublicId('endpoint', endpoint.id),
    endpointUrl: endpoint.url,
    reason: delivery.reason,
  }
  // The body is the envelope's exact JSON text; parsing it could only change it.
  const body = event?.body ?? null
  const tail = { body, attempts: attempts.map((attempt) => showAttempt({ ...attempt, delivery })) }
  return `${JSON.stringify(head).slice(0, -1)},"event":${body},${JSON.stringify(tail).slice(1)}\n`
}

function showAttempt(attempt: FormedAttempt & { delivery: Delivery }) {
  const { number, trigger, latencyMs, statusCode, errorCode, errorMessage, requestCount } = attempt
  const { responseBody, responseBodyTruncated, responseBodyNote } = attempt
  const { dnsMs, connectMs, tlsMs, firstByteMs, totalMs } = attempt
  return {
    id: toPublicId('attempt', attempt.id),
    number,
    trigger,
    startedAt: attempt.startedAt.toISOString(),
    latencyMs,
    url: sentUrl(attempt),
    statusCode,
    errorCode,
    errorMessage,
    requestHeaders: sentHeaders(attempt).map(([name]) => name),
    responseHeaders: receivedHeaders(attempt)?.map(([name]) => name) ?? null,
    responseBody,
    responseBodyTruncated,
    responseBodyNote,
    requestCount,
    timing: { dnsMs, connectMs, tlsMs, firstByteMs, totalMs },
  }
}

type FilterArg = NonNullable<Parameters<typeof deliveryFilterOf>[1]>

/** DeliveryFilter from query parameters, lists by repetition. Throws BAD_USER_INPUT. */
function readFilter(query: URLSearchParams): FilterArg {
  const unknown = [...query.keys()].find((name) => !NAMES.has(name))
  if (unknown !== undefined) throw badParameter(unknown, `one of ${[...NAMES].join(', ')}`, 'another name')
  const many = <T>(name: string, expected: string, read: (text: string) => T | undefined): T[] | undefined => {
    if (!query.has(name)) return undefined
    return query.getAll(name).map((text) => {
      const value = read(text)
      if (value === undefined) throw badParameter(name, expected, text)
      return value
    })
  }
  const one = <T>(name: string, expected: string, read: (text: string) => T | undefined): T | undefined => {
    const values = many(name, expected, read)
    if (values && values.length > 1) throw badParameter(name, `${expected}, once`, `${values.length} of them`)
    return values?.[0]
  }
  const text = (value: string) => value
  const moment = (value: string) => readDateTime(value) ?? undefined
  return {
    tenantId: one('tenantId', "a tenant's id", text),
    endpointIds: many('endpointIds', "an endpoint's id", text),
    statuses: many('statuses', `one of ${STATUSES.join(', ')}`, (value) => STATUSES.find((status) => status === value)),
    reasons: many('reasons', 'a reason', text),
    statusCodes: many('statusCodes', 'a status code', (value) => (/^\d{1,9}$/.test(value) ? Number(value) : undefined)),
    errorCodes: many('errorCodes', 'an error code', text),
    eventTypes: many('eventTypes', 'an event type', text),
    eventId: one('eventId', "an event's id", text),
    subject: one('subject', 'a subject', text),
    test: one('test', 'true or false', (value) => ({ true: true, false: false })[value]),
    retried: one('retried', 'true or false', (value) => ({ true: true, false: false })[value]),
    from: one('from', 'a time such as 2026-11-01T00:00:00Z', moment),
    to: one('to', 'a time such as 2026-11-01T00:00:00Z', moment),
  }
}

const STATUSES = [...Object.values(StoredDeliveryStatus), 'HELD'] as const
const NAMES: ReadonlySet<string> = new Set([
  'tenantId',
  'endpointIds',
  'statuses',
  'reasons',
  'statusCodes',
  'errorCodes',
  'eventTypes',
  'eventId',
  'subject',
  'test',
  'retried',
  'from',
  'to',
])

function badParameter(name: string, expected: string, came: string): RequestError {
  return new RequestError(
    'BAD_USER_INPUT',
    `${name.slice(0, 60)}: expected ${expected}, got ${JSON.stringify(came.slice(0, 60))}.`,
  )
}
