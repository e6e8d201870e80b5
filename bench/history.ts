// Fills the tables by SQL, with a history of finished deliveries or with a backlog of waiting ones. The ids are UUIDv7 of the
// times in the history, so the rows lie in the partitions and in the order of real use.

import { makePartitions } from '../src/database/partitions.ts'
import type { House } from './house.ts'

const WEEK_MS = 7 * 86_400_000
const HISTORY_WEEKS = 4
const CHUNK = 100_000

/** Makes the partitions of empty tables again, so that they begin some weeks ago. */
export async function partitionsSince(house: House, weeksAgo: number): Promise<void> {
  const partitions = await house.query<{ name: string }>(
    `select inhrelid::regclass::text as name from pg_inherits
     where inhparent = any (array['event', 'delivery', 'attempt']::regclass[])`,
  )
  for (const { name } of partitions) await house.query(`drop table ${name}`)
  const past = new Date(Date.now() - weeksAgo * WEEK_MS)
  const client = await house.connect()
  // It queries the time once, and the partitions of each table once.
  await makePartitions({
    query: ((text: string, values?: unknown[]) =>
      text === 'select now() as now'
        ? Promise.resolve({ rows: [{ now: past }] })
        : client.query(text, values)) as never,
  })
  await client.end()
}

export type History = {
  readonly tenantUuid: string
  readonly endpointUuids: readonly string[]
}

/**
 * Adds finished deliveries, two of each event, spread over the last weeks up to an hour ago: one in fifty was retried,
 * one in five hundred is a dead letter. `from` and `to` are numbers of deliveries, so that a history may grow.
 */
export async function addHistory(
  house: House,
  { tenantUuid, endpointUuids }: History,
  from: number,
  to: number,
): Promise<void> {
  const spanMs = HISTORY_WEEKS * WEEK_MS - 3_600_000
  for (let at = from; at < to; at += CHUNK) {
    const until = Math.min(to, at + CHUNK)
    house.tell(`history: ${at} of ${to} deliveries`)
    await house.query(ADD_HISTORY, [tenantUuid, endpointUuids, at / 2, until / 2 - 1, spanMs, Math.max(to, 1) / 2])
  }
  await house.query('vacuum (analyze) event')
  await house.query('vacuum (analyze) delivery')
  await house.query('vacuum (analyze) attempt')
}

// A history that grows is filled in its middle later than at its ends, unlike in real use. The order of ids is right.
const ADD_HISTORY = `
  with made as (
    select uuidv7(((n / $6::float8 - 1) * $5::float8 - 3600000) * interval '1 ms') as id,
      now() + ((n / $6::float8 - 1) * $5::float8 - 3600000) * interval '1 ms' as at, n
    from generate_series($3::bigint, $4::bigint) as n
  ), event_rows as (
    insert into event (id, tenant_id, type, subject, sequence, occurred_at, created_at, body)
    select id, $1::uuid, 'call.created', 'call ' || n / 5, (n % 5)::int, at, at, '{"data":' || n || '}' from made
  ), delivery_rows as (
    insert into delivery (id, tenant_id, event_id, endpoint_id, event_type, subject, status, reason, attempt_count,
      max_attempts, next_attempt_at, last_status_code, last_error_code, last_latency_ms, created_at, completed_at)
    select uuidv7(m.at - now()), $1::uuid, m.id, ($2::uuid[])[1 + (m.n * 2 + k) % cardinality($2::uuid[])], 'call.created',
      'call ' || m.n / 5, (case when m.n % 500 = 7 then 'DEAD_LETTERED' else 'SUCCEEDED' end)::delivery_status,
      case when m.n % 500 = 7 then 'exhausted' end, case when m.n % 500 = 7 then 7 when m.n % 50 = 3 then 2 else 1 end,
      7, null, case when m.n % 500 = 7 then 503 else 200 end, case when m.n % 500 = 7 then 'http_503' end, 20, m.at, m.at
    from made m cross join generate_series(0, 1) as k
    returning id, tenant_id, endpoint_id, created_at
  )
  insert into attempt (id, delivery_id, tenant_id, endpoint_id, number, trigger, started_at, latency_ms, url, status_code,
    request_headers, response_headers, total_ms)
  select uuidv7(created_at - now()), id, tenant_id, endpoint_id, 1, 'INITIAL', created_at, 20, 'https://receiver.test/', 200,
    '[["content-type","application/json"]]', '[["content-length","2"]]', 20
  from delivery_rows`

/** Adds deliveries that are due now, one for each event, to these endpoints in turn. */
export async function addBacklog(house: House, { tenantUuid, endpointUuids }: History, count: number): Promise<void> {
  for (let at = 0; at < count; at += CHUNK) {
    house.tell(`backlog: ${at} of ${count} deliveries`)
    await house.query(ADD_BACKLOG, [tenantUuid, endpointUuids, at, Math.min(count, at + CHUNK) - 1])
  }
  await house.query('vacuum (analyze) event')
  await house.query('vacuum (analyze) delivery')
}

const ADD_BACKLOG = `
  with made as (
    select uuidv7() as id, n from generate_series($3::bigint, $4::bigint) as n
  ), event_rows as (
    insert into event (id, tenant_id, type, occurred_at, body)
    select id, $1::uuid, 'call.created', now(), '{"data":{"n":' || n || ',"padding":"' || repeat('x', 900) || '"}}' from made
  )
  insert into delivery (tenant_id, event_id, endpoint_id, event_type, max_attempts, next_attempt_at)
  select $1::uuid, id, ($2::uuid[])[1 + n % cardinality($2::uuid[])], 'call.created', 7, now() from made`
