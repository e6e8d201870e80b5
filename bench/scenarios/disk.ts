// The disk that deliveries take, in GB per million: each of two endpoints gets every event, single publishes store the events,
// and each delivery succeeds at its first attempt. Autovacuum cleans a table when a fifth of its rows are dead, and later rows fill
// the room; the rounds do the same in a run of a minute. At the end the indexes are packed, as retention does a day after the week.

import { listUnpacked, packIndex } from '../../src/database/pack-partition.ts'
import { listPartitions } from '../../src/database/partitions.ts'
import { PACKED_TABLES } from '../../src/gateway/retention/pack-partitions.ts'
import { delay } from '../clock.ts'
import type { House } from '../house.ts'
import type { Scenario } from '../scenario.ts'

const FAN_OUT = 2
const ROUNDS = 10
/** What the goal is for. The index of the search grows with the content of events, not with deliveries. */
const TABLES = ['event', 'delivery', 'attempt'] as const
const MEASURED = [...TABLES, 'search_segment'] as const
const GOAL_GB = 1.3
/** Smaller relations are not told. */
const TOLD_BYTES = 100_000
const PACK_WITHIN_MS = 600_000

export const disk: Scenario = async (house, note) => {
  await house.startGateway({ workers: 0 })
  const publisher = await house.openPublisher()
  const { deliveries } = house.options
  const empty = await sizesOf(house)
  const kinds = [
    { name: 'replies with few headers', path: '/count' },
    { name: 'replies with the headers of a usual server', path: '/usual' },
  ]
  const noteSizes = (name: string, grown: readonly Relation[], of: number, details: object) => {
    const gbPerMillion = (table: string) => sum(grown.filter((each) => each.table === table)) / of / 1_000
    note({
      scenario: 'disk',
      name,
      value: TABLES.reduce((total, table) => total + gbPerMillion(table), 0),
      unit: 'GB per million deliveries',
      goal: { atMost: GOAL_GB },
      details: {
        deliveries: of,
        ...Object.fromEntries(MEASURED.map((table) => [table, gbPerMillion(table)])),
        ...details,
      },
    })
    for (const { relation, bytes } of grown.toSorted((a, b) => b.bytes - a.bytes))
      if (bytes > TOLD_BYTES) house.tell(`${relation}: ${Math.round(bytes / of)} bytes for each delivery`)
  }
  for (const { name, path } of kinds) {
    const { id } = await house.openTenant(name, [`${path}/a`, `${path}/b`])
    const before = await sizesOf(house)
    const began = house.usage()
    const input = { tenantIds: [id], bodyBytes: 0, eventsPerCall: 1, parallel: 16, ofCalls: true }
    const count = deliveries / FAN_OUT / ROUNDS
    for (let round = 0; round < ROUNDS; round++) {
      await publisher.ask('publish', { ...input, count, publishedBefore: round * count })
      await untilDelivered(house)
      for (const table of MEASURED) await house.query(`vacuum ${table}`)
    }
    const ended = house.usage()
    const grown = grownBy(before, await sizesOf(house))
    house.tell(await updatesInPlace(house))
    noteSizes(name, grown, deliveries, {
      bodyBytes: await bodyBytesOf(house, id),
      postgresMicros: ((ended.postgres - began.postgres) * 1_000) / deliveries,
      gatewayMicros: ((ended.gateway - began.gateway) * 1_000) / deliveries,
    })
  }
  const began = house.usage()
  await pack(house)
  noteSizes('both, a day after their week', grownBy(empty, await sizesOf(house)), deliveries * kinds.length, {
    postgresMicros: ((house.usage().postgres - began.postgres) * 1_000) / deliveries / kinds.length,
  })
}

/** Packs everything, as retention packs weeks that are over. */
async function pack(house: House): Promise<void> {
  const client = await house.connect()
  const names: string[] = []
  for (const table of PACKED_TABLES) for (const { name } of await listPartitions(client, table)) names.push(name)
  for (const index of await listUnpacked(client, names, TOLD_BYTES)) await packIndex(client, index, PACK_WITHIN_MS)
}

/** The share of updates of deliveries that needed no new entries in the indexes (HOT). */
async function updatesInPlace(house: House): Promise<string> {
  const [row] = await house.query<{ line: string }>(
    `select format('%s %% of %s updates of deliveries were made in place', round(100.0 * sum(n_tup_hot_upd) / nullif(sum(n_tup_upd), 0)),
       sum(n_tup_upd)) as line from pg_stat_user_tables where relname like 'delivery_until%'`,
  )
  return row!.line
}

async function untilDelivered(house: House): Promise<void> {
  for (;;) {
    const [waiting] = await house.query(
      `(select 1 from delivery where status = 'PENDING' limit 1) union all (select 1 from search_backlog limit 1)`,
    )
    if (!waiting) return
    await delay(200)
  }
}

/** A table, the part of it that holds long values, or one of its indexes; those of all partitions together. */
type Relation = { readonly table: string; readonly relation: string; readonly bytes: number }

// The index of a partition goes by the name of the index that it is a part of.
const SIZES = `
  with heap as (
    select i.inhparent::regclass::text as "table", c.oid, c.reltoastrelid as toast,
      coalesce(pg_total_relation_size(nullif(c.reltoastrelid, 0)), 0) as toasted
    from pg_inherits i join pg_class c on c.oid = i.inhrelid where i.inhparent = any ($1::text[]::regclass[])
    union all
    select c.oid::regclass::text, c.oid, c.reltoastrelid, coalesce(pg_total_relation_size(nullif(c.reltoastrelid, 0)), 0)
    from pg_class c where c.oid = any ($1::text[]::regclass[]) and c.relkind = 'r'
  ), relation as (
    select "table", 'rows of ' || "table" as relation, pg_table_size(oid) - toasted as bytes from heap
    union all
    select "table", 'long values of ' || "table", toasted from heap
    union all
    select "table", coalesce(p.inhparent, x.indexrelid)::regclass::text, pg_relation_size(x.indexrelid)
    from heap join pg_index x on x.indrelid = heap.oid left join pg_inherits p on p.inhrelid = x.indexrelid
  )
  select "table", relation, sum(bytes)::float8 as bytes from relation group by 1, 2`

function sizesOf(house: House): Promise<Relation[]> {
  return house.query<Relation>(SIZES, [MEASURED])
}

function grownBy(before: readonly Relation[], after: readonly Relation[]): Relation[] {
  const was = new Map(before.map(({ relation, bytes }) => [relation, bytes]))
  return after.map((each) => ({ ...each, bytes: each.bytes - (was.get(each.relation) ?? 0) }))
}

function sum(relations: readonly Relation[]): number {
  return relations.reduce((total, { bytes }) => total + bytes, 0)
}

async function bodyBytesOf(house: House, tenantId: string): Promise<number> {
  const [row] = await house.query<{ bytes: number }>(
    `select octet_length(body) as bytes from event where strpos(body, $1) > 0 limit 1`,
    [tenantId],
  )
  return row!.bytes
}
