// Waits for what follows from a load: the records of its last attempts, the search index, live reads. So the load pays for all
// of it, and what is measured next for none.

import { delay } from './clock.ts'
import type { House } from './house.ts'

const LOOK_EVERY_MS = 250
/** What gateway and Postgres may spend between two looks without being at work: timers, and requests that hang. */
const IDLE_CPU_MS = 25
const IDLE_LOOKS = 3
const AT_MOST_MS = 15_000

/** Resolves when the search knows the events and gateway and Postgres rest, or after fifteen seconds. */
export async function settled(house: House): Promise<void> {
  const deadline = performance.now() + AT_MOST_MS
  const spent = () => {
    const { gateway, postgres } = house.usage()
    return gateway + postgres
  }
  let before = spent()
  for (let idle = 0; idle < IDLE_LOOKS && performance.now() < deadline; ) {
    await delay(LOOK_EVERY_MS)
    const now = spent()
    idle = now - before > IDLE_CPU_MS ? 0 : idle + 1
    before = now
    // The index may rest for seconds before it takes the last events.
    if (idle === IDLE_LOOKS && (await hasUnindexed(house))) idle--
  }
}

async function hasUnindexed(house: House): Promise<boolean> {
  // Another commit may have no such table.
  const [known] = await house.query(`select where to_regclass('search_backlog') is not null`)
  return known !== undefined && (await house.query('select 1 from search_backlog limit 1')).length > 0
}
