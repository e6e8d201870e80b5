// The dead letters of a filter in groups: by endpoint, cause and event type. Few are read and added up. Of many, the index
// delivery_dead_group is walked from group to group, and each group is counted up to a limit, so that an answer costs the same
// whether there are a hundred thousand or millions.

import type { Context } from '../../context.ts'
import { DEAD_CAUSE } from '../../database/filters/dead-causes.ts'
import { deliveryCondition } from '../../database/filters/deliveries.ts'
import { FIRST_ID, idWindow, LAST_ID, soonId } from '../../database/filters/id-window.ts'
import type { HotDatabase, Statement } from '../../database/pools.ts'
import type { DeliveryFilter } from '../../domain/delivery/filter.ts'
import { countParts } from '../../domain/values/count.ts'

type Database = Pick<Context['db'], '$queryRawUnsafe'>
type Reads = Pick<Context, 'db' | 'hot' | 'clock'>

export type GroupKey = {
  readonly endpointId: string
  /** null if no attempt was made. */
  readonly errorCode: string | null
  /** null if no reply came. */
  readonly statusCode: number | null
  readonly eventType: string
}

export type CountedGroup = GroupKey & {
  /** How many were found, at most `limit`. */
  readonly found: number
  readonly limit: number
  /** When the oldest and the newest of these deliveries were created. */
  readonly oldestAt: Date
  readonly newestAt: Date
}

/** So many dead letters are added up. */
const FEW = 20_000
/** Of more groups than these, those of the newest dead letters are taken. */
export const MANY_GROUPS = 500
/** How many groups are walked along to find those that are wanted. Each takes about 40 pages of the index, in 13 weeks. */
const WALKED = 1_000
/** How many dead letters of many are counted, and the least of each group. */
const BUDGET = { together: 50_000, least: 100 }

type Bounds = {
  readonly few: number
  readonly manyGroups: number
  readonly walked: number
  readonly budget: typeof BUDGET
}
const BOUNDS: Bounds = { few: FEW, manyGroups: MANY_GROUPS, walked: WALKED, budget: BUDGET }

type Asked = {
  /** Whether dead letters of deleted endpoints are left out. */
  readonly live: boolean
  /** How many groups are wanted; null: all, however many there are. */
  readonly first: number | null
  /** Which groups are wanted; absent: each. */
  readonly wanted?: (group: GroupKey) => boolean
}

/**
 * The groups of the dead letters of a filter, the largest first, and of those that are counted to the same limit the one with the
 * newest dead letter. With more than MANY_GROUPS groups that are wanted, and unless the filter narrows them down or all are wanted, these
 * are the largest groups of the newest FEW dead letters.
 */
export async function countGroups(
  { db, hot, clock }: Reads,
  filter: DeliveryFilter,
  { live, first, wanted }: Asked,
  { few, manyGroups, walked, budget }: Bounds = BOUNDS,
): Promise<CountedGroup[]> {
  const soon = soonId(clock.now())
  const isWanted = wanted ?? (() => true)
  if (!(await areMore(db, filter, few)))
    return largestFirst((await addUp(db, filter, { live, newest: null })).filter(isWanted))
  const narrows = filter.endpointIds ?? filter.errorCodes ?? filter.statusCodes ?? filter.eventTypes
  const isBounded = first !== null && !narrows
  const most = wanted ? walked : manyGroups
  const found = await walkGroups(hot, filter, { live, soon, most: isBounded ? most + 1 : null })
  let keys: readonly GroupKey[] = found.filter(isWanted)
  if (isBounded && (found.length > most || keys.length > manyGroups))
    keys = largestFirst((await addUp(db, filter, { live, newest: few })).filter(isWanted)).slice(0, first)
  return largestFirst(await countEach(hot, filter, { keys, soon, budget }))
}

/**
 * Whether there are more dead letters than `few`, before causes and types are compared. What a filter asks that the index does not
 * hold is read: there are few of an event or a subject.
 */
async function areMore(db: Database, filter: DeliveryFilter, few: number): Promise<boolean> {
  const { eventId, subject, reasons, test, retried } = filter
  if ([eventId, subject, reasons, test, retried].some((asked) => asked !== null)) return false
  const { text, values } = deliveryCondition({ ...withoutKey(filter), endpointIds: filter.endpointIds })
  const [row] = await db.$queryRawUnsafe<{ found: number }[]>(
    `select count(*)::int as found from (select 1 from delivery d where ${text} limit ${few + 1}) f`,
    ...values,
  )
  return row!.found > few
}

/** What a filter asks beside the key of a group. */
function withoutKey(filter: DeliveryFilter): DeliveryFilter {
  return { ...filter, endpointIds: null, errorCodes: null, statusCodes: null, eventTypes: null }
}

/** Reads the dead letters of a filter, or only the `newest`, and adds them up. */
async function addUp(
  db: Database,
  filter: DeliveryFilter,
  { live, newest }: { live: boolean; newest: number | null },
): Promise<CountedGroup[]> {
  const { text, values } = deliveryCondition(filter, { unordered: true })
  const rows = await db.$queryRawUnsafe<Omit<CountedGroup, 'limit'>[]>(
    `select d.endpoint_id::text as "endpointId", d.last_error_code as "errorCode", d.last_status_code as "statusCode",
       d.event_type as "eventType", count(*)::int as found, min(d.created_at) as "oldestAt", max(d.created_at) as "newestAt"
     from (
       select d.endpoint_id, d.last_error_code, d.last_status_code, d.event_type, d.created_at
       from delivery d join endpoint p on p.id = d.endpoint_id
       where ${text} ${live ? 'and p.deleted_at is null' : ''} ${newest === null ? '' : `order by d.id desc limit ${newest}`}) d
     group by d.endpoint_id, d.last_error_code, d.last_status_code, d.event_type`,
    ...values,
  )
  return rows.map((row) => ({ ...row, limit: Number.POSITIVE_INFINITY }))
}

