import { type Incident, readIncidents } from '../../gateway/health/incidents.ts'
import { endpointsOfTenant, tenantOfList } from '../access/tenancy.ts'
import { builder, READERS } from '../base/builder.ts'
import { readPage } from '../base/connections.ts'
import { CountType } from '../base/count.ts'
import { Attempt } from '../delivery/attempt.ts'
import { Endpoint } from '../endpoint/endpoint.ts'

const IncidentType = builder.objectRef<Incident>('Incident').implement({
  description:
    'What fails now at one endpoint, for one cause: deliveries that failed for it and wait for their next attempt, or an endpoint whose health is FAILING. Tests are not counted.',
  fields: (t) => ({
    endpoint: t.field({
      type: Endpoint,
      description: 'The endpoint that fails. If it is paused or disabled, its deliveries are held.',
      resolve: ({ endpointId }) => ({ id: endpointId }),
    }),
    errorCode: t.exposeString('errorCode', {
      description: 'Why the last attempt of each failed, such as `timeout` or `http_status`.',
    }),
    statusCode: t.exposeInt('statusCode', {
      nullable: true,
      description: 'The HTTP status code of the last reply; null if no reply came.',
    }),
    since: t.expose('since', {
      type: 'DateTime',
      description:
        'Since when it fails. If the health of the endpoint is FAILING: when the first of its failures in a row for this cause began. If no delivery waits, the first failure for any cause counts. Otherwise: when the oldest of the deliveries that wait was created.',
    }),
    waiting: t.field({
      type: CountType,
      description: 'The number of deliveries that failed for this cause and wait or are held.',
      resolve: ({ waiting }) => waiting,
    }),
    nextAttemptAt: t.expose('nextAttemptAt', {
      type: 'DateTime',
      nullable: true,
      description:
        'When the next attempt is due; in the past if the gateway is behind. Null if none waits, and while the endpoint is paused or disabled.',
    }),
    nextAttemptCount: t.field({
      type: CountType,
      nullable: true,
      description: 'The number of attempts that are due within 10 seconds of `nextAttemptAt`; null if that is null.',
      resolve: ({ nextAttemptCount }) => nextAttemptCount,
    }),
    firstDeadLetterAt: t.expose('firstDeadLetterAt', {
      type: 'DateTime',
      nullable: true,
      description:
        'The earliest time at which one of the deliveries becomes a dead letter if every attempt fails. Jitter, `Retry-After` and limits can make it later. Null if none waits, and while the endpoint is paused or disabled.',
    }),
    lastAttempt: t.field({
      type: Attempt,
      nullable: true,
      description:
        'The newest attempt that failed for this cause; null if it is not among the last 200 failed attempts of the endpoint.',
      resolve: ({ lastAttemptId }) => (lastAttemptId === null ? null : { id: lastAttemptId }),
    }),
  }),
})

builder.queryField('incidents', (t) =>
  t.field({
    type: [IncidentType],
    nullable: true,
    description:
      'What fails now, one incident for each endpoint and cause. Active endpoints and those with the most waiting deliveries come first. Null, with the error NOT_FOUND, if the caller cannot see the tenant or the endpoint.',
    authScopes: { roles: READERS },
    args: {
      tenantId: t.arg.id({ description: 'The tenant. Operators must name it; for others it is their own.' }),
      endpointId: t.arg.id({ description: 'The endpoint. If absent or null, all endpoints of the tenant.' }),
      first: t.arg.int({ defaultValue: 50, description: 'How many incidents to return at most, from 1 to 100.' }),
    },
    complexity: ({ first }) => ({ field: 1, multiplier: Math.min(Math.max(first ?? 50, 1), 100) }),
    resolve: async (_root, args, ctx) => {
      const { size } = readPage(args)
      const tenantId = await tenantOfList(ctx, args.tenantId)
      const [endpointId = null] =
        args.endpointId == null ? [] : await endpointsOfTenant(ctx, tenantId, [args.endpointId], 'endpointId')
      return readIncidents(ctx, { tenantId, endpointId }, { first: size })
    },
  }),
)
