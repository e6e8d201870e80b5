import { type DeliveryStatus, type PlannedAttempt, plannedAttempts, shownStatus } from '../domain/delivery.ts'
import { deadLettersOf } from '../domain/delivery-filter.ts'
import { toPublicId } from '../domain/id.ts'
import { withinReach } from '../domain/viewer.ts'
import { notFound } from '../gateway/admin/permissions.ts'
import { sendTestEvent } from '../gateway/publish/send-test-event.ts'
import { cancelDelivery, retryDelivery } from '../gateway/retry/retry-delivery.ts'
import type { Prisma } from '../generated/prisma/client.ts'
import { ADMINISTRATORS, builder, READERS, type RequestContext } from './builder.ts'
import { pageArgs, pageCost, readPage, toPage } from './connections.ts'
import { deliveryPage } from './delivery-page.ts'
import { Endpoint } from './endpoint.ts'
import { newestOfEach } from './endpoint-deliveries.ts'
import { deliveryFilterOf, type Lookup, lookup, viewerOf } from './tenancy.ts'

const DeliveryStatusEnum = builder.enumType('DeliveryStatus', {
  description: 'How far a delivery is.',
  values: {
    PENDING: { description: 'It goes out as soon as its next attempt is due.' },
    HELD: { description: 'It waits for its endpoint, which is paused or disabled.' },
    SUCCEEDED: { description: 'The receiver took it.' },
    FAILED: { description: 'It was a test, and its one attempt failed. Tests never become dead letters.' },
    DEAD_LETTERED: { description: 'The schedule is used up. It can be retried by hand.' },
    CANCELLED: { description: 'It will not be sent any more.' },
  } satisfies Record<DeliveryStatus, { description: string }>,
})

// What a reader sees depends on the endpoint: pausing or deleting it rewrites no delivery.
const AS_SHOWN = {
  status: true,
  reason: true,
  test: true,
  endpoint: { select: { status: true, deletedAt: true } },
} as const satisfies Prisma.DeliverySelect

const PlannedAttemptType = builder.objectRef<PlannedAttempt>('PlannedAttempt').implement({
  description: 'An attempt that is made unless one before it succeeds.',
  fields: (t) => ({
    number: t.exposeInt('number', { description: 'The number it will have.' }),
    earliestAt: t.expose('earliestAt', {
      type: 'DateTime',
      description:
        'It does not come before this moment; jitter, `Retry-After` and the time that attempts take push it later.',
    }),
  }),
})

export const Delivery = builder.prismaObject('Delivery', {
  description: 'One event for one endpoint.',
  interfaces: [builder.nodeInterfaceRef()],
  select: { id: true },
  fields: (t) => ({
    id: t.id({
      description: 'Starts with `dlv_`; receivers get it as `X-Sivo-Delivery-Id`.',
      resolve: ({ id }) => toPublicId('delivery', id),
    }),
    status: t.field({
      type: DeliveryStatusEnum,
      description: 'How far it is.',
      select: AS_SHOWN,
      resolve: (delivery) => shownStatus(delivery, delivery.endpoint).status,
    }),
    reason: t.string({
      nullable: true,
      description: 'Why it is so, e.g. `retries_exhausted` or `endpoint_paused`. The list may grow.',
      select: AS_SHOWN,
      resolve: (delivery) => shownStatus(delivery, delivery.endpoint).reason,
    }),
    attemptCount: t.exposeInt('attemptCount', { description: 'How many attempts were made, over all cycles.' }),
    maxAttempts: t.exposeInt('maxAttempts', { description: 'The number of the attempt that ends the present cycle.' }),
    nextAttemptAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When the next attempt is due; null when none is.',
      select: { ...AS_SHOWN, nextAttemptAt: true },
      resolve: (delivery) =>
        shownStatus(delivery, delivery.endpoint).status === 'PENDING' ? delivery.nextAttemptAt : null,
    }),
    plannedAttempts: t.field({
      type: [PlannedAttemptType],
      description:
        'The attempts still to come in the present cycle, the next one first; empty while the delivery is held and once it has come to its end.',
      select: {
        ...AS_SHOWN,
        resend: true,
        attemptCount: true,
        cycleStart: true,
        maxAttempts: true,
        nextAttemptAt: true,
      },
      resolve: (delivery, _args, { config, clock }) =>
        plannedAttempts(delivery, delivery.endpoint, config.retrySchedule, clock.now()),
    }),
    lastStatusCode: t.exposeInt('lastStatusCode', { nullable: true, description: 'Of the last attempt’s reply.' }),
    lastErrorCode: t.exposeString('lastErrorCode', {
      nullable: true,
      description: 'Why the last attempt failed; null when it succeeded or none was made.',
    }),
    lastLatencyMs: t.exposeInt('lastLatencyMs', { nullable: true, description: 'How long the last attempt took.' }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was made.' }),
    completedAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When it came to its end; null while it has not.',
      select: { ...AS_SHOWN, completedAt: true },
      resolve: (delivery) =>
        delivery.status === 'PENDING' && delivery.endpoint.deletedAt
          ? delivery.endpoint.deletedAt
          : delivery.completedAt,
    }),
    event: t.relation('event', { description: 'What is delivered.' }),
    endpoint: t.relation('endpoint', { description: 'Where it is delivered to.' }),
    attempts: t.relation('attempts', {
      description: 'What was tried, in the order it was tried.',
      query: { orderBy: { number: 'asc' } },
    }),
  }),
})

