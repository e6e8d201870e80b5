// Whether the backlog of an endpoint that works grows: its deliveries have waited for minutes, and for longer than a minute ago.
// A backlog that shrinks is being worked off, also when it is old. Pure.

/** A backlog is over when its oldest delivery has waited for this share of the time at which it is told of. */
const OVER = 0.5

export type BacklogLook = {
  /** When the delivery that has waited longest became due; null: none is due. */
  readonly oldestDueAt: Date | null
  readonly lookedAt: Date
}

export type BacklogStep = 'growing' | 'over' | 'nothing'

/**
 * Decides what to tell. `before` is the look before; null: there was none. `isTold`: that it grows was told before. `afterMs`
 * is how long a delivery waits before it is told of.
 */
export function decideBacklog(
  before: BacklogLook | null,
  now: BacklogLook,
  { isTold, afterMs }: { isTold: boolean; afterMs: number },
): BacklogStep {
  const waitsMs = waitedMs(now)
  if (isTold) return waitsMs < afterMs * OVER ? 'over' : 'nothing'
  return before !== null && waitsMs >= afterMs && waitsMs > waitedMs(before) ? 'growing' : 'nothing'
}

function waitedMs({ oldestDueAt, lookedAt }: BacklogLook): number {
  return oldestDueAt === null ? 0 : Math.max(0, lookedAt.getTime() - oldestDueAt.getTime())
}
