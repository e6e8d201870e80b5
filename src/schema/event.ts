import { toPublicId } from '../domain/id.ts'
import { withinReach } from '../domain/viewer.ts'
import { publishEvents } from '../gateway/publish/publish-events.ts'
import type { Prisma } from '../generated/prisma/client.ts'
import { builder, PUBLISHERS, READERS, type RequestContext } from './builder.ts'
import { pageArgs, pageCost, readPage } from './connections.ts'
import { eventPage } from './event-page.ts'
import { eventFilterOf, type Lookup, lookup, tenantOfPublish } from './tenancy.ts'

export const Event = builder.prismaObject('Event', {
  description: 'A fact, published once and never changed.',
  interfaces: [builder.nodeInterfaceRef()],
  select: { id: true },
  fields: (t) => ({
    id: t.id({
      description: 'Starts with `evt_`; receivers get it as `X-Sivo-Event-Id`.',
      resolve: ({ id }) => toPublicId('event', id),
    }),
    type: t.exposeString('type', { description: 'Its type, by the name the catalogue gives it.' }),
    subject: t.exposeString('subject', {
      nullable: true,
      description: 'What it is about, e.g. a call; `sequence` counts within it.',
    }),
    sequence: t.exposeInt('sequence', { nullable: true, description: 'Its place among the events of its subject.' }),
    occurredAt: t.expose('occurredAt', {
      type: 'DateTime',
      description: 'When it happened, as the publisher said; else when it came in.',
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it came in.' }),
    test: t.exposeBoolean('test', { description: 'Whether a person sent it to try an endpoint.' }),
    payload: t.field({
      type: 'JSON',
      nullable: true,
      description: 'The whole envelope that receivers get; null once it was forgotten.',
      select: { body: true },
      resolve: ({ body }) => (body === null ? null : JSON.parse(body)),
    }),
    body: t.exposeString('body', {
      nullable: true,
      description: 'The exact text that is signed and sent; null once it was forgotten.',
    }),
    deliveries: t.relation('deliveries', {
      description: 'One for each endpoint that it goes to.',
      query: { orderBy: { id: 'asc' } },
    }),
  }),
})

const EventConnection = builder.connectionObject(
  { type: Event, name: 'EventConnection', description: 'A page of events.' },
  { description: 'An event and its place in the list.' },
)

/** An event within reach; null when there is none. */
export async function findEvent(
  ctx: RequestContext,
  { id, reach }: Lookup,
  query: { select?: Prisma.EventSelect } = { select: { id: true } },
) {
  return ctx.db.event.findFirst({ ...query, where: { id, ...withinReach(reach) } })
}

export const EventFilterInput = builder.inputType('EventFilter', {
  description:
    'Which events. All fields have to fit, in a list one of its members; what is left out or null does not matter, an empty list fits nothing.',
  fields: (t) => ({
    tenantId: t.id({ description: 'Whose events; operators have to say it.' }),
    eventTypes: t.stringList({ description: 'Exact names from the catalogue.' }),
    subject: t.string({ description: 'The exact subject.' }),
    test: t.boolean({ description: 'Only tests, or no tests; absent: both.' }),
    undeliveredTo: t.id({ description: 'Those with a delivery to this endpoint that did not succeed, or not yet.' }),
    from: t.field({ type: 'DateTime', description: 'Those that came in at this moment or later.' }),
    to: t.field({ type: 'DateTime', description: 'Those that came in before this moment.' }),
  }),
})

builder.queryFields((t) => ({
  event: t.prismaField({
    type: Event,
    nullable: true,
    description: 'An event; null when there is no such event, or not for this caller.',
    authScopes: { roles: READERS },
    args: { id: t.arg.id({ required: true, description: 'Its id.' }) },
    resolve: async (query, _root, { id }, ctx) => {
      const what = lookup(ctx, 'event', id)
      return what && findEvent(ctx, what, query)
    },
  }),
  events: t.field({
    type: EventConnection,
    nullable: true,
    description: 'The events of a tenant.',
    authScopes: { roles: READERS },
    args: { ...pageArgs, filter: t.arg({ type: EventFilterInput, description: 'Which of them.' }) },
    complexity: pageCost(),
    resolve: async (_root, args, ctx, info) => {
      const page = readPage(args)
      const filter = await eventFilterOf(ctx, args.filter)
      return eventPage(ctx, info, filter, page)
    },
  }),
}))

const EventInput = builder.inputType('EventInput', {
  description: 'An event to be published.',
  fields: (t) => ({
    type: t.string({ required: true, description: 'Its type, by the exact name the catalogue gives it.' }),
    data: t.field({
      type: 'JSON',
      required: true,
      description: 'A JSON object that fits the type; members the catalogue does not name are delivered too.',
    }),
    subject: t.string({ description: 'What it is about, at most 256 characters.' }),
    sequence: t.int({ description: 'Its place among the events of its subject; receivers order by it.' }),
    occurredAt: t.field({ type: 'DateTime', description: 'When it happened; absent: now.' }),
    idempotencyKey: t.string({
      description:
        'Publishing again with the same key and content makes no second event, for at least 24 hours. At most 256 characters.',
    }),
  }),
})

const PublishEventsInput = builder.inputType('PublishEventsInput', {
  description: 'Events of one tenant.',
  fields: (t) => ({
    tenantId: t.id({ description: 'Whose events; a key for all tenants has to say it.' }),
    events: t.field({ type: [EventInput], required: true, description: 'All of them are taken, or none.' }),
  }),
})

type Published = { readonly id: string; readonly duplicate: boolean; readonly deliveryCount: number }

const PublishedEvent = builder.objectRef<Published>('PublishedEvent').implement({
  description: 'What became of one event of a publish.',
  fields: (t) => ({
    id: t.id({
      description: 'The event’s id; of a duplicate that of the first.',
      resolve: ({ id }) => toPublicId('event', id),
    }),
    duplicate: t.exposeBoolean('duplicate', {
      description: 'Whether its idempotency key was used for the same event before.',
    }),
    deliveryCount: t.exposeInt('deliveryCount', { description: 'How many endpoints it goes to.' }),
  }),
})

const PublishEventsSuccess = builder.objectRef<{ events: readonly Published[] }>('PublishEventsSuccess').implement({
  description: 'Every event is stored and will be delivered.',
  fields: (t) => ({
    events: t.field({
      type: [PublishedEvent],
      description: 'In the order of the input.',
      resolve: ({ events }) => events,
    }),
  }),
})

builder.mutationField('publishEvents', (t) =>
  t.field({
    type: PublishEventsSuccess,
    errors: {},
    description: 'Publishes events. An answer with ids means that they are stored and will be delivered.',
    authScopes: { roles: PUBLISHERS },
    args: { input: t.arg({ type: PublishEventsInput, required: true, description: 'The events and whose they are.' }) },
    resolve: async (_root, { input }, ctx) => ({
      events: await publishEvents(ctx, { tenantId: await tenantOfPublish(ctx, input.tenantId), events: input.events }),
    }),
  }),
)
