// The mutations that create and change endpoints, with their inputs and their answers.

import { MAX_CONDITION_LENGTH } from '../../domain/endpoint/condition.ts'
import { showCount } from '../../domain/values/count.ts'
import { createEndpoint } from '../../gateway/admin/create-endpoint.ts'
import { deleteEndpoint, pauseEndpoint, resumeEndpoint } from '../../gateway/admin/pause-endpoint.ts'
import { type UnwantedDeliveries, updateEndpoint } from '../../gateway/admin/update-endpoint.ts'
import { upsertEndpoint } from '../../gateway/admin/upsert-endpoint.ts'
import { idOfMutation, namedTenant, viewerOf } from '../access/tenancy.ts'
import { ADMINISTRATORS, builder, type InputFields } from '../base/builder.ts'
import { Endpoint, OrderingEnum } from './endpoint.ts'

const HeaderInput = builder.inputType('HeaderInput', {
  description: 'A header to send with every delivery to an endpoint, which has at most 20.',
  fields: (t) => ({
    name: t.string({
      required: true,
      description: 'The name: 1 to 64 letters, digits and hyphens. Names that the gateway sets itself are refused.',
    }),
    value: t.string({
      description:
        'The value: at most 1,024 printable ASCII characters. An update may leave it out to keep the stored value of this name.',
    }),
  }),
})

const CONDITION = `A condition that an event must meet to be delivered: a SQL/JSON path predicate over the envelope, at most ${showCount(MAX_CONDITION_LENGTH)} characters, such as \`$.data.direction == "inbound"\`. An event for which it cannot be evaluated is not delivered.`
const EXTERNAL_ID =
  'The id of the endpoint in your own system, 1 to 256 characters. No two endpoints of a tenant have the same one.'
const METADATA =
  'Your own notes on the endpoint: an object of at most 50 texts, each of at most 512 characters. Names have 1 to 64 characters.'

const CreateEndpointInput = builder.inputType('CreateEndpointInput', {
  description: 'The endpoint to create.',
  fields: (t) => ({
    tenantId: t.id({ description: 'The tenant. Operators must name it; for others it is their own.' }),
    name: t.string({ required: true, description: 'The name of the endpoint, 1 to 200 characters.' }),
    url: t.string({
      required: true,
      description: 'The URL that receives the deliveries. It must use https and a host name.',
    }),
    eventTypes: t.stringList({
      description: 'The event types to receive, by their exact names in the catalogue. If absent or null, all of them.',
    }),
    condition: t.string({ description: `${CONDITION} If absent or null, there is no condition.` }),
    maxInFlight: t.int({
      description:
        'How many attempts may run at the same time over all workers, from 1 to 1,000. If absent or null, 20 in each worker.',
    }),
    rateLimitPerSecond: t.int({
      description:
        'How many attempts may begin per second over all workers, from 1 to 10,000. If absent or null, there is no limit.',
    }),
    ordering: t.field({
      type: OrderingEnum,
      description: 'Whether the deliveries of one subject wait for each other. If absent or null, they do not.',
    }),
    headers: t.field({ type: [HeaderInput], description: 'The headers to send with every delivery, at most 20.' }),
    externalId: t.string({ description: EXTERNAL_ID }),
    metadata: t.field({ type: 'JSON', description: METADATA }),
    idempotencyKey: t.string({
      description:
        'A text of 1 to 256 characters that makes the call safe to repeat. A second call with the same key and the same content returns the first endpoint with its secret. The key is kept for at least 24 hours.',
    }),
  }),
})

/** What an update and an upsert change in the same way. */
const changedFields = (t: InputFields) => ({
  eventTypes: t.stringList({
    description:
      'The event types to receive, by their exact names in the catalogue. Null is refused; send `allEventTypes` to receive all of them.',
  }),
  allEventTypes: t.boolean({
    description:
      'True removes the filter by type: the endpoint receives every event type. False and null change nothing.',
  }),
  condition: t.string({ description: `${CONDITION} Null removes the condition.` }),
  maxInFlight: t.int({
    description:
      'How many attempts may run at the same time over all workers, from 1 to 1,000. If null, 20 in each worker.',
  }),
  rateLimitPerSecond: t.int({
    description:
      'How many attempts may begin per second over all workers, from 1 to 10,000. If null, there is no limit.',
  }),
  ordering: t.field({
    type: OrderingEnum,
    description:
      'Whether the deliveries of one subject wait for each other. A change holds for the first 10,000 deliveries that already wait, too. If null, they do not.',
  }),
  headers: t.field({
    type: [HeaderInput],
    description:
      'The headers to send with every delivery, at most 20. The list replaces all headers: an empty list removes them, null is refused.',
  }),
  metadata: t.field({
    type: 'JSON',
    description: `${METADATA} The object replaces the present one: an empty object removes all notes, null is refused.`,
  }),
})

