// Dissolves the lines of endpoints that keep no order any more: what the switch did not reach, and what a publish stored that
// began before it.

import type { Context } from '../../context.ts'
import type { HotDatabase, Statement } from '../../database/pools.ts'
import { askForWakeUps } from '../../database/queue.ts'
import { repeat } from '../../waiting.ts'
import { dissolveLines } from '../state/subject-lines.ts'

const EVERY_MS = 5_000

const LEFT: Statement = {
  name: 'lines-without-order',
  text: `
    select e.id from endpoint e
    where e.ordering = 'NONE' and e.id in (select endpoint_id from subject_wake_up) order by e.id`,
}

// A change of the ordering waits until the lines are dissolved.
const TAKE: Statement = {
  name: 'take-line-wake-ups',
  text: `
    with found as (
      select id, tenant_id from endpoint where id = $1 and ordering = 'NONE' for no key update
    ), taken as (
      delete from subject_wake_up where endpoint_id in (select id from found)
    ), woken as (
      ${askForWakeUps('found', { endpointId: 'id', fromStart: 'true' })}
    )
    select count from woken where count > 0`,
}

/** Dissolves the lines of endpoints without an order. */
export async function dissolveLeftLines(hot: HotDatabase): Promise<void> {
  for (const { id } of await hot.query<{ id: string }>(LEFT, []))
    await hot.transaction(async (tx) => {
      // A later statement sees everything that was committed with the wake-ups.
      if ((await tx.query(TAKE, [id])).length > 0) await dissolveLines(tx, id)
    })
}

/** Runs rounds until the returned function is called. */
export function keepLines({ hot, log }: Pick<Context, 'hot' | 'log'>): () => Promise<void> {
  return repeat(EVERY_MS, async () => {
    await dissolveLeftLines(hot).catch((error) => log.warn({ err: error }, 'lines.not_dissolved'))
  })
}
