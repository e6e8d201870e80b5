// The subscriptions to changes. The tenant is checked before a stream begins. The change feed supplies the rows that
// changed; one query per batch reads the columns that the client selected. A stream ends when its client leaves. The
// server ends it when its credential stops working.

import { matchesDelivery } from '../domain/delivery/filter.ts'
import { matchesEvent } from '../domain/event/list-filter.ts'
import { RequestError } from '../errors.ts'
import type { Batch } from '../live/live-buffer.ts'
import { flattenStream, mapStream } from '../live/live-stream.ts'
import type { ChangedDelivery, ChangedEndpoint, ChangedEvent } from '../live/reads.ts'
import { tenantOfList } from './access/tenancy.ts'
import { builder, READERS, type RequestContext } from './base/builder.ts'
import { Delivery } from './delivery/delivery.ts'
import { DeliveryFilterInput, deliveryFilterOf } from './delivery/filter.ts'
import { Endpoint } from './endpoint/endpoint.ts'
import { Event } from './event/event.ts'
import { EventFilterInput, eventFilterOf } from './event/filter.ts'

/** The assumed cost of a batch: that of a page of 50 rows. */
const ASSUMED_BATCH = { field: 1, multiplier: 50 }
const AFTER =
  'The cursor of an earlier batch. The stream begins with everything that changed after it. If absent or null, it begins now.'
const CURSOR = 'The position of the stream. Pass it as `after` to continue from here, on any server.'
const DROPPED = 'The number of changes that were dropped because the client read too slowly.'
const RESYNC = 'Whether changes may be missing. If true, read the list again; the stream continues from `cursor`.'

const DeliveryUpdateBatch = builder.objectRef<Batch<ChangedDelivery>>('DeliveryUpdateBatch').implement({
  description: 'The deliveries that changed, each once and in its newest state.',
  fields: (t) => ({
    cursor: t.exposeString('cursor', { description: CURSOR }),
    droppedCount: t.exposeInt('droppedCount', { description: DROPPED }),
    resyncRequired: t.exposeBoolean('resyncRequired', { description: RESYNC }),
    deliveries: t.prismaField({
      type: [Delivery],
      description: 'The deliveries that changed.',
      complexity: ASSUMED_BATCH,
      resolve: (query, { rows }, _args, ctx) =>
        loadSelected(rows, query.select, (ids) =>
          ctx.db.delivery.findMany({ select: { id: true }, ...query, where: { id: { in: ids } } }),
        ) as Promise<never>,
    }),
  }),
})

const EventUpdateBatch = builder.objectRef<Batch<ChangedEvent>>('EventUpdateBatch').implement({
  description: 'The events that were accepted.',
  fields: (t) => ({
    cursor: t.exposeString('cursor', { description: CURSOR }),
    droppedCount: t.exposeInt('droppedCount', { description: DROPPED }),
    resyncRequired: t.exposeBoolean('resyncRequired', { description: RESYNC }),
    events: t.prismaField({
      type: [Event],
      description: 'The events that were accepted.',
      complexity: ASSUMED_BATCH,
      resolve: (query, { rows }, _args, ctx) =>
        loadSelected(rows, query.select, (ids) =>
          ctx.db.event.findMany({ select: { id: true }, ...query, where: { id: { in: ids } } }),
        ) as Promise<never>,
    }),
  }),
})

const EndpointUpdate = builder.objectRef<ChangedEndpoint>('EndpointUpdate').implement({
  description: 'An endpoint that was created, changed, paused, resumed, disabled or deleted.',
  fields: (t) => ({
    endpoint: t.prismaField({
      type: Endpoint,
      description: 'The endpoint as it is now. A deleted one has `deletedAt`.',
      resolve: (query, { id }, _args, ctx) => ctx.db.endpoint.findUniqueOrThrow({ ...query, where: { id } }),
    }),
  }),
})

