// A clock that follows the database's time, so that a process with a wrong clock writes the same times as the others.
// Durations use the monotonic clock, which no correction changes.
//
// The network delays every reading, so a reading never shows a time ahead of the database. Of the last ten readings, the
// one that shows the latest time is the most exact. The clock follows that one: it is less than one round trip behind the
// database, and never ahead of it.

export type Clock = {
  /** The database's time, as far as this process knows it. */
  now(): Date
  /** Monotonic milliseconds, for durations only. */
  monotonicMs(): number
}

export type CorrectedClock = Clock & {
  /** Adds a reading: the database's time in Unix milliseconds, and the monotonic time at which the answer arrived. */
  correct(databaseMs: number, answeredMs: number): void
}

const READINGS_KEPT = 10

/** A clock that begins with the time of this process, and follows the database's time from the first reading on. */
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
