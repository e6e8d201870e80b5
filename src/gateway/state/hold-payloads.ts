// A retry needs the payload of its event. A transaction that puts a delivery back holds the payloads first: then nobody forgets them before
// the transaction ends, and afterwards the delivery waits, which keeps its payload.

import type { Queryable, Statement } from '../../database/pools.ts'

const HOLD: Statement = {
  name: 'hold-payloads',
  text: 'select id from event where id = any ($1::uuid[]) and body is not null order by id for share',
}

/** The ids of those events whose payloads are kept until the transaction ends at least; the others were forgotten. */
export async function holdPayloads(tx: Queryable, eventIds: readonly string[]): Promise<ReadonlySet<string>> {
  const rows = await tx.query<{ id: string }>(HOLD, [eventIds])
  return new Set(rows.map(({ id }) => id))
}
