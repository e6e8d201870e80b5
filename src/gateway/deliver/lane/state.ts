// The state of a lane, changed by the functions here and nowhere else.
//
//   idle ──wake──▶ runnable ──beginClaim──▶ claiming ──▶ idle      the claim brought less than the lane had asked for
//                     ▲                         └──────▶ runnable  it brought all of that, it failed, or the lane was
//                     │                                            woken while the claim was in the air
//                     └──wake timer── closed                       closeFor closes the lane in any state

import { createWakeTimer } from './wake-timer.ts'

export type LaneState =
  /** Nothing is known to be due. */
  | { readonly kind: 'idle' }
  /** Something may be due: the next claim asks for it. */
  | { readonly kind: 'runnable' }
  | { readonly kind: 'claiming'; readonly claim: object; readonly wokenAgain: boolean }
  /** Nothing is claimed before `untilMs` (monotonic milliseconds); then the lane becomes runnable. */
  | { readonly kind: 'closed'; readonly untilMs: number; readonly why: ClosedWhy }

export type ClosedWhy = 'in_flight_limit' | 'rate_limit' | 'secret_unreadable' | 'receiver_asked'

export type LaneStateMachine = {
  readonly current: LaneState
  /** Whether a wake-up is still to come by the timer. */
  readonly isTimed: boolean
  /** Something may be due now. */
  wake(): void
  /** Wakes the lane in `ms` milliseconds. */
  wakeIn(ms: number): void
  /** Nothing is claimed for `ms` milliseconds. Never shortens an earlier closing. */
  closeFor(ms: number, why: ClosedWhy): void
  /** Opens a lane that is closed for this reason. */
  reopen(why: ClosedWhy): void
  /** Only a runnable lane may claim. `claim` is any object that names the claim. */
  beginClaim(claim: object): void
  /** Ends that claim, unless the lane was closed meanwhile. */
  endClaim(claim: object, mayHaveMore: boolean): void
  /** Stops the wake timer for good. */
  close(): void
}

/** `onChange` is called after each change. */
export function createLaneState(monotonicMs: () => number, onChange: () => void): LaneStateMachine {
  let state: LaneState = { kind: 'idle' }
  const timer = createWakeTimer(monotonicMs, wake)

  function become(next: LaneState): void {
    state = next
    onChange()
  }

  function wake(): void {
    if (state.kind === 'closed' && monotonicMs() < state.untilMs) return
    if (state.kind === 'claiming') state = { ...state, wokenAgain: true }
    else if (state.kind !== 'runnable') become({ kind: 'runnable' })
  }

  return {
    get current() {
      return state
    },
    get isTimed() {
      return timer.isSet
    },
    wake,
    wakeIn: timer.setIn,
    closeFor(ms, why) {
      const untilMs = monotonicMs() + ms
      if (state.kind === 'closed' && state.untilMs > untilMs) return
      timer.setIn(ms)
      become({ kind: 'closed', untilMs, why })
    },
    reopen(why) {
      if (state.kind === 'closed' && state.why === why) become({ kind: 'runnable' })
    },
    beginClaim(claim) {
      if (state.kind !== 'runnable') throw new Error(`A lane that is ${state.kind} cannot claim.`)
      become({ kind: 'claiming', claim, wokenAgain: false })
    },
    endClaim(claim, mayHaveMore) {
      if (state.kind !== 'claiming' || state.claim !== claim) return
      become({ kind: mayHaveMore || state.wokenAgain ? 'runnable' : 'idle' })
    },
    close: timer.close,
  }
}
