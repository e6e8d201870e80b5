// Ends deliveries whose events are too old to be of use, also those that a pause, a limit or a failing receiver holds. No claim
// takes one, so none is attempted between its time and the round that ends it.

import type { Context } from '../../context.ts'
import { isFree } from '../../database/leases.ts'
import type { HotDatabase, Statement } from '../../database/pools.ts'
import { ringFor } from '../../database/queue.ts'
import { repeat } from '../../waiting.ts'
import { cancelDeliveries, endResends } from '../state/delivery-changes.ts'

const EVERY_MS = 5_000
const CHUNK = 1_000

// An attempt in the air is recorded first. Rounds of several processes pass over what the others have locked.
const expired = (isMeant: string) => `
      select d.id from delivery d
      where d.status = 'PENDING' and d.expires_at <= now() and ${isMeant} and ${isFree('d')}
      order by d.id limit ${CHUNK} for update skip locked`

const EXPIRE: Statement = {
  name: 'expire-deliveries',
  text: `
    with expired as (${expired('not d.resend')}
    ), ${cancelDeliveries('expired', 'event_expired', 'greatest(d.expires_at, d.created_at)')}, rung as (
      ${ringFor('cancelled')}
    )
    select (select count(*)::int from cancelled) as count from rung where rung.count >= 0`,
}

const EXPIRE_RESENDS: Statement = {
  name: 'expire-resends',
  text: `
    with expired as (${expired('d.resend')}
    ), ${endResends('expired')}, rung as (
      ${ringFor('ended')}
    )
    select (select count(*)::int from ended) as count from rung where rung.count >= 0`,
}

/** Ends all that have expired. Returns the number of them. */
export async function expireDeliveries(hot: HotDatabase): Promise<number> {
  let all = 0
  for (const statement of [EXPIRE, EXPIRE_RESENDS])
    for (let count = CHUNK; count === CHUNK; all += count)
      count = (await hot.query<{ count: number }>(statement, []))[0]!.count
  return all
}

/** Runs rounds until the returned function is called. */
export function keepExpiring({ hot, log }: Pick<Context, 'hot' | 'log'>): () => Promise<void> {
  return repeat(EVERY_MS, async () => {
    await expireDeliveries(hot).catch((error) => log.warn({ err: error }, 'expiry.failed'))
  })
}
