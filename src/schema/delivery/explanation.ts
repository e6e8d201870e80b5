import type { EvaluatedPath } from '../../domain/delivery/explanation.ts'
import { type ExplainedDeliveryOf, explainDelivery } from '../../gateway/deliver/explain-delivery.ts'
import { lookup, viewerOf } from '../access/tenancy.ts'
import { builder, READERS } from '../base/builder.ts'
import { CountType } from '../base/count.ts'
import { Delivery } from './delivery.ts'

const EvaluatedPathType = builder.objectRef<EvaluatedPath>('EvaluatedPath').implement({
  description: 'What a path of a condition finds in an event.',
  fields: (t) => ({
    path: t.exposeString('path', { description: 'The path, such as `$.data.direction`.' }),
    values: t.exposeStringList('values', {
      description:
        'The values at the path as JSON texts: the first five, each cut off after 200 characters. Empty if the event has none.',
    }),
  }),
})

const DeliveryExplanationType = builder.objectRef<ExplainedDeliveryOf>('DeliveryExplanation').implement({
  description: 'Why an event was sent to an endpoint, was not sent, or waits.',
  fields: (t) => ({
    reason: t.exposeString('reason', {
      description:
        'The fact that counts, such as `condition_not_met`, `endpoint_paused` or `rate_limit`. Later releases may add reasons.',
    }),
    message: t.exposeString('message', { description: 'The reason in sentences, for a person.' }),
    delivery: t.field({
      type: Delivery,
      nullable: true,
      description: 'The delivery of the event to the endpoint; null if there is none.',
      resolve: ({ deliveryId }) => (deliveryId === null ? null : { id: deliveryId }),
    }),
    ahead: t.expose('ahead', {
      type: CountType,
      nullable: true,
      description: 'How many deliveries of the endpoint go before this one; null unless it is due.',
    }),
    nextAttemptAt: t.expose('nextAttemptAt', {
      type: 'DateTime',
      nullable: true,
      description: 'The earliest time of the next attempt, with the limits that hold now; null if none is planned.',
    }),
    evaluated: t.field({
      type: [EvaluatedPathType],
      description: 'What the condition of the endpoint looked at, if it decided; otherwise empty.',
      resolve: ({ evaluated }) => evaluated,
    }),
  }),
})

builder.queryField('explainDelivery', (t) =>
  t.field({
    type: DeliveryExplanationType,
    nullable: true,
    description:
      'Explains why an event was sent to an endpoint, was not sent, or waits. Null if the event or the endpoint does not exist or the caller cannot see it.',
    authScopes: { roles: READERS },
    args: {
      eventId: t.arg.id({ required: true, description: 'The id of the event.' }),
      endpointId: t.arg.id({ required: true, description: 'The id of the endpoint.' }),
    },
    // Counting reads up to 10,000 entries of an index.
    complexity: { field: 50, multiplier: 1 },
    resolve: (_root, { eventId, endpointId }, ctx) => {
      const event = lookup(ctx, 'event', eventId)
      const endpoint = lookup(ctx, 'endpoint', endpointId)
      if (!event || !endpoint) return null
      return explainDelivery(
        ctx,
        { eventId: event.id, endpointId: endpoint.id, reach: event.reach },
        { namesHosts: viewerOf(ctx).role === 'OPERATOR' },
      )
    },
  }),
)
