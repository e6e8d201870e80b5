// The place of a lane in the table of deliveries: a low-water mark, below which everything that was due has been claimed.

/**
 * How far the mark stays behind the newest claimed delivery, for publishes that commit slightly later. The reconciler
 * finds what commits later than that. While a transaction stays open for long, each claim reads again what was claimed
 * within this time.
 */
const BEHIND_MS = 1_500

/** What a claim must know of the place when it began. */
export type LanePlace = {
  /** Deliveries that were due before this (Unix milliseconds) were claimed before; null: look from the beginning. */
  readonly low: number | null
  /** How often the lane had been told to look from the beginning. */
  readonly restarts: number
}

export type LanePlaceMark = {
  readonly current: LanePlace
  /** A claim that began at this place brought a delivery that was due then: later claims need not look further back. */
  pass(began: LanePlace, dueAt: Date): void
  /** The next claim looks at all that is due. */
  restart(): void
}

export function createLanePlace(): LanePlaceMark {
  let low: number | null = null
  let restarts = 0
  return {
    get current() {
      return { low, restarts }
    },
    pass(began, dueAt) {
      if (began.restarts === restarts) low = Math.max(low ?? 0, dueAt.getTime() - BEHIND_MS)
    },
    restart() {
      low = null
      restarts++
    },
  }
}
