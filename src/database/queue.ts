// The jobs of graphile-worker: their names, their payloads, and how to ask for one. The work is done elsewhere. A payload
// holds ids only, because a job may be run by a later release than the one that stored it.

import { z } from 'zod'
import type { Queryable, Statement } from './pools.ts'

const uuid = z.string().regex(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/)

export const JOBS = {
  /**
   * A wake-up: look at this endpoint now. It does no harm if it is lost, doubled or late. `test`: look at the tests only.
   * `fromStart`: look also before the low-water mark of the lane. `told`: the process whose lanes were woken already.
   */
  deliver: z.object({
    endpointId: uuid,
    tenantId: uuid.optional(),
    test: z.boolean().optional(),
    fromStart: z.boolean().optional(),
    told: uuid.optional(),
  }),
  /** Cancels the deliveries that still wait for a deleted endpoint. */
  'sweep-deleted-endpoint': z.object({ endpointId: uuid }),
  /** The same for every deleted endpoint: finds what was being published or attempted when it was deleted. */
  'sweep-deleted-endpoints': z.object({}),
  /** Cancels the deliveries that wait for an endpoint and that its filter does not want. */
  'cancel-unwanted': z.object({ endpointId: uuid }),
  /** A wake-up: look at the bulk retries now. It does no harm if it is lost, doubled or late. */
  'retry-dead-letters': z.object({ bulkRetryId: uuid }),
  'make-partitions': z.object({}),
  'drop-partitions': z.object({}),
  'pack-partitions': z.object({}),
  'forget-payloads': z.object({}),
  /** Erases the replies that came while the events were being erased. */
  'erase-late-replies': z.object({ eventIds: z.array(uuid) }),
  /** Deletes the rows of the tenants that were erased. */
  'erase-tenants': z.object({}),
  'replace-foreign-stamps': z.object({}),
  'purge-idempotency-keys': z.object({}),
  'forget-statistics': z.object({}),
  'forget-test-steps': z.object({}),
  'forget-leftovers': z.object({}),
} as const

export type JobName = keyof typeof JOBS
export type JobPayload<Name extends JobName> = z.infer<(typeof JOBS)[Name]>

/** Where graphile-worker keeps the jobs. */
export const JOBS_TABLE = 'graphile_worker._private_jobs'

/** High, because fetching a job counts as an attempt, even if the process that fetched it dies before it runs the job. */
const JOB_MAX_ATTEMPTS = 1000

/** The channel that tells the change feed of every API process that something was committed. The feeds read the tables. */
export const CHANGES_CHANNEL = 'sivo_changes'

/** The members of a wake-up, as SQL expressions over its row. */
export type WakeUpColumns = {
  readonly endpointId?: string
  readonly tenantId?: string
  readonly test?: string
  readonly fromStart?: string
  readonly told?: string
  /** The time of the wake-up; absent or null: now. */
  readonly at?: string
}

/**
 * SQL that asks for one wake-up for each row of `rows`, which stands after `from`. Its only column, `count`, is the number of
 * wake-ups. They commit with the statement that they are part of. In a CTE the statement must read `count`, or Postgres does
 * not run it.
 */
export function askForWakeUps(
  rows: string,
  { endpointId = 'endpoint_id', tenantId = 'tenant_id', at = 'null', ...more }: WakeUpColumns = {},
): string {
  const members = Object.entries({ endpointId, tenantId, ...more } satisfies Partial<Record<DeliverMember, string>>)
  const payload = members.map(([name, column]) => `'${name}', ${column}`).join(', ')
  // Without rows there is no call of add_jobs.
  return `select count(*) from (
        select graphile_worker.add_jobs(jobs) from (
          select array_agg(row('deliver', json_strip_nulls(json_build_object(${payload})), null, ${at}, ${JOB_MAX_ATTEMPTS}, null, null, null)::graphile_worker.job_spec) as jobs
          from ${rows}) asked
        where jobs is not null) added`
}

/** SQL that rings once if there are rows. Its only column, `count`, is 1 or 0; in a CTE the statement must read it. */
export function ringFor(rows: string): string {
  return `select count(pg_notify('${CHANGES_CHANNEL}', '')) from (select 1 from ${rows} limit 1) once`
}

type DeliverMember = keyof JobPayload<'deliver'>

type Raw = { $executeRaw(query: TemplateStringsArray, ...values: unknown[]): Promise<number> }

/** Asks for a job in the caller's transaction: both commit, or neither does. */
export async function enqueue<Name extends JobName>(tx: Raw, name: Name, payload: JobPayload<Name>): Promise<void> {
  const json = JSON.stringify(JOBS[name].parse(payload))
  await tx.$executeRaw`select graphile_worker.add_job(${name}, ${json}::json, max_attempts => ${JOB_MAX_ATTEMPTS}::int)`
}

const ADD_LATER: Statement = {
  name: 'add-job-later',
  text: `select graphile_worker.add_job($1, $2::json, run_at => now() + $3::interval, max_attempts => ${JOB_MAX_ATTEMPTS})`,
}

/** The same in a transaction of the delivery path, for a job that runs after a time such as `1 minute`. */
export async function enqueueLater<Name extends JobName>(
  tx: Queryable,
  name: Name,
  payload: JobPayload<Name>,
  after: string,
): Promise<void> {
  await tx.query(ADD_LATER, [name, JSON.stringify(JOBS[name].parse(payload)), after])
}

/** Tells the change feeds, when the caller's transaction commits, that something changed. */
export async function notifyChange(tx: Raw): Promise<void> {
  await tx.$executeRaw`select pg_notify(${CHANGES_CHANNEL}, '')`
}
