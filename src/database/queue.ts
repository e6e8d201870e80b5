// The jobs of graphile-worker: their names and payloads, and how to ask for one. No work is done here. Payloads carry
// ids only, because an old job outlives the deploy that made it.

import { z } from 'zod'

const uuid = z.string().regex(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/)

export const JOBS = {
  /**
   * A wake-up: look at this endpoint now. May be lost, doubled or late without harm. `test` looks at its tests alone;
   * `fromStart` also at what lies before the lane's low-water mark. `told` names the process whose lanes were woken already.
   */
  deliver: z.object({
    endpointId: uuid,
    tenantId: uuid.optional(),
    test: z.boolean().optional(),
    fromStart: z.boolean().optional(),
    told: uuid.optional(),
  }),
  /** Writes CANCELLED into what still waits for a deleted endpoint. */
  'sweep-deleted-endpoint': z.object({ endpointId: uuid }),
  /** The same for every endpoint that was ever deleted: what was being published or attempted at that moment. */
  'sweep-deleted-endpoints': z.object({}),
  /** A wake-up: look at the bulk retries now. May be lost, doubled or late without harm. */
  'retry-dead-letters': z.object({ bulkRetryId: uuid }),
  'make-partitions': z.object({}),
  'purge-idempotency-keys': z.object({}),
  'forget-statistics': z.object({}),
  'forget-test-steps': z.object({}),
} as const

export type JobName = keyof typeof JOBS
export type JobPayload<Name extends JobName> = z.infer<(typeof JOBS)[Name]>

/** Recovery never strands a job: an attempt of a job is counted when it is fetched, also by a worker that then dies. */
const JOB_MAX_ATTEMPTS = 1000

/** Rings the change feed of every API process when the transaction commits. Content is read from the tables. */
export const BELL_CHANNEL = 'sivo_changes'

/** What each wake-up says, as SQL over the rows it is asked for. */
export type WakeUpColumns = {
  readonly endpointId?: string
  readonly tenantId?: string
  readonly test?: string
  readonly fromStart?: string
  readonly told?: string
  /** Not before this time; absent or null: now. */
  readonly at?: string
}

/**
 * A query that asks for a wake-up for each row of `rows`, which follows `from`, and says in `count` how many it asked for.
 * Within a statement it commits with what it is for. Where it stands in a CTE, something must read the count.
 */
export function askForWakeUps(
  rows: string,
  { endpointId = 'endpoint_id', tenantId = 'tenant_id', at = 'null', ...more }: WakeUpColumns = {},
): string {
  const members = Object.entries({ endpointId, tenantId, ...more } satisfies Partial<Record<DeliverMember, string>>)
  const payload = members.map(([name, column]) => `'${name}', ${column}`).join(', ')
  // Rows that are none call no function.
  return `select count(*) from (
        select graphile_worker.add_jobs(jobs) from (
          select array_agg(row('deliver', json_strip_nulls(json_build_object(${payload})), null, ${at}, ${JOB_MAX_ATTEMPTS}, null, null, null)::graphile_worker.job_spec) as jobs
          from ${rows}) asked
        where jobs is not null) added`
}

/** A query that rings once, when there are rows; `count` is 1 or 0. Where it stands in a CTE, something must read it. */
export function ringFor(rows: string): string {
  return `select count(pg_notify('${BELL_CHANNEL}', '')) from (select 1 from ${rows} limit 1) once`
}

type DeliverMember = keyof JobPayload<'deliver'>

type Raw = { $executeRaw(query: TemplateStringsArray, ...values: unknown[]): Promise<number> }

/** Asks for a job inside the caller's transaction: both commit, or neither. */
export async function enqueue<Name extends JobName>(tx: Raw, name: Name, payload: JobPayload<Name>): Promise<void> {
  const json = JSON.stringify(JOBS[name].parse(payload))
  await tx.$executeRaw`select graphile_worker.add_job(${name}, ${json}::json, max_attempts => ${JOB_MAX_ATTEMPTS}::int)`
}

/** Rings the bell inside the caller's transaction. */
export async function ringBell(tx: Raw): Promise<void> {
  await tx.$executeRaw`select pg_notify(${BELL_CHANNEL}, '')`
}
