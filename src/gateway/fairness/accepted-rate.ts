// How many attempts of a lane succeed per second, counted by whole seconds.

export type AcceptedRate = {
  /** An attempt succeeded. */
  note(): void
  /** Successes in the current second, or in the one before it if those were more. */
  perSecond(): number
}

export function createAcceptedRate(monotonicMs: () => number): AcceptedRate {
  let second = 0
  let count = 0
  let countBefore = 0

  function moveOn(): void {
    const now = Math.floor(monotonicMs() / 1_000)
    if (now === second) return
    countBefore = now === second + 1 ? count : 0
    count = 0
    second = now
  }

  return {
    note() {
      moveOn()
      count++
    },
    perSecond() {
      moveOn()
      return Math.max(count, countBefore)
    },
  }
}
