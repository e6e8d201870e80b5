// What a scenario is.

import type { Figure } from './figures.ts'
import type { House } from './house.ts'

/** Starts the gateway of a house and measures it. Calls `note` with each figure. */
export type Scenario = (house: House, note: (figure: Figure) => void) => Promise<void>
