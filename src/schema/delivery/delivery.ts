import { withinReach } from '../../domain/access/viewer.ts'
import { deadLettersOf } from '../../domain/delivery/filter.ts'
import { type PlannedAttempt, plannedAttempts, shownStatus } from '../../domain/delivery.ts'
import { findEventWarnings } from '../../domain/event/input.ts'
import type { TestSignature } from '../../domain/signing/test-signature.ts'
import { toPublicId } from '../../domain/values/id.ts'
import { type Issue, issuesWithin } from '../../domain/values/issue.ts'
import { notFound } from '../../gateway/admin/permissions.ts'
import { sendTestEvent } from '../../gateway/publish/send-test-event.ts'
import { cancelDelivery, retryDelivery } from '../../gateway/retry/retry-delivery.ts'
import type { Prisma } from '../../generated/prisma/client.ts'
import { type Lookup, lookup, viewerOf } from '../access/tenancy.ts'
import { ADMINISTRATORS, builder, READERS, type RequestContext } from '../base/builder.ts'
import { pageArgs, pageCost, readPage, toPage } from '../base/connections.ts'
import { ValidationIssue } from '../base/errors.ts'
import { Endpoint } from '../endpoint/endpoint.ts'
import { Event } from '../event/event.ts'
import { bygoneEvent, OF_EVENT } from './bygone-event.ts'
import { DeliveryFilterInput, DeliveryStatusEnum, deliveryFilterOf } from './filter.ts'
import { newestOfEach } from './of-endpoints.ts'
import { deliveryPage } from './page.ts'

// The status that a reader sees depends on the endpoint: pausing or deleting one rewrites no delivery.
const AS_SHOWN = {
  status: true,
  reason: true,
  test: true,
  endpoint: { select: { status: true, deletedAt: true } },
} as const satisfies Prisma.DeliverySelect

const PlannedAttemptType = builder.objectRef<PlannedAttempt>('PlannedAttempt').implement({
  description: 'An attempt that the gateway will make unless an earlier one succeeds.',
  fields: (t) => ({
    number: t.exposeInt('number', { description: 'The number that the attempt will have.' }),
    earliestAt: t.expose('earliestAt', {
      type: 'DateTime',
      description:
        'The earliest time of the attempt. Jitter, `Retry-After` and the duration of attempts can make it later.',
    }),
  }),
})

