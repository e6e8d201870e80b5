// Time as the database tells it. A process whose own clock is wrong stamps and schedules as the others do; durations
// come from the monotonic clock, which no correction moves.

export type Clock = {
  /** The database's time as this process knows it. */
  now(): Date
  /** Monotonic milliseconds, for durations only. */
  monotonicMs(): number
}

export type CorrectedClock = Clock & {
  /** Takes a reading of the database's time (Unix ms), asked at `askedMs` and answered at `answeredMs` (monotonic). */
  correct(databaseMs: number, askedMs: number, answeredMs: number): void
}

/** A clock that starts with the process's own time and follows the database's from the first reading on. */
export function createClock(monotonicMs: () => number, startMs: number): CorrectedClock {
  let origin = startMs - monotonicMs()
  return {
    now: () => new Date(origin + monotonicMs()),
    monotonicMs,
    correct(databaseMs, askedMs, answeredMs) {
      origin = databaseMs - (askedMs + answeredMs) / 2
    },
  }
}
