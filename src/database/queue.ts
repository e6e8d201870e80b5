// The jobs of graphile-worker: their names and payloads, and how to ask for one. No work is done here. Payloads carry
// ids only, because an old job outlives the deploy that made it.

import { z } from 'zod'

const uuid = z.string().regex(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/)

export const JOBS = {
  /**
   * A wake-up: look at this endpoint now. May be lost, doubled or late without harm. `test` looks at its tests alone;
   * `fromStart` also at what lies before the lane's low-water mark. `told` names the lanes that know already.
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
export const JOB_MAX_ATTEMPTS = 1000

/** Rings the change feed of every API process when the transaction commits. Content is read from the tables. */
export const BELL_CHANNEL = 'sivo_changes'

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
