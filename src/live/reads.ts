// What the feed reads: the snapshot of now, and the rows that an earlier snapshot could not see. Both come from one
// statement, so no change is missed, whatever order transactions commit in. Reads must go to the primary.

import { createHash } from 'node:crypto'
import type { HotDatabase, Statement } from '../database/pools.ts'
import type { Delivery, Endpoint, Event } from '../generated/prisma/client.ts'
import { within } from '../waiting.ts'
import { parseSnapshot, type Snapshot } from './cursor.ts'

/** The columns that are read: a field's name, and what the statement selects for it. */
type Columns<Field extends string> = { readonly [Name in Field]: string }

const DELIVERY_COLUMNS = {
  id: 'd.id',
  tenantId: 'd.tenant_id',
  eventId: 'd.event_id',
  endpointId: 'd.endpoint_id',
  eventType: 'd.event_type',
  subject: 'd.subject',
  test: 'd.test',
  status: 'd.status',
  reason: 'd.reason',
  attemptCount: 'd.attempt_count',
  cycleStart: 'd.cycle_start',
  maxAttempts: 'd.max_attempts',
  manual: 'd.manual',
  resend: 'd.resend',
  nextAttemptAt: 'd.next_attempt_at',
  lastStatusCode: 'd.last_status_code',
  lastErrorCode: 'd.last_error_code',
  lastLatencyMs: 'd.last_latency_ms',
  createdAt: 'd.created_at',
  completedAt: 'd.completed_at',
} as const satisfies Partial<Columns<keyof Delivery>>

/** What a list of deliveries says of the endpoint. */
const ENDPOINT_OF_DELIVERY_COLUMNS = {
  name: 'p.name',
  url: 'p.url',
  status: 'p.status',
  deletedAt: 'p.deleted_at',
} as const satisfies Partial<Columns<keyof Endpoint>>

const EVENT_COLUMNS = {
  id: 'd.id',
  tenantId: 'd.tenant_id',
  type: 'd.type',
  subject: 'd.subject',
  sequence: 'd.sequence',
  sequenceLong: 'd.sequence_long',
  test: 'd.test',
  occurredAt: 'd.occurred_at',
  createdAt: 'd.created_at',
} as const satisfies Partial<Columns<keyof Event>>

const ENDPOINT_COLUMNS = { id: 'd.id', tenantId: 'd.tenant_id' } as const satisfies Partial<Columns<keyof Endpoint>>

const STAMP_COLUMN = { changedXid: 'd.changed_xid::text' } as const

type Stamped = {
  /** The transaction that changed the row last. */
  readonly changedXid: string
}

type EndpointOfDelivery = Pick<Endpoint, keyof typeof ENDPOINT_OF_DELIVERY_COLUMNS>

/** What is read of a delivery, and what a list of deliveries says of its event and its endpoint. */
export type ChangedDelivery = Pick<Delivery, keyof typeof DELIVERY_COLUMNS> &
  Stamped & {
    readonly event: Pick<Event, 'id' | 'type' | 'subject'>
    readonly endpoint: Pick<Endpoint, 'id'> & EndpointOfDelivery
  }

/** What is read of an event: everything but its body. */
export type ChangedEvent = Pick<Event, keyof typeof EVENT_COLUMNS> & Stamped

/** What is read of an endpoint. */
export type ChangedEndpoint = Pick<Endpoint, keyof typeof ENDPOINT_COLUMNS> & Stamped

export type ChangedRow = { delivery: ChangedDelivery; event: ChangedEvent; endpoint: ChangedEndpoint }
export type ChangeKind = keyof ChangedRow

/** A moment of one database: `origin` names the database and its timeline. */
export type Moment = { readonly origin: string; readonly snapshot: Snapshot }

export type Changes<Row> = Moment & { readonly byTenant: ReadonlyMap<string, readonly Row[]> }

/** The reads of one kind of row. Both reject when the database does not answer within 8 s. */
export type ChangeReads<Row> = {
  /** The snapshot of now. */
  now(): Promise<Moment>
  /** The rows of these tenants that changed after a snapshot, at most `limit` of each tenant, and the snapshot of now. */
  changedSince(tenantIds: readonly string[], since: Snapshot, limit: number): Promise<Changes<Row>>
}

const ANSWER_WITHIN_MS = 8_000

const selected = (columns: Readonly<Record<string, string>>) =>
  Object.entries({ ...columns, ...STAMP_COLUMN })
    .map(([name, column]) => `${column} as "${name}"`)
    .join(', ')

const prefixed = <Name extends string>(prefix: string, columns: Columns<Name>) =>
  Object.fromEntries(Object.entries<string>(columns).map(([name, column]) => [prefix + name, column]))

// Which run of which server answers. A crash of one session starts all others again without a new postmaster; what was
// counted until then is forgotten with it, and the time of that forgetting tells.
const SERVER = `concat(pg_postmaster_start_time(), ' ', pg_stat_get_checkpointer_stat_reset_time())`

// `$2` is the snapshot's xmax, `$3` what was in progress. Two branches, so that each is one walk of the index on
// (tenant_id, changed_xid); asking for its order keeps the planner from other indexes. The upper end keeps out stamps
// that came with a restored dump and lie in the future.
const changedSince = (columns: string, rows: string) => `
  select pg_current_snapshot()::text as snapshot, ${SERVER} as server, changed.*
  from (select) as once left join lateral (
    select found.* from unnest($1::uuid[]) as tenant (id) cross join lateral (
      (select ${columns} from ${rows} where d.tenant_id = tenant.id
         and d.changed_xid >= $2::xid8 and d.changed_xid < pg_snapshot_xmax(pg_current_snapshot())
       order by d.changed_xid limit $4::int)
      union all
      (select ${columns} from ${rows} where d.tenant_id = tenant.id and d.changed_xid = any($3::xid8[]))
      limit $4::int
    ) as found
  ) as changed on true`

