import { withinReach } from '../../domain/access/viewer.ts'
import { type EventInput as CheckedEvent, findEventWarnings } from '../../domain/event/input.ts'
import type { StoredEvent } from '../../domain/event/new-event.ts'
import { toPublicId } from '../../domain/values/id.ts'
import { issuesWithin } from '../../domain/values/issue.ts'
import { publishEvents, publishValidEvents, type SkippedEvent } from '../../gateway/publish/publish-events.ts'
import type { Prisma } from '../../generated/prisma/client.ts'
import { type Lookup, lookup, tenantOfMutation } from '../access/tenancy.ts'
import { builder, PUBLISHERS, READERS, type RequestContext } from '../base/builder.ts'
import { pageArgs, pageCost, readPage } from '../base/connections.ts'
import { ValidationIssue } from '../base/errors.ts'
import { EventFilterInput, eventFilterOf } from './filter.ts'
import { eventPage } from './page.ts'

export const Event = builder.prismaObject('Event', {
  description: 'A fact that a publisher published. An event never changes.',
  interfaces: [builder.nodeInterfaceRef()],
  select: { id: true },
  fields: (t) => ({
    id: t.id({
      description: 'The id of the event. It starts with `evt_`. Receivers get it as `X-Sivo-Event-Id`.',
      resolve: ({ id }) => toPublicId('event', id),
    }),
    type: t.exposeString('type', { description: 'The event type, by its name in the catalogue.' }),
    subject: t.exposeString('subject', {
      nullable: true,
      description: 'The call, agent or other object that the event concerns; null if the publisher named none.',
    }),
    sequence: t.field({
      type: 'SafeInt',
      nullable: true,
      select: { sequence: true, sequenceLong: true },
      resolve: ({ sequence, sequenceLong }) => sequenceLong ?? sequence,
      description:
        'The position of the event among the events of its subject, as the publisher counts; null if it does not.',
    }),
    occurredAt: t.expose('occurredAt', {
      type: 'DateTime',
      description: 'When the event happened, as the publisher stated; otherwise when the gateway accepted it.',
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When the gateway accepted the event.' }),
    expiresAt: t.expose('expiresAt', {
      type: 'DateTime',
      nullable: true,
      description:
        'Until when the event is of use. No attempt begins after this time; deliveries that still wait are CANCELLED with the reason `event_expired`. Null if it has no such time.',
    }),
    test: t.exposeBoolean('test', { description: 'Whether the event is a test.' }),
    payload: t.field({
      type: 'JSON',
      nullable: true,
      description: 'The whole envelope that receivers get; null after its retention time.',
      select: { body: true },
      resolve: ({ body }) => (body === null ? null : JSON.parse(body)),
    }),
    body: t.exposeString('body', {
      nullable: true,
      description: 'The exact text that the gateway signs and sends; null after its retention time.',
    }),
    payloadDeletedAt: t.field({
      type: 'DateTime',
      nullable: true,
      description:
        'When the payload was deleted, because its retention time was over or because it was erased; null while it is kept. Nothing can be sent without it.',
      select: { body: true, bodyDeletedAt: true },
      resolve: ({ body, bodyDeletedAt }, _args, { clock }) => bodyDeletedAt ?? (body === null ? clock.now() : null),
    }),
    deliveries: t.relation('deliveries', {
      description: 'The deliveries of the event, one for each endpoint that receives it.',
      query: { orderBy: { id: 'asc' } },
      // Of an event that retention took, which was not read with its deliveries.
      resolve: (query, { id }, _args, ctx) => ctx.db.delivery.findMany({ ...query, where: { eventId: id } }),
    }),
  }),
})

const EventConnection = builder.connectionObject(
  { type: Event, name: 'EventConnection', description: 'A page of events.' },
  { description: 'An event and its place in the list.' },
)

/** The event with this id within reach; null if there is none. */
export async function findEvent(
  ctx: RequestContext,
  { id, reach }: Lookup,
  query: { select?: Prisma.EventSelect } = { select: { id: true } },
) {
  return ctx.db.event.findFirst({ ...query, where: { id, ...withinReach(reach) } })
}

builder.queryFields((t) => ({
  event: t.prismaField({
    type: Event,
    nullable: true,
    description: 'The event with this id; null if it does not exist or the caller cannot see it.',
    authScopes: { roles: READERS },
    args: { id: t.arg.id({ required: true, description: 'The id of the event.' }) },
    resolve: async (query, _root, { id }, ctx) => {
      const what = lookup(ctx, 'event', id)
      return what && findEvent(ctx, what, query)
    },
  }),
  events: t.field({
    type: EventConnection,
    nullable: true,
    description:
      'The events of a tenant; null, with the error NOT_FOUND, if the caller cannot see what the filter names.',
    authScopes: { roles: READERS },
    args: { ...pageArgs, filter: t.arg({ type: EventFilterInput, description: 'Which events to return.' }) },
    complexity: pageCost(),
    resolve: async (_root, args, ctx, info) => {
      const page = readPage(args)
      const filter = await eventFilterOf(ctx, args.filter)
      return eventPage(ctx, info, filter, page)
    },
  }),
}))

const EventInput = builder.inputType('EventInput', {
  description: 'The event to publish.',
  fields: (t) => ({
    type: t.string({ required: true, description: 'The event type, by its exact name in the catalogue.' }),
    data: t.field({
      type: 'JSON',
      required: true,
      description:
        'A JSON object that matches the schema of the type. Receivers also get members that the schema does not name. The whole envelope has at most 262,144 bytes.',
    }),
    subject: t.string({ description: 'The call, agent or other object that the event concerns, 1 to 256 characters.' }),
    sequence: t.field({
      type: 'SafeInt',
      description:
        'The position of the event among the events of its subject, 0 or more; gaps are normal, and a clock in milliseconds or microseconds will do. Receivers order events by it.',
    }),
    occurredAt: t.field({
      type: 'DateTime',
      description: 'When the event happened. If absent or null, the time of acceptance.',
    }),
    idempotencyKey: t.string({
      description:
        'A key that prevents duplicates, 1 to 256 characters. For at least 24 hours, publishing the same content with the same key creates no second event.',
    }),
    ttlSeconds: t.int({
      description:
        'For how many seconds after its acceptance the event is of use, 1 to 2,592,000. Afterwards no attempt begins. If absent or null, as the gateway is set up for the event type, usually without an end.',
    }),
  }),
})

const OnInvalid = builder.enumType('OnInvalid', {
  description: 'What a publish does if some of its events are not valid.',
  values: {
    REFUSE: { description: 'Refuses the call. Nothing is stored.' },
    SKIP: { description: 'Stores the valid events and lists the others in `skipped`.' },
  },
})

const PublishEventsInput = builder.inputType('PublishEventsInput', {
  description: 'The events to publish for one tenant.',
  fields: (t) => ({
    tenantId: t.id({
      description: 'The tenant. A key that serves every tenant must name it; for others it is their own.',
    }),
    events: t.field({
      type: [EventInput],
      required: true,
      description:
        'The events, 1 to 500, in a request of at most 4 MiB. The gateway accepts all of them or none, unless onInvalid is SKIP.',
    }),
    onInvalid: t.field({
      type: OnInvalid,
      defaultValue: 'REFUSE',
      description: 'What happens if some of the events are not valid.',
    }),
  }),
})

type Published = StoredEvent & { readonly index: number; readonly input: CheckedEvent }

const PublishedEvent = builder.objectRef<Published>('PublishedEvent').implement({
  description: 'An event that was published.',
  fields: (t) => ({
    id: t.id({
      description: 'The id of the event. A duplicate gets the id of the first event.',
      resolve: ({ id }) => toPublicId('event', id),
    }),
    duplicate: t.exposeBoolean('duplicate', {
      description: 'Whether the idempotency key was used for the same event before.',
    }),
    deliveryCount: t.exposeInt('deliveryCount', { description: 'The number of endpoints that receive the event.' }),
    index: t.exposeInt('index', { description: 'The position of the event in the call, from 0.' }),
    warnings: t.field({
      type: [ValidationIssue],
      description:
        'What is odd in the event and harmless to receivers, such as a word that is not in the published list or an end before its start. The event is delivered as it is.',
      resolve: ({ index, input }) => issuesWithin(['input', 'events', String(index)], findEventWarnings(input)),
    }),
  }),
})

const SkippedEventRef = builder.objectRef<SkippedEvent>('SkippedEvent').implement({
  description: 'An event that is not valid and was not stored.',
  fields: (t) => ({
    index: t.exposeInt('index', { description: 'The position of the event in the call, from 0.' }),
    issues: t.field({
      type: [ValidationIssue],
      description: 'What is wrong with the event.',
      resolve: ({ issues }) => issues,
    }),
  }),
})

type PublishResult = { readonly events: readonly Published[]; readonly skipped: readonly SkippedEvent[] }

const PublishEventsSuccess = builder.objectRef<PublishResult>('PublishEventsSuccess').implement({
  description: 'Every event that `events` lists was stored and will be delivered.',
  fields: (t) => ({
    events: t.field({
      type: [PublishedEvent],
      description: 'The events that were stored, in the order of the input.',
      resolve: ({ events }) => events,
    }),
    skipped: t.field({
      type: [SkippedEventRef],
      description: 'The events that were not stored, in the order of the input; empty unless onInvalid is SKIP.',
      resolve: ({ skipped }) => skipped,
    }),
  }),
})

builder.mutationField('publishEvents', (t) =>
  t.field({
    type: PublishEventsSuccess,
    errors: {},
    description: 'Publishes events. An answer with ids confirms that they are stored and will be delivered.',
    authScopes: { roles: PUBLISHERS },
    args: { input: t.arg({ type: PublishEventsInput, required: true, description: 'The events and their tenant.' }) },
    resolve: async (_root, { input }, ctx): Promise<PublishResult> => {
      const call = { tenantId: await tenantOfMutation(ctx, input.tenantId), events: input.events }
      if (input.onInvalid !== 'SKIP') {
        const events = await publishEvents(ctx, call)
        return {
          events: events.map((event, index) => ({ ...event, index, input: input.events[index] as CheckedEvent })),
          skipped: [],
        }
      }
      const { events, skipped } = await publishValidEvents(ctx, call)
      return {
        events: events.map((event) => ({ ...event, input: input.events[event.index] as CheckedEvent })),
        skipped,
      }
    },
  }),
)
