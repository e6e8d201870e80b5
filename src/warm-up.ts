// What the first events would otherwise wait for, done before the process says that it is ready: connections are opened and
// their statements prepared and planned. The statements get no rows, so they change nothing.

import type { Config } from './config.ts'
import type { Context } from './context.ts'
import type { Queryable } from './database/pools.ts'
import type { Tables } from './database/this-week.ts'
import { prepareClaim } from './gateway/deliver/claim-deliveries.ts'
import { prepareRecord } from './gateway/deliver/record-attempts.ts'
import { prepareStore } from './gateway/publish/store-events.ts'
import { within } from './waiting.ts'

const WITHIN_MS = 3_000
/** Two publishes and one record are in the air at once. */
const HOT = 3
const UNSYNCED = 1

/** Never rejects: what cannot be prepared now is prepared when it is first needed. */
export async function warmUp({ hot, log }: Context, role: Config['role']): Promise<void> {
  const prepareHot = (tables: Tables) =>
    hot.transaction(async (tx) => {
      if (role !== 'worker') await prepareStore(tx, tables)
      if (role !== 'api') await prepareRecord(tx, tables)
    })
  const prepareUnsynced = async (tx: Queryable) => {
    if (role !== 'api') await prepareClaim(tx)
  }
  try {
    // Transactions at the same time have a connection each.
    await within(
      WITHIN_MS,
      Promise.all([
        ...Array.from({ length: HOT }, () => hot.thisWeek.write([], prepareHot)),
        ...Array.from({ length: UNSYNCED }, () => hot.unsynced.transaction(prepareUnsynced)),
      ]),
    )
  } catch (error) {
    log.debug({ err: error }, 'gateway.not_warm')
  }
}