builder.subscriptionFields((t) => ({
  deliveryUpdates: t.field({
    type: DeliveryUpdateBatch,
    description:
      'The deliveries of a tenant, sent when they are created, attempted, cancelled or retried. Subscribe before you read the list, so that you miss no change.',
    authScopes: { roles: READERS },
    args: {
      filter: t.arg({
        type: DeliveryFilterInput,
        description: 'Which deliveries to send. `statuses` is compared with the state after the change.',
      }),
      after: t.arg.string({ description: AFTER }),
    },
    subscribe: async (_root, args, ctx) => {
      const filter = await deliveryFilterOf(ctx, args.filter)
      return ctx.feed.updates({
        kind: 'delivery',
        tenantId: filter.tenantId,
        matches: (row) => matchesDelivery(filter, row, row.endpoint),
        filterKey: JSON.stringify(filter),
        after: ctx.resumeAfter ?? args.after ?? null,
      })
    },
    resolve: (batch: Batch<ChangedDelivery>) => batch,
  }),
  eventUpdates: t.field({
    type: EventUpdateBatch,
    description: 'The events of a tenant, sent when they are accepted.',
    authScopes: { roles: READERS },
    args: {
      filter: t.arg({ type: EventFilterInput, description: 'Which events to send.' }),
      after: t.arg.string({ description: AFTER }),
    },
    subscribe: async (_root, args, ctx) => {
      if (args.filter?.search != null)
        throw new RequestError(
          'BAD_USER_INPUT',
          'filter.search: expected none, because new events are sent before they can be searched, got one. Query events instead.',
        )
      const filter = await eventFilterOf(ctx, args.filter)
      const batches = ctx.feed.updates({
        kind: 'event',
        tenantId: filter.tenantId,
        matches: (row) => matchesEvent(filter, { ...row, undelivered: true }),
        filterKey: JSON.stringify(filter),
        after: ctx.resumeAfter ?? args.after ?? null,
      })
      const { undeliveredTo } = filter
      if (undeliveredTo === null) return batches
      return mapStream(batches, (batch) => undelivered(ctx, batch, undeliveredTo))
    },
    resolve: (batch: Batch<ChangedEvent>) => batch,
  }),
  endpointUpdates: t.field({
    type: EndpointUpdate,
    description:
      'The endpoints of a tenant, sent when they change. A message is one endpoint, so there is no empty first one: query `endpoints` a few seconds after you subscribed, and after each break. Pausing or resuming an endpoint changes the status of its waiting deliveries, which are not sent one by one.',
    authScopes: { roles: READERS },
    args: { tenantId: t.arg.id({ description: 'The tenant. Operators must name it; for others it is their own.' }) },
    subscribe: async (_root, args, ctx) => {
      const tenantId = await tenantOfList(ctx, args.tenantId)
      const batches = ctx.feed.updates({ kind: 'endpoint', tenantId, matches: () => true, filterKey: '', after: null })
      return flattenStream(mapStream(batches, ({ rows }) => rows))
    },
    resolve: (endpoint: ChangedEndpoint) => endpoint,
  }),
}))

type Selection = Record<string, unknown> | undefined

/**
 * The columns that the client selected of the rows that changed. Columns that the feed did not read are loaded for all
 * rows at once. Columns of the feed keep their values, so that a row still matches the filter that selected it.
 */
async function loadSelected<Row extends { id: string }>(
  rows: readonly Row[],
  select: Selection,
  load: (ids: string[]) => Promise<{ id: string }[]>,
): Promise<readonly object[]> {
  const [sample] = rows
  if (!sample || isCovered(select, sample)) return rows
  const loaded = await load(rows.map(({ id }) => id))
  const loadedById = new Map(loaded.map((row) => [row.id, row]))
  return rows.flatMap((row) => {
    const more = loadedById.get(row.id)
    return more ? [{ ...row, ...more, ...columnsOf(row) }] : []
  })
}

/** Whether the row already has every selected column, also those of the related row. */
function isCovered(select: Selection, row: object): boolean {
  if (!select) return false
  return Object.entries(select).every(([name, wanted]) => {
    if (!wanted) return true
    const value = (row as Record<string, unknown>)[name]
    if (wanted === true) return value !== undefined
    const nested = (wanted as { select?: Record<string, unknown> }).select
    return typeof value === 'object' && value !== null && isCovered(nested, value)
  })
}

function columnsOf(row: object): object {
  return Object.fromEntries(Object.entries(row).filter(([name]) => name !== 'endpoint' && name !== 'event'))
}

/** Removes the events whose delivery to the endpoint succeeded, and those that have none. */
async function undelivered(
  ctx: RequestContext,
  batch: Batch<ChangedEvent>,
  endpointId: string,
): Promise<Batch<ChangedEvent>> {
  if (batch.rows.length === 0) return batch
  const found = await ctx.db.delivery.findMany({
    where: { eventId: { in: batch.rows.map(({ id }) => id) }, endpointId, status: { not: 'SUCCEEDED' } },
    select: { eventId: true },
  })
  const wanted = new Set(found.map(({ eventId }) => eventId))
  return { ...batch, rows: batch.rows.filter(({ id }) => wanted.has(id)) }
}
