// Stores the events that the gateway itself publishes, in the caller's transaction, with their deliveries and wake-ups. They go
// to the endpoints of the tenant whose filters name their types, and never to the endpoint that they are about. An event
// that no endpoint wants is not stored.

import type { Context } from '../../context.ts'
import { meetsConditionInTime } from '../../database/filters/wanted-events.ts'
import type { Queryable, Statement } from '../../database/pools.ts'
import { askForWakeUps } from '../../database/queue.ts'
import { recordset, text, timestamptz, uuid } from '../../database/recordset.ts'
import { queueForSearch } from '../../database/search-index.ts'
import { attemptsPerCycle } from '../../domain/delivery.ts'
import { buildEnvelope } from '../../domain/event/envelope.ts'
import { toPublicId } from '../../domain/values/id.ts'

const INPUT = recordset('i', {
  id: uuid,
  tenant_id: uuid,
  endpoint_id: uuid,
  type: text,
  subject: text,
  occurred_at: timestamptz,
  body: text,
})

const STORE: Statement = {
  name: 'store-operational-events',
  text: `
    with wanted as (
      select i.*, e.id as wanted_by, e.status = 'ACTIVE' as awake
      from ${INPUT.source}
      join endpoint e on e.tenant_id = i.tenant_id and e.deleted_at is null and e.id <> i.endpoint_id
        and i.type = any (e.event_types) and ${meetsConditionInTime('i.body', 'statement_timestamp()')}
    ), stored as (
      insert into event (id, tenant_id, type, subject, occurred_at, body)
      select distinct id, tenant_id, type, subject, occurred_at, body from wanted
      returning id
    ), searchable as (
      ${queueForSearch('stored')}
    ), fanned as (
      insert into delivery (tenant_id, event_id, endpoint_id, event_type, subject, max_attempts, next_attempt_at)
      select tenant_id, id, wanted_by, type, subject, $${INPUT.width + 1}::int, date_trunc('milliseconds', now()) from wanted
      returning id
    ), woken as (
      ${askForWakeUps('(select distinct wanted_by, tenant_id from wanted where awake) w', { endpointId: 'w.wanted_by', tenantId: 'w.tenant_id' })}
    )
    select (select count(*) from fanned)::int as count from woken where woken.count >= 0`,
}

/** An event about an endpoint. `data` is what the catalogue says of its type. */
export type OperationalEvent = {
  readonly tenantId: string
  readonly endpointId: string
  readonly type: string
  readonly occurredAt: Date
  readonly data: Record<string, unknown>
}

/** Returns the number of deliveries. */
export async function storeOperationalEvents(
  { newId, config }: Pick<Context, 'newId' | 'config'>,
  tx: Queryable,
  events: readonly OperationalEvent[],
): Promise<number> {
  if (events.length === 0) return 0
  const rows = events.map(({ tenantId, endpointId, type, occurredAt, data }) => {
    const id = newId()
    const subject = toPublicId('endpoint', endpointId)
    const body = buildEnvelope({
      id: toPublicId('event', id),
      type,
      timestamp: occurredAt,
      tenantId: toPublicId('tenant', tenantId),
      test: false,
      subject,
      sequence: null,
      data,
    })
    return { id, tenant_id: tenantId, endpoint_id: endpointId, type, subject, occurred_at: occurredAt, body }
  })
  const [row] = await tx.query<{ count: number }>(STORE, [
    ...INPUT.values(rows),
    attemptsPerCycle(config.retrySchedule),
  ])
  return row!.count
}
