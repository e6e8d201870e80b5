// Deletes the small things that nobody needs any more, in chunks: console links and sessions that are over, requests to test
// receivers, gates of deleted endpoints, jobs that failed for the last time, and forms of headers that no attempt has any more.
// Bulk retries and their tallies go after the retention of the deployment.

import type { Context } from '../../context.ts'
import { lastOfCause } from '../../database/filters/dead-causes.ts'
import { listPartitions } from '../../database/partitions.ts'
import type { HotDatabase, Statement } from '../../database/pools.ts'
import { JOBS_TABLE } from '../../database/queue.ts'
import { weekOf } from '../../domain/retention.ts'

const CHUNK = 10_000

/** Deletes one chunk of a table, which `where` may call `alias`. `$1` is the retention of the deployment in days. */
function forget(table: string, where: string, alias = ''): Statement {
  return {
    name: `forget-${table.replace(/\W+/g, '-')}`,
    text: `
      with spent as (
        select ctid from ${table} ${alias} where $1::int > 0 and ${where} limit ${CHUNK} for update skip locked
      ), gone as (
        delete from ${table} where ctid = any (array(select ctid from spent)) returning 1
      )
      select count(*)::int as count from gone`,
  }
}

const STATEMENTS: readonly Statement[] = [
  // A week later nobody asks any more why a link or a session does not work. The audit log says who had one.
  forget('console_link', `least(expires_at, used_at) < now() - interval '7 d'`),
  forget('session', `least(expires_at, revoked_at) < now() - interval '7 d'`),
  forget(
    'bulk_retry_tally',
    `bulk_retry_id not in (select id from bulk_retry where completed_at is null or completed_at >= now() - $1 * interval '1 d')`,
  ),
  forget('bulk_retry', `completed_at < now() - $1 * interval '1 d'`),
  // A week that holds deliveries that wait is kept for longer, and its dead letters with it.
  forget(
    'dead_letter_acknowledgement',
    `up_to < now() - $1 * interval '1 d' and (${lastOfCause('a.tenant_id', 'a')}) is null`,
    'a',
  ),
  // They show what came just now, and are gone before the payloads of their events may be.
  forget('received_request', `received_at < now() - interval '1 d'`),
  // A notice that has waited for that long goes with its incident.
  forget('notice_incident', `ended_at < now() - $1 * interval '1 d'`),
  forget('subject_wake_up', `endpoint_id in (select id from endpoint where deleted_at < now() - interval '1 d')`),
  forget('endpoint_gate', `endpoint_id in (select id from endpoint where deleted_at < now() - interval '1 d')`),
  // A wake-up is tried a thousand times; one that failed so often helps nobody, and the reconciler wakes the endpoint.
  forget(JOBS_TABLE, `attempts >= max_attempts and locked_at is null`),
]

/** Forms of headers older than the oldest attempts. One week more: an attempt is recorded a little later than it was formed. */
const FORGET_FORMS: Statement = {
  name: 'forget-header-forms',
  text: `
    with gone as (
      delete from header_form where ctid = any (array(select ctid from header_form where week < $1::int - 1 limit ${CHUNK})) returning 1
    )
    select count(*)::int as count from gone`,
}

/** Returns the number of deleted rows. */
export async function forgetLeftovers({ hot, config }: Pick<Context, 'hot' | 'config'>): Promise<number> {
  let total = 0
  for (const statement of STATEMENTS) {
    for (let count = CHUNK; count === CHUNK; total += count)
      count = (await hot.query<{ count: number }>(statement, [config.retentionDays]))[0]!.count
  }
  return total + (await forgetForms(hot))
}

async function forgetForms(hot: HotDatabase): Promise<number> {
  const [oldest] = await listPartitions(hot.pool, 'attempt')
  if (!oldest || !Number.isFinite(oldest.from)) return 0
  let total = 0
  for (let count = CHUNK; count === CHUNK; total += count)
    count = (await hot.query<{ count: number }>(FORGET_FORMS, [weekOf(oldest.from)]))[0]!.count
  return total
}