const DeliveryConnection = builder.connectionObject(
  { type: Delivery, name: 'DeliveryConnection', description: 'A page of deliveries.' },
  { description: 'A delivery and its place in the list.' },
)

const DELIVERIES_OF_AN_ENDPOINT = 100

builder.prismaObjectField(Endpoint, 'deliveries', (t) =>
  t.field({
    type: DeliveryConnection,
    nullable: true,
    description: 'What goes, and went, to this endpoint.',
    args: {
      first: t.arg.int({ defaultValue: DELIVERIES_OF_AN_ENDPOINT, description: 'How many at most, 1 to 100.' }),
      after: t.arg.string({ description: 'A cursor of this list: what lies behind it comes.' }),
    },
    complexity: pageCost(DELIVERIES_OF_AN_ENDPOINT),
    resolve: async ({ id }, args, ctx, info) => {
      const page = readPage(args, DELIVERIES_OF_AN_ENDPOINT)
      return toPage(await newestOfEach(ctx, info, page, id), page)
    },
  }),
)

/** A delivery within reach; null when there is none. */
export async function findDelivery(
  ctx: RequestContext,
  { id, reach }: Lookup,
  query: { select?: Prisma.DeliverySelect } = { select: { id: true } },
) {
  return ctx.db.delivery.findFirst({ ...query, where: { id, ...withinReach(reach) } })
}

export const DeliveryFilterInput = builder.inputType('DeliveryFilter', {
  description:
    'Which deliveries. All fields have to fit, in a list one of its members; what is left out or null does not matter, an empty list fits nothing.',
  fields: (t) => ({
    tenantId: t.id({ description: 'Whose deliveries; operators have to say it.' }),
    endpointIds: t.idList({ description: 'To one of these endpoints.' }),
    statuses: t.field({ type: [DeliveryStatusEnum], description: 'As they read now.' }),
    reasons: t.stringList({ description: 'As they read now.' }),
    statusCodes: t.intList({ description: 'Of the last attempt’s reply.' }),
    errorCodes: t.stringList({ description: 'Why the last attempt failed.' }),
    eventTypes: t.stringList({ description: 'Exact names from the catalogue.' }),
    eventId: t.id({ description: 'Of this event.' }),
    subject: t.string({ description: 'The exact subject of the event.' }),
    test: t.boolean({ description: 'Only tests, or no tests; absent: both.' }),
    from: t.field({ type: 'DateTime', description: 'Those made at this moment or later.' }),
    to: t.field({ type: 'DateTime', description: 'Those made before this moment.' }),
  }),
})

const listArgs = builder.args((t) => ({
  ...pageArgs,
  filter: t.field({ type: DeliveryFilterInput, description: 'Which of them.' }),
}))

builder.queryFields((t) => ({
  delivery: t.prismaField({
    type: Delivery,
    nullable: true,
    description: 'A delivery; null when there is no such delivery, or not for this caller.',
    authScopes: { roles: READERS },
    args: { id: t.arg.id({ required: true, description: 'Its id.' }) },
    resolve: async (query, _root, { id }, ctx) => {
      const what = lookup(ctx, 'delivery', id)
      return what && findDelivery(ctx, what, query)
    },
  }),
  deliveries: t.field({
    type: DeliveryConnection,
    nullable: true,
    description: 'The deliveries of a tenant.',
    authScopes: { roles: READERS },
    args: listArgs,
    complexity: pageCost(),
    resolve: async (_root, args, ctx, info) => {
      const page = readPage(args)
      return deliveryPage(ctx, info, await deliveryFilterOf(ctx, args.filter), page)
    },
  }),
  deadLetters: t.field({
    type: DeliveryConnection,
    nullable: true,
    description: 'The dead letters of a tenant: `deliveries` with the status DEAD_LETTERED.',
    authScopes: { roles: READERS },
    args: listArgs,
    complexity: pageCost(),
    resolve: async (_root, args, ctx, info) => {
      const page = readPage(args)
      return deliveryPage(ctx, info, deadLettersOf(await deliveryFilterOf(ctx, args.filter)), page)
    },
  }),
}))

