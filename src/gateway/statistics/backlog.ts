// What waits and what is stuck, over all tenants, for the metrics. Its cost is bounded: one look in an index for each
// endpoint, and counts that stop at a limit.

import { oldestWakeUp } from '../../database/lines.ts'
import type { HotDatabase, Statement } from '../../database/pools.ts'

export type Backlog = {
  /** For how long the delivery that has waited longest has been due, seconds; 0: none is due. Endpoints that are held, fail or asked to wait do not count. */
  readonly oldestDueSeconds: number
  /** Deliveries of the same endpoints that are due now, at most `COUNT_LIMIT`. */
  readonly due: number
  /** Dead letters that are kept, at most `COUNT_LIMIT`. */
  readonly deadLetters: number
  readonly pausedEndpoints: number
  readonly disabledEndpoints: number
  /** Active endpoints whose health is FAILING. */
  readonly failingEndpoints: number
  /** Most hosts fail at once (domain/health/network-brake.ts). */
  readonly isBraked: boolean
}

const COUNT_LIMIT = 100_000

const DUE_OF_ENDPOINT = `d.endpoint_id = p.id and not d.test and d.status = 'PENDING' and d.next_attempt_at <= now()`
/** Deliveries also wait for receivers that are failing or asked to wait, but there the gateway is not late. */
const SENT_TO = `endpoint p left join endpoint_health h on h.endpoint_id = p.id
  where p.deleted_at is null and p.status = 'ACTIVE' and h.state is distinct from 'FAILING' and coalesce(p.asks_to_wait_until < now(), true)`

const BACKLOG: Statement = {
  name: 'read-backlog',
  limitMs: 5_000,
  text: `
    select
      (select coalesce(extract(epoch from now() - min(least(
           (select d.next_attempt_at from delivery d where ${DUE_OF_ENDPOINT} order by d.next_attempt_at limit 1),
           ${oldestWakeUp('p')}))), 0)::float8
       from (select p.id, p.ordering from ${SENT_TO}) p
      ) as "oldestDueSeconds",
      (select count(*)::int from (
         select 1 from (select p.id from ${SENT_TO}) p cross join lateral (
           select 1 from delivery d where ${DUE_OF_ENDPOINT} order by d.next_attempt_at limit ${COUNT_LIMIT}) due
         limit ${COUNT_LIMIT}) counted) as due,
      (select count(*)::int from (
         select 1 from delivery where status = 'DEAD_LETTERED' limit ${COUNT_LIMIT}) counted) as "deadLetters",
      (select count(*)::int from endpoint where deleted_at is null and status = 'PAUSED') as "pausedEndpoints",
      (select count(*)::int from endpoint where deleted_at is null and status = 'DISABLED') as "disabledEndpoints",
      (select count(*)::int from endpoint_health h join endpoint p on p.id = h.endpoint_id
        where h.state = 'FAILING' and p.deleted_at is null and p.status = 'ACTIVE') as "failingEndpoints",
      exists (select 1 from health_watch where braked_since is not null) as "isBraked"`,
}

/** Reads it now. Throws what the database throws. */
export async function readBacklog(hot: HotDatabase): Promise<Backlog> {
  const [row] = await hot.query<Backlog>(BACKLOG, [])
  return row!
}
