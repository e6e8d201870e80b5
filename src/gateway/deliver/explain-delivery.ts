// Reads what an explanation of a delivery needs: the event, the endpoint, the delivery of one to the other, and what stands
// before it. What the endpoint wanted when the event was accepted follows from the audit entries of its later changes.

import type { Context } from '../../context.ts'
import { smallestIdAt } from '../../database/filters/id-window.ts'
import { meetsCondition, valuesAt } from '../../database/filters/wanted-events.ts'
import { isHeld } from '../../database/leases.ts'
import { type Reach, withinReach } from '../../domain/access/viewer.ts'
import {
  type Evaluation,
  type ExplainedDelivery,
  type ExplainedEndpoint,
  type ExplainedEvent,
  type Explanation,
  explainOtherTenant,
  explainSent,
  explainUnsent,
  type Filter,
  type UnsentFacts,
  type Waiting,
} from '../../domain/delivery/explanation.ts'
import { conditionPaths } from '../../domain/endpoint/condition.ts'
import { includesType } from '../../domain/endpoint/event-filter.ts'
import { probeEveryMs } from '../../domain/health/endpoint-health.ts'
import { COUNT_LIMIT, type Count, countOf } from '../../domain/values/count.ts'
import { toPublicId } from '../../domain/values/id.ts'
import type { Delivery, Endpoint, EndpointHealth, Event } from '../../generated/prisma/client.ts'

/** `deliveryId` null: the event has no delivery to the endpoint. `evaluated`: what the condition found in the event. */
export type ExplainedDeliveryOf = Explanation & {
  readonly deliveryId: string | null
  readonly evaluated: Evaluation['paths']
}

type Read = Pick<Context, 'db' | 'clock' | 'config'>
type EndpointWithHealth = Endpoint & { readonly health: EndpointHealth | null }

/**
 * Explains the delivery of an event to an endpoint. Returns null if either is unknown or out of reach. `namesHosts`: a process
 * is named with its host.
 */
export async function explainDelivery(
  ctx: Read,
  { eventId, endpointId, reach }: { eventId: string; endpointId: string; reach: Reach },
  { namesHosts }: { namesHosts: boolean },
): Promise<ExplainedDeliveryOf | null> {
  const within = withinReach(reach)
  const [event, endpoint, delivery] = await Promise.all([
    ctx.db.event.findFirst({ where: { id: eventId, ...within } }),
    ctx.db.endpoint.findFirst({ where: { id: endpointId, ...within }, include: { health: true } }),
    ctx.db.delivery.findFirst({ where: { eventId, endpointId, ...within } }),
  ])
  if (!endpoint) return null
  if (delivery) {
    const facts = await readSent(ctx, delivery, endpoint, namesHosts)
    return { ...explainSent(facts, endpoint, ctx.clock.now()), deliveryId: delivery.id, evaluated: [] }
  }
  if (!event) return null
  if (event.tenantId !== endpoint.tenantId) return { ...explainOtherTenant(), deliveryId: null, evaluated: [] }
  const facts = await readUnsent(ctx, event, endpoint)
  return {
    ...explainUnsent(explained(event), endpoint, facts),
    deliveryId: null,
    evaluated: facts.evaluation?.paths ?? [],
  }
}

function explained({ type, test, createdAt }: Event): ExplainedEvent {
  return { type, test, acceptedAt: createdAt }
}

async function readSent(
  ctx: Read,
  delivery: Delivery,
  endpoint: EndpointWithHealth,
  namesHosts: boolean,
): Promise<{ delivery: ExplainedDelivery; waiting: Waiting | null }> {
  const worker = delivery.leaseToken === null ? null : await readHolder(ctx, delivery.id, namesHosts)
  const isDue = delivery.status === 'PENDING' && worker === null && (delivery.nextAttemptAt ?? 0) <= ctx.clock.now()
  const aheadInLine = delivery.reason === 'waits_for_subject' ? await countAheadInLine(ctx, delivery) : null
  return {
    delivery: { ...delivery, worker, aheadInLine },
    waiting: isDue ? await readWaiting(ctx, delivery, endpoint) : null,
  }
}

async function readHolder({ db }: Read, deliveryId: string, namesHosts: boolean): Promise<string | null> {
  const [holder] = await db.$queryRawUnsafe<{ id: string; host: string | null }[]>(
    `select d.lease_by::text as id, w.host from delivery d left join worker_process w on w.id = d.lease_by
      where d.id = $1::uuid and ${isHeld('d')}`,
    deliveryId,
  )
  if (!holder) return null
  return namesHosts && holder.host ? `process ${holder.id} on ${holder.host}` : `process ${holder.id}`
}

async function countAheadInLine({ db }: Read, delivery: Delivery): Promise<Count> {
  const [row] = await db.$queryRawUnsafe<{ found: number }[]>(
    `select count(*)::int as found from (
      select 1 from delivery where endpoint_id = $1::uuid and subject = $2 and line_position is not null
        and next_attempt_at is not null and coalesce(holds_line_until > now(), true)
      union all
      select 1 from delivery where endpoint_id = $1::uuid and subject = $2 and reason = 'waits_for_subject'
        and (line_position, event_id) < ($3::float8, $4::uuid)
      limit ${COUNT_LIMIT + 1}) before`,
    delivery.endpointId,
    delivery.subject,
    delivery.linePosition,
    delivery.eventId,
  )
  return countOf(row!.found)
}

