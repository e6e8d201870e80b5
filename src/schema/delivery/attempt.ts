import { withinReach } from '../../domain/access/viewer.ts'
import type { Headers } from '../../domain/delivery/header-form.ts'
import { toPublicId } from '../../domain/values/id.ts'
import type { AttemptTrigger } from '../../generated/prisma/enums.ts'
import type { Lookup } from '../access/tenancy.ts'
import { builder, type RequestContext } from '../base/builder.ts'
import {
  receivedHeaders,
  sentHeaders,
  sentUrl,
  WITH_REQUEST_HEADERS,
  WITH_RESPONSE_HEADERS,
} from './attempt-headers.ts'

const AttemptTriggerEnum = builder.enumType('AttemptTrigger', {
  description: 'Why an attempt was made.',
  values: {
    INITIAL: { description: 'It is the first attempt of the delivery.' },
    RETRY: { description: 'The retry schedule caused it.' },
    MANUAL: { description: 'A person requested it.' },
    TEST: { description: 'It belongs to a test event.' },
  } satisfies Record<AttemptTrigger, { description: string }>,
})

type Header = { name: string; value: string }

export const HeaderType = builder.objectRef<Header>('Header').implement({
  description: 'A header of a request or a reply.',
  fields: (t) => ({
    name: t.exposeString('name', { description: 'The name, as it was sent.' }),
    value: t.exposeString('value', {
      description: 'The value, as it was sent. Values of the endpoint’s own headers are masked.',
    }),
  }),
})

type Timing = {
  dnsMs: number | null
  connectMs: number | null
  tlsMs: number | null
  firstByteMs: number | null
  totalMs: number
}

const AttemptTiming = builder.objectRef<Timing>('AttemptTiming').implement({
  description:
    'How long each step of an attempt took. A step is null if the attempt did not reach it, or if it used an open connection.',
  fields: (t) => ({
    dnsMs: t.exposeFloat('dnsMs', {
      nullable: true,
      description: 'The time to resolve the host, in milliseconds; null if this step did not happen.',
    }),
    connectMs: t.exposeFloat('connectMs', {
      nullable: true,
      description: 'The time to connect, in milliseconds; null if this step did not happen.',
    }),
    tlsMs: t.exposeFloat('tlsMs', {
      nullable: true,
      description: 'The time of the TLS handshake, in milliseconds; null if this step did not happen.',
    }),
    firstByteMs: t.exposeFloat('firstByteMs', {
      nullable: true,
      description:
        'The time from the last byte of the request to the first byte of the reply, in milliseconds; null if no reply came.',
    }),
    totalMs: t.exposeFloat('totalMs', { description: 'The time of the whole attempt, in milliseconds.' }),
  }),
})

const TIMING = { dnsMs: true, connectMs: true, tlsMs: true, firstByteMs: true, totalMs: true } as const

export const Attempt = builder.prismaObject('Attempt', {
  description: 'One HTTP request of a delivery. An attempt never changes after it is recorded.',
  interfaces: [builder.nodeInterfaceRef()],
  select: { id: true },
  fields: (t) => ({
    id: t.id({
      description: 'The id of the attempt. It starts with `att_`.',
      resolve: ({ id }) => toPublicId('attempt', id),
    }),
    number: t.exposeInt('number', {
      description: 'The number of the attempt, counted from 1 over all attempts of the delivery.',
    }),
    trigger: t.expose('trigger', { type: AttemptTriggerEnum, description: 'Why the attempt was made.' }),
    startedAt: t.expose('startedAt', { type: 'DateTime', description: 'When the attempt began.' }),
    latencyMs: t.exposeInt('latencyMs', {
      description: 'How long the attempt took, until the reply was complete or the attempt failed, in milliseconds.',
    }),
    url: t.string({
      description: 'The URL of the endpoint at the time of the attempt.',
      select: { url: true, requestForm: { select: { url: true } } },
      resolve: sentUrl,
    }),
    statusCode: t.exposeInt('statusCode', {
      nullable: true,
      description: 'The HTTP status code of the reply; null if no reply came.',
    }),
    errorCode: t.exposeString('errorCode', {
      nullable: true,
      description:
        'Why the attempt failed, such as `timeout` or `http_status`; null exactly if it succeeded. Later releases may add codes.',
    }),
    errorMessage: t.exposeString('errorMessage', {
      nullable: true,
      description: 'Why the attempt failed, in words; null if it succeeded.',
    }),
    requestHeaders: t.field({
      type: [HeaderType],
      description: 'The headers that the gateway sent.',
      select: WITH_REQUEST_HEADERS,
      resolve: (attempt) => asHeaders(sentHeaders(attempt)),
    }),
    responseHeaders: t.field({
      type: [HeaderType],
      nullable: true,
      description: 'The headers of the reply; null if no reply came.',
      select: WITH_RESPONSE_HEADERS,
      resolve: (attempt) => {
        const headers = receivedHeaders(attempt)
        return headers && asHeaders(headers)
      },
    }),
    responseBody: t.exposeString('responseBody', {
      nullable: true,
      description:
        'The start of the reply’s body, at most 16 KiB; null if no reply came, or if the body was deleted. Bytes that are not UTF-8 become U+FFFD.',
    }),
    responseBodyDeletedAt: t.expose('bodyDeletedAt', {
      type: 'DateTime',
      nullable: true,
      description:
        'When the reply’s body was deleted, together with the payload of the event; null while it is kept, and if no reply came.',
    }),
    responseBodyNote: t.exposeString('responseBodyNote', {
      nullable: true,
      description:
        'What was odd in the body of the reply, as a sentence: for example it was cut off, or it is not in the charset that it declares. The status still decides the outcome. Null if nothing was odd.',
    }),
    responseBodyTruncated: t.exposeBoolean('responseBodyTruncated', {
      description: 'Whether the reply’s body was longer than the part that is stored.',
    }),
    requestCount: t.exposeInt('requestCount', {
      nullable: true,
      description:
        'The number of times the request was sent in this attempt. It is 1, or 0 if no connection was opened. It is 2 if the receiver gave up an idle connection just as the request went out on it. The request was then sent again on a fresh one, and the receiver may see the number of this attempt twice. Null for attempts from before this was counted.',
    }),
    timing: t.field({
      type: AttemptTiming,
      nullable: true,
      description: 'How long each step took.',
      select: TIMING,
      resolve: (attempt) => attempt,
    }),
  }),
})

/** The attempt with this id within reach; null if there is none. */
export async function findAttempt(ctx: RequestContext, { id, reach }: Lookup): Promise<{ id: string } | null> {
  return ctx.db.attempt.findFirst({ where: { id, ...withinReach(reach) }, select: { id: true } })
}

export function asHeaders(headers: Headers): Header[] {
  return headers.map(([name, value]) => ({ name, value }))
}
