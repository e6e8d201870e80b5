// What a scenario is: a run from its start to its end. Some also have bursts: short loads that two gateways can get in turns.

import type { Figure } from './figures.ts'
import type { House } from './house.ts'

/** Starts the gateway of a house and measures it. Calls `note` with each figure. */
export type Scenario = (house: House, note: (figure: Figure) => void) => Promise<void>

/** Starts the gateway of a house, and makes what the bursts need. `--burst` says how large they are. */
export type OpenBursts = (house: House) => Promise<readonly Burst[]>

export type Burst = {
  /** What its figures are of, such as "publish to receiver at 200/s". */
  readonly name: string
  /** Gives the gateway the load once. Resolves when all that follows from it is done. */
  readonly run: () => Promise<BurstResult>
}

export type BurstResult = {
  readonly figures: readonly Figure[]
  /** Milliseconds, one for each delivery that was timed; null where none is. */
  readonly times: Float64Array | null
}
