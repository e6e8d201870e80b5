// At which steps a move is interrupted, and what else ends at that moment. Promise: the same seed gives the same plan.

import { createRandom } from '../../chaos/plan.ts'
import type { MoveStep } from '../../src/gateway/move/move-tenant.ts'
import type { CellName } from './town.ts'

/** What ends beside the command. A process is started again by its supervisor, a database after a second. */
export type Beside = { readonly cell: CellName; readonly what: 'api1' | 'worker' | 'database' }

export type Interruption = {
  readonly step: MoveStep
  /** The command is killed so long after the step has begun, ms. null: it goes on, and finds out what happened beside it. */
  readonly killAfterMs: number | null
  readonly beside: Beside | null
}

/** Each step, in order, with the longest time after which the command is killed. After the switch a step is short. */
const KILL_WITHIN_MS: Record<MoveStep, number> = {
  copy: 60,
  'hold what waits': 20,
  freeze: 10,
  'guard publishing': 60,
  'wait for attempts': 60,
  'guard everything': 60,
  'copy the rest': 40,
  compare: 10,
  switch: 4,
  arrive: 10,
  leave: 3,
  'guard what left': 0,
}

export const STEPS = Object.keys(KILL_WITHIN_MS) as readonly MoveStep[]

const BESIDE: Partial<Record<MoveStep, Beside>> = {
  'guard publishing': { cell: 'eu1', what: 'api1' },
  'wait for attempts': { cell: 'eu1', what: 'worker' },
  leave: { cell: 'us1', what: 'worker' },
  'guard what left': { cell: 'us1', what: 'api1' },
}

/** A database ends here, in a run of its own. */
const DATABASE: Partial<Record<MoveStep, CellName>> = { 'copy the rest': 'eu1', arrive: 'us1' }

/** The runs that are interrupted, in order. The one after them is left alone. */
export function planInterruptions(seed: number): Interruption[] {
  const random = createRandom(seed)
  return STEPS.flatMap((step) => {
    const killAfterMs = Math.round(random() * KILL_WITHIN_MS[step])
    const killed: Interruption = { step, killAfterMs, beside: BESIDE[step] ?? null }
    const cell = DATABASE[step]
    return cell ? [{ step, killAfterMs: null, beside: { cell, what: 'database' } }, killed] : [killed]
  })
}
