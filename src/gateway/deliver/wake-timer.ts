// Times at which something is to be looked at again, with one timer for all of them.

/** Times that are closer together than this are one. */
const GRAIN_MS = 20

export type Alarm = {
  /** Rings after so many ms too. */
  setIn(ms: number): void
  readonly isSet: boolean
  /** Rings no more, whatever is set. */
  close(): void
}

export function createAlarm(monotonicMs: () => number, ring: () => void): Alarm {
  /** Soonest first. */
  let times: number[] = []
  let timer: NodeJS.Timeout | null = null
  let closed = false

  function setTimer(): void {
    if (timer) clearTimeout(timer)
    timer = null
    const [soonest] = times
    if (soonest === undefined) return
    // A timer may come a little early; its time would then still be ahead.
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