const UpdateEndpointInput = builder.inputType('UpdateEndpointInput', {
  description:
    'The changes to an endpoint. An absent field does not change. Null restores the default, but is refused for `eventTypes`, `headers`, `externalId` and `metadata`. A list or an object replaces the whole one.',
  fields: (t) => ({
    name: t.string({ description: 'The name of the endpoint, 1 to 200 characters.' }),
    url: t.string({ description: 'The URL that receives the deliveries. It must use https and a host name.' }),
    ...changedFields(t),
    externalId: t.string({ description: `${EXTERNAL_ID} An empty text removes it, null is refused.` }),
  }),
})

const UpsertEndpointInput = builder.inputType('UpsertEndpointInput', {
  description:
    'The endpoint that shall exist. An absent field keeps what the endpoint has, and is the default in a new endpoint. Null restores the default, but is refused for `eventTypes`, `headers` and `metadata`. A list or an object replaces the whole one.',
  fields: (t) => ({
    tenantId: t.id({ description: 'The tenant. Operators must name it; for others it is their own.' }),
    externalId: t.string({ required: true, description: `${EXTERNAL_ID} It says which endpoint is meant.` }),
    name: t.string({ required: true, description: 'The name of the endpoint, 1 to 200 characters.' }),
    url: t.string({
      required: true,
      description: 'The URL that receives the deliveries. It must use https and a host name.',
    }),
    ...changedFields(t),
  }),
})

const UnwantedDeliveriesEnum = builder.enumType('UnwantedDeliveries', {
  description:
    'What happens to the deliveries that already wait for an endpoint and that its filter does not want after a change.',
  values: {
    SEND_ALL: { description: 'The gateway sends all of them.' },
    CANCEL_ALL: { description: 'The gateway cancels all of them, with the reason `filter_changed`.' },
  } satisfies Record<UnwantedDeliveries, { description: string }>,
})

const HeldDeliveries = builder.enumType('HeldDeliveries', {
  description: 'What happens to the deliveries that were held while an endpoint was paused or disabled.',
  values: {
    SEND_ALL: { description: 'The gateway sends all of them.' },
    SEND_SINCE: {
      description: 'The gateway sends those that were created at `since` or later, and cancels the older ones.',
    },
    CANCEL_ALL: { description: 'The gateway cancels all of them.' },
  } as const,
})

/** The success type of a mutation that changes an endpoint. */
function endpointSuccess(name: string, description: string) {
  return builder.objectRef<{ endpoint: { id: string } }>(name).implement({
    description,
    fields: (t) => ({
      endpoint: t.field({
        type: Endpoint,
        description: 'The endpoint as it is now.',
        resolve: ({ endpoint }) => endpoint,
      }),
    }),
  })
}

const CreateEndpointSuccess = builder
  .objectRef<{ endpoint: { id: string }; signingSecret: string; duplicate: boolean }>('CreateEndpointSuccess')
  .implement({
    description:
      'The endpoint was created. Only this answer, and repeats with the same idempotency key, show its signing secret.',
    fields: (t) => ({
      endpoint: t.field({ type: Endpoint, description: 'The new endpoint.', resolve: ({ endpoint }) => endpoint }),
      signingSecret: t.exposeString('signingSecret', {
        description: 'The secret with which the receiver verifies signatures.',
      }),
      duplicate: t.exposeBoolean('duplicate', {
        description: 'Whether an earlier call with the same idempotency key created it. This call then did nothing.',
      }),
    }),
  })
const UpsertEndpointSuccess = builder
  .objectRef<{ endpoint: { id: string }; created: boolean; signingSecret: string | null }>('UpsertEndpointSuccess')
  .implement({
    description: 'The endpoint exists as the input says.',
    fields: (t) => ({
      endpoint: t.field({
        type: Endpoint,
        description: 'The endpoint as it is now.',
        resolve: ({ endpoint }) => endpoint,
      }),
      created: t.exposeBoolean('created', { description: 'Whether this call created the endpoint.' }),
      signingSecret: t.exposeString('signingSecret', {
        nullable: true,
        description:
          'The secret with which the receiver verifies signatures, if this call created the endpoint; null if it existed already. No other answer shows it. If it was lost, `rotateSigningSecret` makes a new one.',
      }),
    }),
  })
