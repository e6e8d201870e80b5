import { toPublicId } from '../domain/values/id.ts'
import {
  createTestReceiver,
  deleteTestReceiver,
  updateTestReceiver,
  urlOfTestReceiver,
} from '../gateway/receiver/test-receiver.ts'
import { watchReceivedRequests } from '../gateway/receiver/watch-requests.ts'
import type { ReceivedSignature } from '../generated/prisma/enums.ts'
import { namedTenant, tenantOfList, viewerOf } from './access/tenancy.ts'
import { Tenant } from './access/tenant.ts'
import { ADMINISTRATORS, builder, READERS } from './base/builder.ts'
import { readPage } from './base/connections.ts'
import { asHeaders, HeaderType } from './delivery/attempt.ts'
import { Delivery } from './delivery/delivery.ts'
import { Endpoint } from './endpoint/endpoint.ts'
import { Event } from './event/event.ts'

const OWN_TENANT = 'The tenant. Operators must name it; for others it is their own.'

const ReceivedSignatureEnum = builder.enumType('ReceivedSignature', {
  description: 'What a test receiver made of the signature of a request. Only VALID requests are accepted.',
  values: {
    VALID: {
      description: 'A signing secret of the endpoint signed exactly these bytes, within the last five minutes.',
    },
    WRONG: {
      description: 'The request names a delivery of the tenant, but its signature is not that of the endpoint.',
    },
    OLD: {
      description: 'The signature is right, but the time of the attempt is more than five minutes away: a replay.',
    },
    MISSING: { description: 'A header of the signature is absent.' },
    UNKNOWN_DELIVERY: { description: 'The request names no delivery of the tenant.' },
  } satisfies Record<ReceivedSignature, { description: string }>,
})

const ReceivedRequest = builder.prismaObject('ReceivedRequest', {
  description:
    'A request that came to a test receiver. The last 100 requests with a valid signature are kept and the last 20 that were refused, for a day.',
  select: { id: true },
  fields: (t) => ({
    id: t.id({
      description: 'The id of the request. It starts with `req_`.',
      resolve: ({ id }) => toPublicId('receivedRequest', id),
    }),
    receivedAt: t.expose('receivedAt', { type: 'DateTime', description: 'When the request was received as a whole.' }),
    signature: t.expose('signature', {
      type: ReceivedSignatureEnum,
      description: 'Whether the signature is valid for the endpoint. A request with another one was refused.',
    }),
    secretHint: t.exposeString('secretHint', {
      nullable: true,
      description: 'The hint of the signing secret that signed the request; null if it was refused.',
    }),
    statusCode: t.exposeInt('statusCode', { description: 'The status code of the reply.' }),
    delayMs: t.exposeInt('delayMs', {
      description: 'How long the receiver waits before it answers, in milliseconds from `receivedAt`.',
    }),
    attemptNumber: t.exposeInt('attemptNumber', {
      nullable: true,
      description: 'The number of the attempt, as `X-Sivo-Attempt` says it; null if the delivery is not known.',
    }),
    delivery: t.relation('delivery', {
      type: Delivery,
      nullable: true,
      description: 'The delivery that the request names; null if it is none of the tenant.',
    }),
    endpoint: t.relation('endpoint', {
      type: Endpoint,
      nullable: true,
      description: 'The endpoint of the delivery; null if the delivery is not known.',
    }),
    event: t.relation('event', {
      type: Event,
      nullable: true,
      description: 'The event of the delivery; null if the delivery is not known.',
    }),
    headers: t.field({
      type: [HeaderType],
      description:
        'The headers that the gateway sent, as they came; empty if the request was refused. Values of the endpoint’s own headers are masked.',
      select: { headers: true },
      resolve: ({ headers }) => asHeaders(JSON.parse(headers)),
    }),
    body: t.string({
      nullable: true,
      description:
        'The body as it came, byte for byte; null if the request was refused, or the payload of the event was deleted.',
      select: { signature: true, event: { select: { body: true } } },
      resolve: ({ signature, event }) => (signature === 'VALID' ? (event?.body ?? null) : null),
    }),
    bodyBytes: t.exposeInt('bodyBytes', { description: 'The size of the body in bytes.' }),
  }),
})

