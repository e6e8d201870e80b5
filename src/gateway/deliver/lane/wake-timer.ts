// The times at which a lane must look at its deliveries again, with one timer for all of them.

/** Times that are closer together than this share one ring. */
const GRAIN_MS = 20

export type WakeTimer = {
  /** Also rings `ms` milliseconds from now. */
  setIn(ms: number): void
  /** Whether a time is still to come. */
  readonly isSet: boolean
  /** Forgets all times; the timer never rings again. */
  close(): void
}

export function createWakeTimer(monotonicMs: () => number, ring: () => void): WakeTimer {
  /** Soonest first. */
  let times: number[] = []
  let timer: NodeJS.Timeout | null = null
  let closed = false

  function setTimer(): void {
    if (timer) clearTimeout(timer)
    timer = null
    const [soonest] = times
    if (soonest === undefined) return
    // A timer may fire slightly early, and its time would then still be ahead. So it gets one millisecond more.
    timer = setTimeout(ringOnce, Math.max(0, soonest - monotonicMs()) + 1).unref()
  }

  function ringOnce(): void {
    const now = monotonicMs()
    times = times.filter((time) => time > now)
    setTimer()
    ring()
  }

  return {
    setIn(ms) {
      if (closed) return
      const at = monotonicMs() + ms
      const later = times.findIndex((time) => time >= at)
      if (later >= 0 && times[later]! <= at + GRAIN_MS) return
      times.splice(later >= 0 ? later : times.length, 0, at)
      if (times[0] === at) setTimer()
    },
    get isSet() {
      return times.length > 0
    },
    close() {
      closed = true
      times = []
      setTimer()
    },
  }
}
