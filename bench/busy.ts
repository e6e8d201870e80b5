// Something else that keeps one core busy.

import { answerParent } from './child.ts'

export type BusyCommands = {
  /** Keeps one core busy until `rest`. */
  spin: { input: null; answer: null }
  rest: { input: null; answer: null }
}

/** How long it goes on without looking for a command. */
const TURN_MS = 20

let isSpinning = false

answerParent<BusyCommands>({
  spin() {
    isSpinning = true
    turn()
    return null
  },
  rest() {
    isSpinning = false
    return null
  },
})

function turn(): void {
  const endMs = performance.now() + TURN_MS
  while (performance.now() < endMs);
  if (isSpinning) setImmediate(turn)
}