const DEAD_GROUP = `${DEAD_CAUSE}, d.event_type`
const GROUP = 'g.endpoint_id, g.error_code, g.status_code, g.event_type'

const WALK: Statement = {
  name: 'walk-dead-letters',
  text: `
  with recursive g(endpoint_id, error_code, status_code, event_type, place) as (
    (select ${DEAD_GROUP}, 1 from delivery d
     where d.tenant_id = $1::uuid and d.status = 'DEAD_LETTERED' and d.id < $2::uuid and d.endpoint_id between $3::uuid and $4::uuid
     order by ${DEAD_GROUP} limit 1)
    union all
    select next.*, g.place + 1 from g cross join lateral (
      select ${DEAD_GROUP} from delivery d
      where d.tenant_id = $1::uuid and d.status = 'DEAD_LETTERED' and d.id < $2::uuid and d.endpoint_id <= $4::uuid
        and (${DEAD_GROUP}) > (${GROUP})
      order by ${DEAD_GROUP} limit 1) next
    where $5::int is null or g.place < $5::int
  )
  select g.endpoint_id::text as "endpointId", nullif(g.error_code, '') as "errorCode", nullif(g.status_code, 0) as "statusCode",
    g.event_type as "eventType"
  from g join endpoint p on p.id = g.endpoint_id where not $6::boolean or p.deleted_at is null`,
}

/** Finds the groups that a filter names, at most `most` unless that is null. They need not have dead letters of the filter's time. */
async function walkGroups(
  hot: HotDatabase,
  { tenantId, endpointIds, errorCodes, statusCodes, eventTypes }: DeliveryFilter,
  { live, soon, most }: { live: boolean; soon: string; most: number | null },
): Promise<GroupKey[]> {
  const between = endpointIds ? [...endpointIds].sort() : [FIRST_ID, LAST_ID]
  const found = await hot.query<GroupKey>(WALK, [tenantId, soon, between[0], between.at(-1), most, live])
  const isAmong = <T>(wanted: readonly T[] | null, value: T | null) =>
    wanted === null || (value !== null && wanted.includes(value))
  return found.filter(
    (group) =>
      isAmong(endpointIds, group.endpointId) &&
      isAmong(errorCodes, group.errorCode) &&
      isAmong(statusCodes, group.statusCode) &&
      isAmong(eventTypes, group.eventType),
  )
}

const OF_GROUP = `delivery d
      where d.tenant_id = $1::uuid and d.status = 'DEAD_LETTERED' and (${DEAD_GROUP}) = (${GROUP})
        and d.id >= $2::uuid and d.id < $3::uuid and d.created_at >= $4::timestamptz and d.created_at < $5::timestamptz`

const COUNT: Statement = {
  name: 'count-dead-letters',
  text: `
    select counted.found, oldest.created_at as "oldestAt", newest.created_at as "newestAt"
    from unnest($6::uuid[], $7::text[], $8::int[], $9::text[])
      with ordinality as g(endpoint_id, error_code, status_code, event_type, place)
    cross join lateral (select count(*)::int as found from (select 1 from ${OF_GROUP} limit $10::int) f) counted
    left join lateral (select d.created_at from ${OF_GROUP} order by d.id limit 1) oldest on true
    left join lateral (select d.created_at from ${OF_GROUP} order by d.id desc limit 1) newest on true
    order by g.place`,
}

/** Counts the dead letters of a filter's time in each group, within a budget. Groups without any are left out. */
async function countEach(
  hot: HotDatabase,
  { tenantId, from, to }: DeliveryFilter,
  { keys, soon, budget }: { keys: readonly GroupKey[]; soon: string; budget: typeof BUDGET },
): Promise<CountedGroup[]> {
  const { gte = FIRST_ID, lt = soon } = idWindow(from, to)
  const counted = await countParts(keys.length, budget, (places, limit) => {
    const asked = places.map((place) => keys[place]!)
    return hot.query<Pick<CountedGroup, 'found' | 'oldestAt' | 'newestAt'>>(COUNT, [
      tenantId,
      gte,
      lt < soon ? lt : soon,
      from ?? '-infinity',
      to ?? 'infinity',
      asked.map(({ endpointId }) => endpointId),
      asked.map(({ errorCode }) => errorCode ?? ''),
      asked.map(({ statusCode }) => statusCode ?? 0),
      asked.map(({ eventType }) => eventType),
      limit,
    ])
  })
  return counted.map(({ row, limit }, place) => ({ ...keys[place]!, ...row, limit })).filter(({ found }) => found > 0)
}

function largestFirst(groups: readonly CountedGroup[]): CountedGroup[] {
  const named = ({ endpointId, eventType, errorCode, statusCode }: GroupKey) =>
    [endpointId, eventType, errorCode, statusCode].join(' ')
  return [...groups].sort(
    (a, b) => b.found - a.found || b.newestAt.getTime() - a.newestAt.getTime() || (named(a) < named(b) ? -1 : 1),
  )
}