export const Delivery = builder.prismaObject('Delivery', {
  description: 'One event for one endpoint, with its attempts.',
  interfaces: [builder.nodeInterfaceRef()],
  select: { id: true },
  fields: (t) => ({
    id: t.id({
      description: 'The id of the delivery. It starts with `dlv_`. Receivers get it as `X-Sivo-Delivery-Id`.',
      resolve: ({ id }) => toPublicId('delivery', id),
    }),
    status: t.field({
      type: DeliveryStatusEnum,
      description: 'The status of the delivery.',
      select: AS_SHOWN,
      resolve: (delivery) => shownStatus(delivery, delivery.endpoint).status,
    }),
    reason: t.string({
      nullable: true,
      description:
        'Why the delivery has its status, such as `retries_exhausted` or `endpoint_paused`; null if there is no special reason. Later releases may add reasons.',
      select: AS_SHOWN,
      resolve: (delivery) => shownStatus(delivery, delivery.endpoint).reason,
    }),
    attemptCount: t.exposeInt('attemptCount', {
      description: 'The number of attempts that were made, over all cycles.',
    }),
    maxAttempts: t.exposeInt('maxAttempts', { description: 'The number of the attempt that ends the current cycle.' }),
    nextAttemptAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When the next attempt is due; null if none is planned.',
      select: { ...AS_SHOWN, nextAttemptAt: true },
      resolve: (delivery) =>
        shownStatus(delivery, delivery.endpoint).status === 'PENDING' ? delivery.nextAttemptAt : null,
    }),
    plannedAttempts: t.field({
      type: [PlannedAttemptType],
      description:
        'The attempts that remain in the current cycle, the next one first. The list is empty while the delivery is held and after it has ended.',
      select: {
        ...AS_SHOWN,
        endpoint: { select: { ...AS_SHOWN.endpoint.select, asksToWaitUntil: true } },
        resend: true,
        attemptCount: true,
        cycleStart: true,
        maxAttempts: true,
        nextAttemptAt: true,
        expiresAt: true,
      },
      resolve: (delivery, _args, { config, clock }) =>
        plannedAttempts(delivery, delivery.endpoint, config.retrySchedule, clock.now()),
    }),
    lastStatusCode: t.exposeInt('lastStatusCode', {
      nullable: true,
      description: 'The HTTP status code of the last attempt; null if no reply came or no attempt was made.',
    }),
    lastErrorCode: t.exposeString('lastErrorCode', {
      nullable: true,
      description: 'Why the last attempt failed; null if it succeeded or no attempt was made.',
    }),
    lastLatencyMs: t.exposeInt('lastLatencyMs', {
      nullable: true,
      description: 'How long the last attempt took, in milliseconds; null if no attempt was made.',
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When the delivery was created.' }),
    completedAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When the delivery ended; null before that.',
      select: { ...AS_SHOWN, completedAt: true },
      resolve: (delivery) =>
        delivery.status === 'PENDING' && delivery.endpoint.deletedAt
          ? delivery.endpoint.deletedAt
          : delivery.completedAt,
    }),
    event: t.field({
      type: Event,
      description: 'The event that is delivered.',
      select: (_args, _ctx, nestedSelection) => ({ ...OF_EVENT, event: nestedSelection(true) }),
      resolve: (delivery) => delivery.event ?? bygoneEvent(delivery),
    }),
    endpoint: t.relation('endpoint', { description: 'The endpoint that receives it.' }),
    attempts: t.relation('attempts', {
      description: 'The attempts, in the order of their numbers.',
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
    description: 'The deliveries to this endpoint, newest first.',
    args: {
      first: t.arg.int({
        defaultValue: DELIVERIES_OF_AN_ENDPOINT,
        description: 'How many items to return at most, from 1 to 100.',
      }),
      after: t.arg.string({ description: 'A cursor of this list. The page begins after it.' }),
    },
    complexity: pageCost(DELIVERIES_OF_AN_ENDPOINT),
    resolve: async ({ id }, args, ctx, info) => {
      const page = readPage(args, DELIVERIES_OF_AN_ENDPOINT)
      return toPage(await newestOfEach(ctx, info, page, id), page)
    },
  }),
)

/** The delivery with this id within reach; null if there is none. */
export async function findDelivery(
  ctx: RequestContext,
  { id, reach }: Lookup,
  query: { select?: Prisma.DeliverySelect } = { select: { id: true } },
) {
  return ctx.db.delivery.findFirst({ ...query, where: { id, ...withinReach(reach) } })
}

const listArgs = builder.args((t) => ({
  ...pageArgs,
  filter: t.field({ type: DeliveryFilterInput, description: 'Which deliveries to return.' }),
}))

builder.queryFields((t) => ({
  delivery: t.prismaField({
    type: Delivery,
    nullable: true,
    description: 'The delivery with this id; null if it does not exist or the caller cannot see it.',
    authScopes: { roles: READERS },
    args: { id: t.arg.id({ required: true, description: 'The id of the delivery.' }) },
    resolve: async (query, _root, { id }, ctx) => {
      const what = lookup(ctx, 'delivery', id)
      return what && findDelivery(ctx, what, query)
    },
  }),
  deliveries: t.field({
    type: DeliveryConnection,
    nullable: true,
    description:
      'The deliveries of a tenant; null, with the error NOT_FOUND, if the caller cannot see what the filter names.',
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
    description:
      'The deliveries of a tenant that are DEAD_LETTERED; null, with the error NOT_FOUND, if the caller cannot see what the filter names.',
    authScopes: { roles: READERS },
    args: listArgs,
    complexity: pageCost(),
    resolve: async (_root, args, ctx, info) => {
      const page = readPage(args)
      return deliveryPage(ctx, info, deadLettersOf(await deliveryFilterOf(ctx, args.filter)), page)
    },
  }),
}))

/** The success type of a mutation that creates or changes a delivery. */
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

const SendTestEventSuccess = builder
  .objectRef<{ delivery: { id: string }; warnings: Issue[] }>('SendTestEventSuccess')
  .implement({
    description: 'The test event was accepted. Its attempt follows.',
    fields: (t) => ({
      delivery: t.field({
        type: Delivery,
        description: 'The delivery as it is now.',
        resolve: ({ delivery }) => delivery,
      }),
      warnings: t.field({
        type: [ValidationIssue],
        description: 'What is odd in the event and harmless to receivers, as a publish of it would say.',
        resolve: ({ warnings }) => warnings,
      }),
    }),
  })
const RetryDeliverySuccess = deliverySuccess('RetryDeliverySuccess', 'The next attempt of the delivery is due now.')
const CancelDeliverySuccess = deliverySuccess(
  'CancelDeliverySuccess',
  'The delivery was cancelled. No further attempt follows.',
)

const TestSignatureEnum = builder.enumType('TestSignature', {
  description: 'How a test event is signed.',
  values: {
    VALID: { description: 'As every event.' },
    WRONG: { description: 'With a secret that nobody has: a receiver must refuse it.' },
    OLD: {
      description:
        'With the right secret, as of an hour ago: what a recorded request looks like that somebody sends again. A receiver that compares the time must refuse it.',
    },
  } satisfies Record<TestSignature, { description: string }>,
})

const SendTestEventInput = builder.inputType('SendTestEventInput', {
  description: 'The test event to send.',
  fields: (t) => ({
    endpointId: t.id({ required: true, description: 'The id of the endpoint, which may be paused or disabled.' }),
    eventType: t.string({ required: true, description: 'The event type, by its exact name in the catalogue.' }),
    data: t.field({
      type: 'JSON',
      description:
        'A JSON object that matches the schema of the event type. If absent or null, the example of the catalogue.',
    }),
    signature: t.field({
      type: TestSignatureEnum,
      defaultValue: 'VALID',
      description: 'How to sign it. A wrong or old signature shows whether the receiver accepts forgeries.',
    }),
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

/** The endpoint of a test event, within the caller's reach. Throws NotFoundError. */
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
    description:
      'Sends one test event to one endpoint, also if its filter does not include the event type. The gateway makes one attempt and no retries. The answer comes before the attempt.',
    authScopes: { roles: ADMINISTRATORS },
    args: { input: t.arg({ type: SendTestEventInput, required: true, description: 'The test event to send.' }) },
    resolve: async (_root, { input }, ctx) => {
      const endpoint = await endpointOfTest(ctx, input.endpointId)
      const { deliveryId } = await sendTestEvent(ctx, {
        endpoint,
        eventType: input.eventType,
        data: input.data ?? null,
        signature: input.signature ?? 'VALID',
      })
      const warnings = input.data ? findEventWarnings({ type: input.eventType, data: input.data }) : []
      return { delivery: { id: deliveryId }, warnings: issuesWithin(['input'], warnings) }
    },
  }),
  retryDelivery: t.field({
    type: RetryDeliverySuccess,
    errors: {},
    description:
      'Retries a delivery. A dead letter starts a new cycle of the whole retry schedule. The next attempt of a pending delivery is made now.',
    authScopes: { roles: ADMINISTRATORS },
    args: {
      id: t.arg.id({ required: true, description: 'The id of the delivery.' }),
      resend: t.arg.boolean({
        required: true,
        defaultValue: false,
        description: 'Whether to send a delivery that succeeded once more. The receiver gets the same event id.',
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
    description: 'Cancels a delivery that is PENDING or HELD. An attempt that is already being made is still recorded.',
    authScopes: { roles: ADMINISTRATORS },
    args: { id: t.arg.id({ required: true, description: 'The id of the delivery.' }) },
    resolve: async (_root, { id }, ctx) => {
      const { deliveryId, tenantId } = await deliveryOfMutation(ctx, id)
      await cancelDelivery(ctx, { deliveryId, tenantId, by: viewerOf(ctx) })
      return { delivery: { id: deliveryId } }
    },
  }),
}))
