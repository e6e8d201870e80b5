import { validateEventTypes } from '../../domain/endpoint/event-filter.ts'
import { badInput } from '../../errors.ts'
import { countUnwanted } from '../../gateway/admin/cancel-unwanted.ts'
import {
  type FilterPreview,
  MAX_PREVIEWED,
  previewFilter,
  type TriedFilter,
} from '../../gateway/admin/preview-filter.ts'
import { validateCondition } from '../../gateway/admin/validate-condition.ts'
import { endpointsOfTenant, tenantOfList } from '../access/tenancy.ts'
import { builder, READERS, type RequestContext } from '../base/builder.ts'
import { CountType } from '../base/count.ts'
import { Event } from '../event/event.ts'

type Preview = FilterPreview & { readonly filter: TriedFilter; readonly endpointId: string | null }

const FilterPreviewType = builder.objectRef<Preview>('FilterPreview').implement({
  description: 'What a filter would do, tried on the newest events of a tenant. Tests are left out.',
  fields: (t) => ({
    checked: t.exposeInt('checked', {
      description:
        'The number of events that were looked at: fewer than were asked for if there are no more, or if the condition takes long.',
    }),
    matched: t.int({
      description: 'How many of them an endpoint with this filter would get.',
      resolve: ({ matched }) => matched.length,
    }),
    failed: t.exposeInt('failed', {
      description:
        'For how many of them the condition cannot be evaluated, such as when it compares a text with a number. They do not match.',
    }),
    events: t.prismaField({
      type: [Event],
      description: 'The events that match, newest first.',
      resolve: (query, { matched }, _args, { db }) =>
        db.event.findMany({ ...query, where: { id: { in: [...matched] } }, orderBy: { id: 'desc' } }),
    }),
    unwanted: t.field({
      type: CountType,
      nullable: true,
      description:
        'How many deliveries wait for the endpoint that the preview names and are not wanted by the filter: those that `updateEndpoint` would cancel with CANCEL_ALL. At most 10,000 waiting deliveries are looked at. Null if no endpoint is named.',
      resolve: ({ filter, endpointId }, _args, ctx) =>
        endpointId === null ? null : countUnwanted(ctx, endpointId, { ...filter, eventTypes: filter.eventTypes ?? [] }),
    }),
  }),
})

builder.queryField('filterPreview', (t) =>
  t.field({
    type: FilterPreviewType,
    nullable: true,
    description:
      'Tries a filter on the newest events of a tenant, before an endpoint has it; null, with the error NOT_FOUND, if the caller cannot see the tenant or the endpoint.',
    authScopes: { roles: READERS },
    args: {
      tenantId: t.arg.id({ description: 'The tenant. Operators must name it; for others it is their own.' }),
      eventTypes: t.arg.stringList({
        description:
          'The event types of the filter, by their exact names in the catalogue. If absent or null, all but the operational ones.',
      }),
      condition: t.arg.string({
        description: 'The condition of the filter, as `CreateEndpointInput` takes it. If absent or null, none.',
      }),
      last: t.arg.int({
        defaultValue: 100,
        description: `How many of the newest events to look at, from 1 to ${MAX_PREVIEWED}.`,
      }),
      endpointId: t.arg.id({
        description: 'An endpoint of the tenant. With it, `unwanted` counts the deliveries that wait for it.',
      }),
    },
    complexity: ({ last }) => ({ field: 1, multiplier: Math.min(Math.max(last ?? 100, 1), MAX_PREVIEWED) }),
    resolve: async (_root, args, ctx): Promise<Preview> => {
      const tenantId = await tenantOfList(ctx, args.tenantId)
      const [endpointId = null] =
        args.endpointId == null ? [] : await endpointsOfTenant(ctx, tenantId, [args.endpointId], 'endpointId')
      const last = args.last ?? 100
      if (last < 1 || last > MAX_PREVIEWED)
        throw badInput('last', `expected a number from 1 to ${MAX_PREVIEWED}, got ${last}`)
      const filter = { eventTypes: args.eventTypes ?? null, condition: args.condition ?? null }
      await requireFilter(ctx, filter)
      return { ...(await previewFilter(ctx, { tenantId, last, ...filter })), filter, endpointId }
    },
  }),
)

async function requireFilter(ctx: RequestContext, { eventTypes, condition }: TriedFilter): Promise<void> {
  const [wrong] = eventTypes ? validateEventTypes(eventTypes) : []
  if (wrong) throw badInput(['eventTypes', ...wrong.path].join('.'), wrong.message)
  const issue = condition === null ? null : await validateCondition(ctx.hot, condition)
  if (issue) throw badInput('condition', issue)
}
