// Records the results of attempts, many in one statement.

import type { HotDatabase } from '../../database/pools.ts'
import type { Clock } from '../../domain/clock.ts'
import { type Metrics, measured } from '../../metrics.ts'
import { createBatcher, retryFor, STATEMENT_BOUNDS } from '../fairness/batcher.ts'
import { type Recorded, type Result, recordAttempts, withoutReply } from './record-attempts.ts'

/** A result is worth recording only while its lease lives. */
const PATIENCE_MS = 18_000
/** Under load results wait for further ones: a statement costs as much as thirty results in it. */
const LINGER = { ms: 20, after: 20 }
/** At an ordinary rate, too, a few results go together: each of them alone costs three times as much. */
const COMPANY_MS = 25
const RESULT_WEIGHT = 1_000

export type Recorder = ReturnType<typeof createRecorder>

export type RecorderOptions = {
  readonly hot: HotDatabase
  readonly clock: Clock
  readonly metrics: Pick<Metrics, 'batchItems' | 'statementFailures'>
  /** How long a delivery that fails holds the line of its subject. */
  readonly orderHoldMs: number
  /** Called after each statement. */
  readonly onFlushed: () => void
}

export function createRecorder({ hot, clock, metrics, orderHoldMs, onFlushed }: RecorderOptions) {
  const batcher = createBatcher<Result, Recorded>({
    flush: (results) =>
      measured(metrics, 'record', results.length, recordAttempts(hot, results, orderHoldMs)).finally(onFlushed),
    weigh: (result) => RESULT_WEIGHT + (result.attempt?.sent.reply?.body.length ?? 0),
    owner: (result) => result.delivery.tenantId,
    patience: retryFor(PATIENCE_MS),
    monotonicMs: clock.monotonicMs,
    rescue: withoutReply,
    ...STATEMENT_BOUNDS,
    // Nobody waits for a record as callers wait for an acknowledgement.
    parallel: 1,
    linger: LINGER,
    company: { ms: COMPANY_MS, isAwaited: ({ isAwaited = false }) => isAwaited },
  })
  return {
    /** Records the result of an attempt, together with others. Resolves after the commit; rejects with what the database says. */
    record: (result: Result): Promise<Recorded> => batcher.submit(result),
    /** How many results wait to be recorded. */
    get waiting() {
      return batcher.waiting
    },
    /** Resolves when no result waits and no statement is running. */
    idle: () => batcher.idle(),
  }
}