/** What a mutation answers with when it changed or made a delivery. */
function deliverySuccess(name: string, description: string) {
  return builder.objectRef<{ delivery: { id: string } }>(name).implement({
    description,
    fields: (t) => ({
      delivery: t.field({
        type: Delivery,
        description: 'The delivery as it is now.',
        resolve: ({ delivery }) => delivery,
      }),
    }),
  })
}

const SendTestEventSuccess = deliverySuccess('SendTestEventSuccess', 'The test is on its way.')
const RetryDeliverySuccess = deliverySuccess('RetryDeliverySuccess', 'An attempt is made now.')
const CancelDeliverySuccess = deliverySuccess('CancelDeliverySuccess', 'No attempt follows any more.')

const SendTestEventInput = builder.inputType('SendTestEventInput', {
  description: 'A test event for one endpoint.',
  fields: (t) => ({
    endpointId: t.id({ required: true, description: 'The endpoint; it may be paused or disabled.' }),
    eventType: t.string({ required: true, description: 'Exact name from the catalogue.' }),
    data: t.field({ type: 'JSON', description: 'An object that fits the type; absent: the catalogue’s example.' }),
  }),
})

/** The delivery that a mutation names, within the caller's reach. Throws NotFoundError. */
async function deliveryOfMutation(
  ctx: RequestContext,
  publicId: string,
): Promise<{ deliveryId: string; tenantId: string }> {
  const what = lookup(ctx, 'delivery', publicId)
  const found =
    what &&
    (await ctx.db.delivery.findFirst({
      where: { id: what.id, ...withinReach(what.reach) },
      select: { id: true, tenantId: true },
    }))
  if (!found) throw notFound('delivery', ['id'])
  return { deliveryId: found.id, tenantId: found.tenantId }
}

/** The endpoint that a test is for, within the caller's reach. Throws NotFoundError. */
async function endpointOfTest(ctx: RequestContext, publicId: string): Promise<{ id: string; tenantId: string }> {
  const what = lookup(ctx, 'endpoint', publicId)
  const found =
    what &&
    (await ctx.db.endpoint.findFirst({
      where: { id: what.id, deletedAt: null, ...withinReach(what.reach) },
      select: { id: true, tenantId: true },
    }))
  if (!found) throw notFound('endpoint', ['input', 'endpointId'])
  return found
}

builder.mutationFields((t) => ({
  sendTestEvent: t.field({
    type: SendTestEventSuccess,
    errors: {},
    description: 'Sends an event to try an endpoint, whatever types it wants: one attempt, and no retries.',
    authScopes: { roles: ADMINISTRATORS },
    args: { input: t.arg({ type: SendTestEventInput, required: true, description: 'What to send, and where.' }) },
    resolve: async (_root, { input }, ctx) => {
      const endpoint = await endpointOfTest(ctx, input.endpointId)
      const { deliveryId } = await sendTestEvent(ctx, {
        endpoint,
        eventType: input.eventType,
        data: input.data ?? null,
      })
      return { delivery: { id: deliveryId } }
    },
  }),
  retryDelivery: t.field({
    type: RetryDeliverySuccess,
    errors: {},
    description:
      'A manual retry: a dead letter starts a new cycle of the whole schedule, a pending delivery gets its next attempt now.',
    authScopes: { roles: ADMINISTRATORS },
    args: {
      id: t.arg.id({ required: true, description: 'The delivery.' }),
      resend: t.arg.boolean({
        required: true,
        defaultValue: false,
        description: 'Whether one that succeeded is to be sent once more; the receiver gets the same event id.',
      }),
    },
    resolve: async (_root, { id, resend }, ctx) => {
      const { deliveryId, tenantId } = await deliveryOfMutation(ctx, id)
      await retryDelivery(ctx, { deliveryId, tenantId, resend, by: viewerOf(ctx) })
      return { delivery: { id: deliveryId } }
    },
  }),
  cancelDelivery: t.field({
    type: CancelDeliverySuccess,
    errors: {},
    description: 'Calls a waiting delivery off. An attempt that is being made is still recorded.',
    authScopes: { roles: ADMINISTRATORS },
    args: { id: t.arg.id({ required: true, description: 'The delivery.' }) },
    resolve: async (_root, { id }, ctx) => {
      const { deliveryId, tenantId } = await deliveryOfMutation(ctx, id)
      await cancelDelivery(ctx, { deliveryId, tenantId, by: viewerOf(ctx) })
      return { delivery: { id: deliveryId } }
    },
  }),
}))