const OF_ENDPOINT = 'endpoint.'

/** Values: tenants, the snapshot's xmax, what was in progress then, and the most rows of each tenant. */
export const CHANGED_SINCE: Record<ChangeKind, Statement> = {
  delivery: {
    name: 'live_deliveries',
    text: changedSince(
      selected({ ...DELIVERY_COLUMNS, ...prefixed(OF_ENDPOINT, ENDPOINT_OF_DELIVERY_COLUMNS) }),
      'delivery d join endpoint p on p.id = d.endpoint_id',
    ),
  },
  event: { name: 'live_events', text: changedSince(selected(EVENT_COLUMNS), 'event d') },
  endpoint: { name: 'live_endpoints', text: changedSince(selected(ENDPOINT_COLUMNS), 'endpoint d') },
}

const NOW: Statement = {
  name: 'live_now',
  text: `select pg_current_snapshot()::text as snapshot, ${SERVER} as server`,
}

// A snapshot means something to the server that made it, and for as long as that runs: after a failover, a crash or a restore
// the numbers of transactions are given out again.
const ORIGIN: Statement = {
  name: 'live_origin',
  text: `select ${SERVER} as server,
    concat_ws(':', (select system_identifier from pg_control_system()),
      (select oid from pg_database where datname = current_database()),
      left(pg_walfile_name(pg_current_wal_insert_lsn()), 8), ${SERVER}) as origin`,
}

type DeliveryRow = Pick<Delivery, keyof typeof DELIVERY_COLUMNS> &
  Stamped & { [Name in keyof EndpointOfDelivery as `${typeof OF_ENDPOINT}${Name}`]: EndpointOfDelivery[Name] }

function withRelated(row: DeliveryRow): ChangedDelivery {
  const {
    'endpoint.name': name,
    'endpoint.url': url,
    'endpoint.status': status,
    'endpoint.deletedAt': deletedAt,
    ...delivery
  } = row
  return {
    ...delivery,
    event: { id: delivery.eventId, type: delivery.eventType, subject: delivery.subject },
    endpoint: { id: delivery.endpointId, name, url, status, deletedAt },
  }
}

/** The reads of every kind, on one connection pool. */
export function openReads(hot: Pick<HotDatabase, 'query'>): { [Kind in ChangeKind]: ChangeReads<ChangedRow[Kind]> } {
  const ask = createAsking(hot)

  /** `Row` is what the kind's statement selects. */
  const readsOf = <Row extends { id: string; tenantId: string }, Changed>(
    kind: ChangeKind,
    shape: (row: Row) => Changed,
  ): ChangeReads<Changed> => ({
    async now() {
      const { origin, snapshot } = await ask(NOW, [])
      return { origin, snapshot }
    },
    async changedSince(tenantIds, since, limit) {
      const values = [tenantIds, since.xmax.toString(), since.xip.map(String), limit]
      // Without a change there is one row of the snapshot alone.
      const { origin, snapshot, rows } = await ask<Row | { id: null }>(CHANGED_SINCE[kind], values)
      const byTenant = new Map<string, Changed[]>()
      for (const { snapshot: _snapshot, server: _server, ...rest } of rows) {
        const row = rest as Row | { id: null }
        if (row.id === null) continue
        const changed = shape(row)
        const ofTenant = byTenant.get(row.tenantId)
        if (ofTenant) ofTenant.push(changed)
        else byTenant.set(row.tenantId, [changed])
      }
      return { origin, snapshot, byTenant }
    },
  })

  const asItIs = <Row>(row: Row) => row
  return {
    delivery: readsOf<DeliveryRow, ChangedDelivery>('delivery', withRelated),
    event: readsOf<ChangedEvent, ChangedEvent>('event', asItIs),
    endpoint: readsOf<ChangedEndpoint, ChangedEndpoint>('endpoint', asItIs),
  }
}

/** Asks one statement, and says of which database and at which snapshot it was answered. */
function createAsking(hot: Pick<HotDatabase, 'query'>) {
  let known: { server: string; origin: string } | null = null

  const identify = async () => {
    const [row] = await within(ANSWER_WITHIN_MS, hot.query<{ server: string; origin: string }>(ORIGIN, []))
    if (!row) throw new Error('Expected one row that names the database, got none.')
    const origin = createHash('sha256').update(row.origin).digest().subarray(0, 12).toString('base64url')
    known = { server: row.server, origin }
    return known
  }

  return async <Row>(statement: Statement, values: unknown[]) => {
    const { server, origin } = known ?? (await identify())
    try {
      const rows = await within(
        ANSWER_WITHIN_MS,
        hot.query<Row & { snapshot: string; server: string }>(statement, values),
      )
      const [first] = rows
      if (!first) throw new Error('Expected a snapshot from the database, got no row.')
      if (first.server !== server) throw new Error('The database server was restarted or is another one.')
      return { origin, rows, snapshot: parseSnapshot(first.snapshot) }
    } catch (error) {
      known = null
      throw error
    }
  }
}
