import { toPublicId } from '../domain/id.ts'
import { withinReach } from '../domain/viewer.ts'
import type { AttemptTrigger } from '../generated/prisma/enums.ts'
import { builder, type RequestContext } from './builder.ts'
import type { Lookup } from './tenancy.ts'

const AttemptTriggerEnum = builder.enumType('AttemptTrigger', {
  description: 'Why an attempt was made.',
  values: {
    INITIAL: { description: 'It is the first one.' },
    RETRY: { description: 'The schedule brought it.' },
    MANUAL: { description: 'A person asked for it.' },
    TEST: { description: 'It belongs to a test event.' },
  } satisfies Record<AttemptTrigger, { description: string }>,
})

type Header = { name: string; value: string }

const HeaderType = builder.objectRef<Header>('Header').implement({
  description: 'One header line of a request or a reply.',
  fields: (t) => ({
    name: t.exposeString('name', { description: 'As it was sent.' }),
    value: t.exposeString('value', { description: 'As it was sent; values of the endpoint’s own headers are masked.' }),
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
  description: 'How long each step took, in milliseconds; null: not reached, or the connection was there already.',
  fields: (t) => ({
    dnsMs: t.exposeFloat('dnsMs', { nullable: true, description: 'Resolving the host.' }),
    connectMs: t.exposeFloat('connectMs', { nullable: true, description: 'Connecting.' }),
    tlsMs: t.exposeFloat('tlsMs', { nullable: true, description: 'The TLS handshake.' }),
    firstByteMs: t.exposeFloat('firstByteMs', {
      nullable: true,
      description: 'From the last byte of the request to the first byte of the reply.',
    }),
    totalMs: t.exposeFloat('totalMs', { description: 'Everything together.' }),
  }),
})

const TIMING = { dnsMs: true, connectMs: true, tlsMs: true, firstByteMs: true, totalMs: true } as const

builder.prismaObject('Attempt', {
  description: 'One HTTP request of a delivery. Never changed once it is written.',
  interfaces: [builder.nodeInterfaceRef()],
  select: { id: true },
  fields: (t) => ({
    id: t.id({ description: 'Starts with `att_`.', resolve: ({ id }) => toPublicId('attempt', id) }),
    number: t.exposeInt('number', { description: 'Counts from 1 over all attempts of the delivery.' }),
    trigger: t.expose('trigger', { type: AttemptTriggerEnum, description: 'Why it was made.' }),
    startedAt: t.expose('startedAt', { type: 'DateTime', description: 'When it began.' }),
    latencyMs: t.exposeInt('latencyMs', {
      description: 'How long it took until the reply was complete or the attempt had failed.',
    }),
    url: t.exposeString('url', { description: 'Where it went: the endpoint’s URL at that time.' }),
    statusCode: t.exposeInt('statusCode', { nullable: true, description: 'Of the reply; null when there was none.' }),
    errorCode: t.exposeString('errorCode', {
      nullable: true,
      description: 'Why it failed, e.g. `timeout` or `http_status`; null exactly when it succeeded. The list may grow.',
    }),
    errorMessage: t.exposeString('errorMessage', { nullable: true, description: 'The same for a person.' }),
    requestHeaders: t.field({
      type: [HeaderType],
      description: 'What was sent.',
      select: { requestHeaders: true },
      resolve: ({ requestHeaders }) => readHeaders(requestHeaders),
    }),
    responseHeaders: t.field({
      type: [HeaderType],
      nullable: true,
      description: 'What came back; null when there was no reply.',
      select: { responseHeaders: true },
      resolve: ({ responseHeaders }) => (responseHeaders === null ? null : readHeaders(responseHeaders)),
    }),
    responseBody: t.exposeString('responseBody', {
      nullable: true,
      description: 'The start of the reply’s body, at most 16 KiB; what is no UTF-8 reads as U+FFFD.',
    }),
    responseBodyTruncated: t.exposeBoolean('responseBodyTruncated', {
      description: 'Whether the reply’s body was longer than what is kept.',
    }),
    timing: t.field({
      type: AttemptTiming,
      nullable: true,
      description: 'Where the time went.',
      select: TIMING,
      resolve: (attempt) => attempt,
    }),
  }),
})

/** An attempt within reach; null when there is none. */
export async function findAttempt(ctx: RequestContext, { id, reach }: Lookup): Promise<{ id: string } | null> {
  return ctx.db.attempt.findFirst({ where: { id, ...withinReach(reach) }, select: { id: true } })
}

function readHeaders(text: string): Header[] {
  return (JSON.parse(text) as [string, string][]).map(([name, value]) => ({ name, value }))
}
