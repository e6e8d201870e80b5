// How far the attempt of a test is, for somebody who watches it from another process: its steps are written as they are
// taken, and read until the attempt is recorded. Only tests pay for it.

import type { Context } from '../../context.ts'
import type { Statement } from '../../database/pools.ts'
import { type DeliveryStep, type ProgressStep, stepsOfTiming } from '../../domain/delivery-progress.ts'
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
  /** Writes a step behind the caller's back; one that cannot be written is left out. */
  note(of: { deliveryId: string; attempt: number }, step: DeliveryStep, atMs: number): void
  /** Resolves when everything noted is written. */
  idle(): Promise<void>
}

/** Steps that are taken at the same time, and while others are being written, are written together, in order. */
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

// The attempt that is being made, or else the last one.
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
/** A test that nobody sends is looked at less often after a while. */
const SOON_MS = 30_000
const LATER_EVERY_MS = 1_000

/** The steps of a test's attempt: those taken so far at once, then each as it is taken, until the attempt is recorded. */
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
      // What could not be written in time, or was forgotten since, the attempt's own times tell.
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

/** Forgets the steps of tests that are long over: their attempts still tell them, a little less exactly. */
export async function forgetTestSteps({ hot }: Pick<Context, 'hot'>): Promise<void> {
  await hot.query(FORGET, [])
}
