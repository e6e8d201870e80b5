import type { EventListFilter } from '../../domain/event/list-filter.ts'
import { describeUnknownEventType, isEventType } from '../../domain/event-types/catalogue.ts'
import { readSearch } from '../../domain/search/query.ts'
import { NUL } from '../../domain/values/stored-text.ts'
import { endpointsOfTenant, OF_MUTATIONS, OF_READS, type Refusals, tenantOfList } from '../access/tenancy.ts'
import { builder, type RequestContext } from '../base/builder.ts'

export const EventFilterInput = builder.inputType('EventFilter', {
  description:
    'A filter for events. An event matches if it matches every field; it matches a list if it matches one of its members. A field that is absent or null matches every event; an empty list matches none.',
  fields: (t) => ({
    tenantId: t.id({ description: 'The tenant. Operators must name it; for others it is their own.' }),
    eventTypes: t.stringList({
      description:
        'The event types, by their exact names in the catalogue. A name that neither the catalogue nor an event of the tenant has is an error.',
    }),
    subject: t.string({ description: 'The exact subject of the event.' }),
    test: t.boolean({
      description: 'Whether to match only tests (true) or no tests (false). If absent or null, both match.',
    }),
    undeliveredTo: t.id({
      description: 'The id of an endpoint. Matches events that have a delivery to it which is not SUCCEEDED.',
    }),
    search: t.string({
      description:
        'What to search for, in at most 200 characters: a phone number in any spelling, an agent, a name or an e-mail address. It may be an id of an event, delivery, call or other object, or the last 8 characters of one. Of several words an event must have each. A page may have fewer items than asked for, or none, and `hasNextPage`: go on with `endCursor`. Lists find an event within seconds of its acceptance; subscriptions do not take this field.',
    }),
    from: t.field({ type: 'DateTime', description: 'The earliest time of acceptance, inclusive.' }),
    to: t.field({ type: 'DateTime', description: 'The latest time of acceptance, exclusive.' }),
  }),
})

type EventFilterArg = typeof EventFilterInput.$inferInput

/** A client's filter for events, with all its ids looked up. Throws BAD_USER_INPUT, NOT_FOUND. */
export async function eventFilterOf(
  ctx: RequestContext,
  filter: EventFilterArg | null | undefined,
  refusals = OF_READS,
): Promise<EventListFilter> {
  const tenantId = await tenantOfList(ctx, filter?.tenantId, 'filter.tenantId', refusals)
  const search = filter?.search == null ? null : readSearch(filter.search)
  if (typeof search === 'string') throw refusals.invalid('filter.search', search)
  await requireEventTypes(ctx, tenantId, filter?.eventTypes ?? [], refusals)
  const named = filter?.undeliveredTo
  const [undeliveredTo] =
    named == null ? [] : await endpointsOfTenant(ctx, tenantId, [named], 'filter.undeliveredTo', refusals)
  return {
    tenantId,
    search,
    undeliveredTo: undeliveredTo ?? null,
    eventTypes: filter?.eventTypes ?? null,
    subject: filter?.subject ?? null,
    test: filter?.test ?? null,
    from: filter?.from ?? null,
    to: filter?.to ?? null,
  }
}

/** The same for a mutation. Throws ValidationError, NotFoundError. */
export function eventFilterOfMutation(ctx: RequestContext, filter: EventFilterArg): Promise<EventListFilter> {
  return eventFilterOf(ctx, filter, OF_MUTATIONS)
}

/**
 * Refuses an event type that no event of the tenant can have: a name that is wrong finds nothing, and would say so to nobody. The events
 * of an earlier or later catalogue are found by their types too, so a type that an event of the tenant has is right.
 */
export async function requireEventTypes(
  { db }: RequestContext,
  tenantId: string,
  names: readonly string[],
  refusals: Refusals,
): Promise<void> {
  const unknown = new Set(names.filter((name) => !isEventType(name)))
  for (const name of unknown) {
    const has = !NUL.test(name) && (await db.event.findFirst({ where: { tenantId, type: name }, select: { id: true } }))
    if (!has) throw refusals.invalid(`filter.eventTypes.${names.indexOf(name)}`, describeUnknownEventType(name))
  }
}