const TestReceiver = builder.prismaObject('TestReceiver', {
  description:
    'A receiver of a tenant that the gateway itself serves, to try deliveries with. It answers as it is told, shows what came, and accepts only what endpoints of its tenant signed.',
  select: { tenantId: true, token: true },
  fields: (t) => ({
    url: t.string({
      nullable: true,
      description:
        'The URL for an endpoint; its path is a secret. Null while the gateway has no HTTPS URL of its own (`SIVO_PUBLIC_URL`).',
      resolve: (receiver, _args, { config }) => urlOfTestReceiver(config, receiver),
    }),
    statusCode: t.exposeInt('statusCode', { description: 'The status code with which it answers.' }),
    delayMs: t.exposeInt('delayMs', { description: 'How long it waits before it answers, in milliseconds.' }),
    retryAfterSeconds: t.exposeInt('retryAfterSeconds', {
      nullable: true,
      description: 'The `Retry-After` of its answers with the status code 429 or 503; null: they have none.',
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When the receiver was created.' }),
    endpoints: t.prismaField({
      type: [Endpoint],
      description: 'The endpoints of the tenant that deliver to it.',
      complexity: { field: 1, multiplier: 10 },
      resolve: async (query, receiver, _args, { db, config }) => {
        const url = urlOfTestReceiver(config, receiver)
        if (url === null) return []
        return db.endpoint.findMany({
          ...query,
          where: { tenantId: receiver.tenantId, url, deletedAt: null },
          orderBy: { id: 'desc' },
          take: 100,
        })
      },
    }),
    requests: t.prismaField({
      type: [ReceivedRequest],
      description: 'The requests that came to it, the newest first.',
      args: {
        first: t.arg.int({ defaultValue: 50, description: 'How many requests to return at most, from 1 to 100.' }),
      },
      complexity: ({ first }) => ({ field: 1, multiplier: Math.min(Math.max(first ?? 50, 1), 100) }),
      resolve: (query, { tenantId }, args, { db }) =>
        db.receivedRequest.findMany({
          ...query,
          where: { tenantId },
          orderBy: { id: 'desc' },
          take: readPage(args).size,
        }),
    }),
  }),
})

builder.queryField('testReceiver', (t) =>
  t.prismaField({
    type: TestReceiver,
    nullable: true,
    description:
      'The test receiver of a tenant; null if it has none, and, with the error NOT_FOUND, if the caller cannot see the tenant.',
    authScopes: { roles: READERS },
    args: { tenantId: t.arg.id({ description: OWN_TENANT }) },
    resolve: async (query, _root, args, ctx) => {
      const tenantId = await tenantOfList(ctx, args.tenantId)
      return ctx.db.testReceiver.findUnique({ ...query, where: { tenantId } })
    },
  }),
)

const CreateTestReceiverInput = builder.inputType('CreateTestReceiverInput', {
  description: 'The test receiver to create.',
  fields: (t) => ({ tenantId: t.id({ description: OWN_TENANT }) }),
})

const UpdateTestReceiverInput = builder.inputType('UpdateTestReceiverInput', {
  description: 'How a test receiver answers. A field that is absent does not change; null restores the default.',
  fields: (t) => ({
    tenantId: t.id({ description: OWN_TENANT }),
    statusCode: t.int({ description: 'The status code, from 200 to 599; the default is 200.' }),
    delayMs: t.int({
      description: 'How long to wait before each answer, from 0 to 15,000 milliseconds; the default is 0.',
    }),
    retryAfterSeconds: t.int({
      description: 'The `Retry-After` of answers with 429 or 503, from 1 to 3,600 seconds; the default is none.',
    }),
  }),
})

const DeleteTestReceiverInput = builder.inputType('DeleteTestReceiverInput', {
  description: 'The test receiver to delete.',
  fields: (t) => ({ tenantId: t.id({ description: OWN_TENANT }) }),
})

const success = (name: string, description: string) =>
  builder.objectRef<{ tenantId: string; token: string }>(name).implement({
    description,
    fields: (t) => ({
      testReceiver: t.field({
        type: TestReceiver,
        description: 'The test receiver as it is now.',
        resolve: (receiver) => receiver,
      }),
    }),
  })

const CreateSuccess = success(
  'CreateTestReceiverSuccess',
  'The tenant has a test receiver. One that was there before did not change.',
)
const UpdateSuccess = success('UpdateTestReceiverSuccess', 'The test receiver answers like this from now on.')
const DeleteSuccess = builder.objectRef<{ tenantId: string }>('DeleteTestReceiverSuccess').implement({
  description: 'The test receiver was deleted, with the requests that it kept.',
  fields: (t) => ({
    tenant: t.field({
      type: Tenant,
      description: 'The tenant whose test receiver was deleted.',
      resolve: ({ tenantId }) => ({ id: tenantId }),
    }),
  }),
})

builder.mutationFields((t) => ({
  createTestReceiver: t.field({
    type: CreateSuccess,
    errors: {},
    description:
      'Creates the test receiver of a tenant, if it has none. It needs an HTTPS URL of the gateway that deliveries may go to (`SIVO_PUBLIC_URL`); otherwise the answer is a ConflictError.',
    authScopes: { roles: ADMINISTRATORS },
    args: {
      input: t.arg({ type: CreateTestReceiverInput, required: true, description: 'The test receiver to create.' }),
    },
    resolve: (_root, { input }, ctx) => createTestReceiver(ctx, viewerOf(ctx), namedTenant(input.tenantId)),
  }),
  updateTestReceiver: t.field({
    type: UpdateSuccess,
    errors: {},
    description: 'Changes how the test receiver of a tenant answers. It holds from the next request on.',
    authScopes: { roles: ADMINISTRATORS },
    args: { input: t.arg({ type: UpdateTestReceiverInput, required: true, description: 'How to answer.' }) },
    resolve: (_root, { input: { tenantId, ...changes } }, ctx) =>
      updateTestReceiver(ctx, viewerOf(ctx), namedTenant(tenantId), changes),
  }),
  deleteTestReceiver: t.field({
    type: DeleteSuccess,
    errors: {},
    description:
      'Deletes the test receiver of a tenant. Endpoints that deliver to it get 404 from then on. A new one has another URL.',
    authScopes: { roles: ADMINISTRATORS },
    args: {
      input: t.arg({ type: DeleteTestReceiverInput, required: true, description: 'The test receiver to delete.' }),
    },
    resolve: async (_root, { input }, ctx) => ({
      tenantId: await deleteTestReceiver(ctx, viewerOf(ctx), namedTenant(input.tenantId)),
    }),
  }),
}))

builder.subscriptionField('receivedRequests', (t) =>
  t.field({
    type: ReceivedRequest,
    description:
      'The requests that come to the test receiver of a tenant, each sent within a second. The stream begins with the next one.',
    authScopes: { roles: READERS },
    args: { tenantId: t.arg.id({ description: OWN_TENANT }) },
    subscribe: async (_root, args, ctx) => watchReceivedRequests(ctx, await tenantOfList(ctx, args.tenantId)),
    resolve: (id: string) => ({ id }),
  }),
)
