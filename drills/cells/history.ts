// What a large tenant has before it moves: events that were delivered at the first attempt, or that failed once and wait for the next
// one, each with an idempotency key. They are written straight into the tables, 200 in a transaction, as publishers in batches would
// have left them.

import pg from 'pg'
import { fromPublicId } from '../../src/domain/values/id.ts'

export type History = {
  readonly tenantId: string
  readonly endpointId: string
  readonly deliveries: number
  readonly wait: boolean
}

const AT_ONCE = 200

/** `tenantId` and `endpointId` are public ids. What waits is due in an hour. */
export async function writeHistory(
  databaseUrl: string,
  { tenantId, endpointId, deliveries, wait }: History,
): Promise<void> {
  const tenant = fromPublicId('tenant', tenantId)
  const endpoint = fromPublicId('endpoint', endpointId)
  const client = new pg.Client({ connectionString: databaseUrl })
  await client.connect()
  try {
    for (let from = 1; from <= deliveries; from += AT_ONCE)
      await client.query(WRITE, [tenant, endpoint, from, Math.min(from + AT_ONCE - 1, deliveries), wait])
    await client.query('analyze event, delivery, attempt, idempotency_key')
  } finally {
    await client.end()
  }
}

const WRITE = `
  with n as materialized (select number, uuidv7() as event_id, uuidv7() as id from generate_series($3::int, $4::int) number),
  events as (
    insert into event (id, tenant_id, type, subject, sequence, occurred_at, body)
    select event_id, $1::uuid, 'call.ended', 'call_' || number, number, now(), jsonb_build_object('data', repeat('x', 500)) from n
  ), keys as (
    insert into idempotency_key (tenant_id, key, event_id, fingerprint)
    select $1::uuid, 'history-' || number, event_id, sha256(number::text::bytea) from n
  ), attempts as (
    insert into attempt (delivery_id, tenant_id, endpoint_id, number, trigger, started_at, latency_ms, url, status_code, error_code,
      request_headers, response_headers, total_ms)
    select id, $1::uuid, $2::uuid, 1, 'INITIAL', now(), 20, 'https://localhost/', case when $5 then 503 else 204 end,
      case when $5 then 'http_status' end, '[]', '[]', 20 from n
  )
  insert into delivery (id, tenant_id, event_id, endpoint_id, event_type, subject, status, attempt_count, max_attempts,
    last_status_code, last_error_code, last_latency_ms, next_attempt_at, completed_at)
  select id, $1::uuid, event_id, $2::uuid, 'call.ended', 'call_' || number,
    case when $5::bool then 'PENDING' else 'SUCCEEDED' end::delivery_status, 1, 7,
    case when $5 then 503 else 204 end, case when $5 then 'http_status' end, 20,
    case when $5 then date_trunc('milliseconds', now()) + interval '1 h' end, case when not $5 then now() end from n`