const UpdateEndpointSuccess = endpointSuccess('UpdateEndpointSuccess', 'The endpoint was changed.')
const PauseEndpointSuccess = endpointSuccess('PauseEndpointSuccess', 'The endpoint was paused.')
const ResumeEndpointSuccess = endpointSuccess('ResumeEndpointSuccess', 'The endpoint was resumed.')
const DeleteEndpointSuccess = endpointSuccess(
  'DeleteEndpointSuccess',
  'The endpoint was deleted. Its waiting deliveries were cancelled.',
)

builder.mutationFields((t) => ({
  createEndpoint: t.field({
    type: CreateEndpointSuccess,
    errors: {},
    description: 'Creates an endpoint. It receives the events that are published from now on.',
    authScopes: { roles: ADMINISTRATORS },
    args: { input: t.arg({ type: CreateEndpointInput, required: true, description: 'The endpoint to create.' }) },
    resolve: (_root, { input }, ctx) =>
      createEndpoint(ctx, viewerOf(ctx), { ...input, tenantId: namedTenant(input.tenantId) }),
  }),
  upsertEndpoint: t.field({
    type: UpsertEndpointSuccess,
    errors: {},
    description:
      'Creates an endpoint, or changes the one of the tenant that has this external id. The call can be repeated: the result is the same.',
    authScopes: { roles: ADMINISTRATORS },
    args: {
      input: t.arg({ type: UpsertEndpointInput, required: true, description: 'The endpoint that shall exist.' }),
    },
    resolve: (_root, { input }, ctx) =>
      upsertEndpoint(ctx, viewerOf(ctx), { ...input, tenantId: namedTenant(input.tenantId) }),
  }),
  updateEndpoint: t.field({
    type: UpdateEndpointSuccess,
    errors: {},
    description: 'Changes an endpoint. The changes apply to every later attempt, also of deliveries that already wait.',
    authScopes: { roles: ADMINISTRATORS },
    args: {
      id: t.arg.id({ required: true, description: 'The id of the endpoint.' }),
      input: t.arg({ type: UpdateEndpointInput, required: true, description: 'The changes to make.' }),
      unwanted: t.arg({
        type: UnwantedDeliveriesEnum,
        required: true,
        defaultValue: 'SEND_ALL',
        description:
          'What happens to the deliveries that already wait and that the filter does not want after the change.',
      }),
    },
    resolve: async (_root, { id, input, unwanted }, ctx) => ({
      endpoint: await updateEndpoint(ctx, viewerOf(ctx), { endpointId: idOfMutation('endpoint', id), input, unwanted }),
    }),
  }),
  pauseEndpoint: t.field({
    type: PauseEndpointSuccess,
    errors: {},
    description: 'Pauses an active endpoint. Its deliveries are held, and none is lost.',
    authScopes: { roles: ADMINISTRATORS },
    args: { id: t.arg.id({ required: true, description: 'The id of the endpoint.' }) },
    resolve: async (_root, { id }, ctx) => ({
      endpoint: await pauseEndpoint(ctx, viewerOf(ctx), { endpointId: idOfMutation('endpoint', id) }),
    }),
  }),
  resumeEndpoint: t.field({
    type: ResumeEndpointSuccess,
    errors: {},
    description: 'Resumes a paused or disabled endpoint.',
    authScopes: { roles: ADMINISTRATORS },
    args: {
      id: t.arg.id({ required: true, description: 'The id of the endpoint.' }),
      held: t.arg({
        type: HeldDeliveries,
        required: true,
        defaultValue: 'SEND_ALL',
        description: 'What happens to the deliveries that were held.',
      }),
      since: t.arg({
        type: 'DateTime',
        description:
          'The earliest creation time of a delivery that is sent, inclusive. Only for SEND_SINCE, which requires it.',
      }),
    },
    resolve: async (_root, { id, held, since }, ctx) => ({
      endpoint: await resumeEndpoint(ctx, viewerOf(ctx), {
        endpointId: idOfMutation('endpoint', id),
        held,
        since: since ?? null,
      }),
    }),
  }),
  deleteEndpoint: t.field({
    type: DeleteEndpointSuccess,
    errors: {},
    description: 'Deletes an endpoint. Its waiting deliveries are cancelled; its history stays readable.',
    authScopes: { roles: ADMINISTRATORS },
    args: { id: t.arg.id({ required: true, description: 'The id of the endpoint.' }) },
    resolve: async (_root, { id }, ctx) => ({
      endpoint: await deleteEndpoint(ctx, viewerOf(ctx), { endpointId: idOfMutation('endpoint', id) }),
    }),
  }),
}))