// What is due before this delivery, along the index that claims walk.
const WAITING = `
  select count(*) filter (where not held)::int as ahead, count(*) filter (where held)::int as "inFlight",
    (select count(*)::int from delivery d where d.endpoint_id = $1::uuid and d.gated and ${isHeld('d')}) as gated,
    (select count(*)::int from worker_process
      where died_at is null and role <> 'api' and beat_at > now() - interval '10 s') as workers,
    (select tat from endpoint_gate where endpoint_id = $1::uuid) as "gateOpensAt",
    (select paced_until from endpoint_gate where endpoint_id = $1::uuid) as "pacedUntil"
  from (
    select coalesce(${isHeld('d')}, false) as held from delivery d
    where d.endpoint_id = $1::uuid and d.test = $2 and d.status = 'PENDING'
      and (d.next_attempt_at, d.id) < ($3::timestamptz, $4::uuid)
    limit ${COUNT_LIMIT + 1}) before`

async function readWaiting({ db, config }: Read, delivery: Delivery, endpoint: EndpointWithHealth): Promise<Waiting> {
  type Row = {
    ahead: number
    inFlight: number
    gated: number
    workers: number
    gateOpensAt: Date | null
    pacedUntil: Date | null
  }
  const [row] = await db.$queryRawUnsafe<Row[]>(
    WAITING,
    endpoint.id,
    delivery.test,
    delivery.nextAttemptAt,
    delivery.id,
  )
  const { ahead, inFlight, gated, workers, gateOpensAt, pacedUntil } = row!
  const { health } = endpoint
  return {
    ahead: countOf(ahead),
    inFlight: Math.max(inFlight, gated),
    workers,
    isFailing: health?.state === 'FAILING',
    failingSince: health?.failingSince ?? null,
    pacedUntil,
    gateOpensAt,
    probeEveryMs: probeEveryMs(config.retrySchedule),
  }
}

async function readUnsent({ db }: Read, event: Event, endpoint: EndpointWithHealth): Promise<UnsentFacts> {
  const { filter, changedAt } = await readFilterAt(db, endpoint, event.createdAt)
  const existed =
    endpoint.createdAt <= event.createdAt && !(endpoint.deletedAt && endpoint.deletedAt <= event.createdAt)
  const wantsType = includesType(filter.eventTypes, event.type)
  const isAsked = filter.condition !== null && wantsType && existed && !event.test
  return {
    filter,
    filterChangedAt: changedAt,
    evaluation: isAsked ? await evaluate(db, filter.condition!, event) : null,
  }
}

/** The filter at a time: the present one, with the changes since then taken back. `changedAt`: the first of those changes. */
async function readFilterAt(
  db: Read['db'],
  endpoint: ExplainedEndpoint & Filter & Pick<Endpoint, 'id' | 'tenantId'>,
  time: Date,
): Promise<{ filter: Filter; changedAt: Date | null }> {
  const changes = await db.auditEntry.findMany({
    where: {
      tenantId: endpoint.tenantId,
      id: { gte: smallestIdAt(time.getTime()) },
      at: { gt: time },
      targetId: toPublicId('endpoint', endpoint.id),
      action: 'endpoint.updated',
    },
    orderBy: { id: 'desc' },
    select: { at: true, details: true },
  })
  let filter: Filter = { eventTypes: endpoint.eventTypes, condition: endpoint.condition }
  let changedAt: Date | null = null
  for (const { at, details } of changes) {
    const { before = {} } = details as {
      before?: { eventTypes?: readonly string[] | 'all'; condition?: string | null }
    }
    if (before.eventTypes === undefined && before.condition === undefined) continue
    changedAt = at
    const { eventTypes, condition } = before
    filter = {
      eventTypes: eventTypes === undefined ? filter.eventTypes : eventTypes === 'all' ? [] : eventTypes,
      condition: condition === undefined ? filter.condition : condition,
    }
  }
  return { filter, changedAt }
}

const VERDICT = `
  select ($1::text)::jsonpath::text as canonical,
    case ${meetsCondition('$1::text', '$2::text')} when true then 'met' when false then 'not-met' else 'failed' end as verdict`
const VALUES = `select p.path, ${valuesAt('p.path', '$1::text')}::text as found from unnest($2::text[]) with ordinality as p (path, place) order by place`

const MOST_VALUES = 5
const LONGEST_VALUE = 200

async function evaluate(db: Read['db'], condition: string, { body }: Event): Promise<Evaluation> {
  if (body === null) return { verdict: 'unknown', paths: [] }
  const [row] = await db.$queryRawUnsafe<{ canonical: string; verdict: 'met' | 'not-met' | 'failed' }[]>(
    VERDICT,
    condition,
    body,
  )
  const { canonical, verdict } = row!
  const found = await db.$queryRawUnsafe<{ path: string; found: string }[]>(VALUES, body, conditionPaths(canonical))
  return {
    verdict,
    paths: found.map(({ path, found }) => ({
      path,
      values: (JSON.parse(found) as unknown[]).slice(0, MOST_VALUES).map((value) => shortened(JSON.stringify(value))),
    })),
  }
}

function shortened(json: string): string {
  return json.length > LONGEST_VALUE ? `${json.slice(0, LONGEST_VALUE)}…` : json
}
