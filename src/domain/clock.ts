// Time as the database tells it. A process whose own clock is wrong stamps and schedules as the others do; durations
// come from the monotonic clock, which no correction moves.
//
// A reading is late by its way back and never early, so the best of the last few is the one that shows the most time: the
// clock follows it, stays behind the database by a fraction of a round trip and does not run ahead of it.

export type Clock = {
  /** The database's time as this process knows it. */
  now(): Date
  /** Monotonic milliseconds, for durations only. */
  monotonicMs(): number
}

export type CorrectedClock = Clock & {
  /** Takes a reading of the database's time (Unix ms) that was answered at `answeredMs` (monotonic). */
  correct(databaseMs: number, answeredMs: number): void
}

const READINGS_KEPT = 10

/** A clock that starts with the process's own time and follows the database's from the first reading on. */
export function createClock(monotonicMs: () => number, startMs: number): CorrectedClock {
  let origin = startMs - monotonicMs()
  let readings: number[] = []
  return {
    now: () => new Date(origin + monotonicMs()),
    monotonicMs,
    correct(databaseMs, answeredMs) {
      readings = [...readings, databaseMs - answeredMs].slice(-READINGS_KEPT)
      origin = Math.max(...readings)
    },
  }
}
