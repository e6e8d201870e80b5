// The steps of a test event's attempt, for a viewer that may be connected to another process: each step is written when
// it is taken, and read until the attempt is recorded. Attempts of other events write no steps.

import type { Context } from '../../context.ts'
import type { Statement } from '../../database/pools.ts'
import { type DeliveryStep, type ProgressStep, stepsOfTiming } from '../../domain/delivery/progress.ts'
import type { Stream } from '../../live/live-stream.ts'
import { watch } from '../../live/watch.ts'

const NOTE: Statement = {
  name: 'note-test-steps',
  text: `
    insert into test_step (delivery_id, attempt, step, at_ms)
    select distinct on (delivery_id, attempt, step) delivery_id, attempt, step, at_ms
    from json_to_recordset($1) as s(delivery_id uuid, attempt int, step text, at_ms float8)
    order by delivery_id, attempt, step, at_ms desc
    on conflict (delivery_id, attempt, step) do update set at_ms = excluded.at_ms`,
}

export type TestSteps = {
  /** Writes a step; the caller does not wait. A step that cannot be written is left out. */
  note(of: { deliveryId: string; attempt: number }, step: DeliveryStep, atMs: number): void
  /** Resolves when all steps are written. */
  idle(): Promise<void>
}

/** Steps that come at the same time, or while others are being written, are written together, in their order. */
export function createTestSteps({ hot, log }: Pick<Context, 'hot' | 'log'>): TestSteps {
  let waiting: object[] = []
  let writing: Promise<void> | null = null

  async function write(): Promise<void> {
    while (waiting.length) {
      const rows = waiting
      waiting = []
      await hot.unsynced
        .query(NOTE, [JSON.stringify(rows)])
        .catch((error) => log.debug({ err: error }, 'test.step_not_written'))
    }
    writing = null
  }

  return {
    note({ deliveryId, attempt }, step, atMs) {
      waiting.push({ delivery_id: deliveryId, attempt, step, at_ms: atMs })
      writing ??= Promise.resolve().then(write)
    },
    idle: async () => void (await writing),
  }
}

// The attempt in the air; if there is none, the last one.
const LOOK: Statement = {
  name: 'look-at-test',
  text: `
    select n.number as attempt, d.status <> 'PENDING' or d.attempt_count >= n.number as over,
      array(select json_build_object('step', s.step, 'atMs', s.at_ms) from test_step s
        where s.delivery_id = d.id and s.attempt = n.number order by s.at_ms, s.created_at) as steps,
      a.dns_ms as "dnsMs", a.connect_ms as "connectMs", a.tls_ms as "tlsMs", a.first_byte_ms as "firstByteMs",
      a.total_ms as "totalMs"
    from delivery d
    cross join lateral (
      select coalesce($2::int, case when d.status = 'PENDING' then d.attempt_count + 1 else d.attempt_count end) as number) n
    left join attempt a on a.delivery_id = d.id and a.number = n.number
    where d.id = $1`,
}

type Look = {
  attempt: number
  over: boolean
  steps: ProgressStep[]
  dnsMs: number | null
  connectMs: number | null
  tlsMs: number | null
  firstByteMs: number | null
  totalMs: number | null
}

const LOOK_EVERY_MS = 50
/** A test event that is not sent is looked at less often after 30 seconds. */
const SOON_MS = 30_000
const LATER_EVERY_MS = 1_000

/** The steps of a test event's attempt: the steps taken so far at once, then each new one, until the attempt is recorded. */
export function watchTest({ hot, clock }: Pick<Context, 'hot' | 'clock'>, deliveryId: string): Stream<ProgressStep> {
  const began = clock.monotonicMs()
  const given = new Set<DeliveryStep>()
  let attempt: number | null = null
  return watch<ProgressStep>(
    async () => {
      const [seen] = await hot.query<Look>(LOOK, [deliveryId, attempt])
      if (!seen) return { values: [], over: true }
      attempt = seen.attempt
      const { over, totalMs, steps: written, ...timing } = seen
      // Steps that could not be written in time, or were forgotten since, are derived from the attempt's own times.
      const isWhole = written.some(({ step }) => step === 'DONE')
      const steps = over && totalMs !== null && !isWhole ? stepsOfTiming({ ...timing, totalMs }) : written
      const values = steps.filter(({ step }) => !given.has(step))
      for (const { step } of values) given.add(step)
      return { values, over }
    },
    () => (clock.monotonicMs() - began < SOON_MS ? LOOK_EVERY_MS : LATER_EVERY_MS),
  )
}

const FORGET: Statement = {
  name: 'forget-test-steps',
  text: `delete from test_step where created_at < now() - interval '1 d'`,
}

/** Deletes the steps of test events that are older than a day. Their attempts still show them, slightly less exactly. */
export async function forgetTestSteps({ hot }: Pick<Context, 'hot'>): Promise<void> {
  await hot.query(FORGET, [])
}
