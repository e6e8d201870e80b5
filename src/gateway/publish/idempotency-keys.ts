// Takes idempotency keys in the transaction that stores the events. Promise: of several publishes with the same key, one
// stores the event. The others get the id of that event, or a conflict if their content differs.

import type { Queryable, Statement } from '../../database/pools.ts'
import { decideKeys, type KeyedEvent, type KeyHolder } from '../../domain/event/idempotency.ts'
import type { StoreCall } from '../../domain/event/new-event.ts'

// All batches insert their keys in the same order, so that two of them never deadlock.
const INSERT_KEYS: Statement = {
  name: 'insert-idempotency-keys',
  text: `
    insert into idempotency_key (tenant_id, key, event_id, fingerprint)
    select tenant_id, key, event_id, decode(fingerprint, 'hex')
    from json_to_recordset($1) as k(tenant_id uuid, key text, event_id uuid, fingerprint text)
    order by tenant_id, key
    on conflict do nothing
    returning tenant_id, key`,
}

// A separate statement: the snapshot of the insert does not see the key that it waited for.
const READ_KEYS: Statement = {
  name: 'read-idempotency-keys',
  text: `
    select k.tenant_id, k.key, k.event_id, encode(k.fingerprint, 'hex') as fingerprint
    from json_to_recordset($1) as w(tenant_id uuid, key text)
    join idempotency_key k on k.tenant_id = w.tenant_id and k.key = w.key`,
}

const MOVE_KEYS: Statement = {
  name: 'move-idempotency-keys',
  text: `
    update idempotency_key k set event_id = w.event_id, fingerprint = decode(w.fingerprint, 'hex')
    from json_to_recordset($1) as w(tenant_id uuid, key text, event_id uuid, fingerprint text)
    where k.tenant_id = w.tenant_id and k.key = w.key`,
}

const FREE_KEYS: Statement = {
  name: 'free-idempotency-keys',
  text: `
    delete from idempotency_key k using json_to_recordset($1) as w(tenant_id uuid, key text)
    where k.tenant_id = w.tenant_id and k.key = w.key`,
}

type KeyRow = { tenant_id: string; key: string; event_id: string; fingerprint: string }

function nameOf({ tenant_id, key }: { tenant_id: string; key: string }): string {
  return `${tenant_id}|${key}`
}

/**
 * Takes the keys of all calls and decides, with all holders in view, which events are new. A call that is refused gives its
 * keys back.
 */
export async function claimKeys(tx: Queryable, calls: readonly StoreCall[]): Promise<ReturnType<typeof decideKeys>> {
  const wanted = new Map<string, KeyRow>()
  for (const call of calls)
    for (const { id, key, fingerprint } of call.events)
      if (key !== null && fingerprint !== null && !wanted.has(`${call.tenantId}|${key}`))
        wanted.set(`${call.tenantId}|${key}`, { tenant_id: call.tenantId, key, event_id: id, fingerprint })
  const mine = new Set<string>()
  const held = new Map<string, KeyHolder>()
  const unsettled = () => [...wanted].flatMap(([name, row]) => (mine.has(name) || held.has(name) ? [] : [row]))
  // There is a second round only if an old key was purged between the two statements.
  for (let rows = unsettled(); rows.length > 0; rows = unsettled()) {
    for (const row of await tx.query<KeyRow>(INSERT_KEYS, [JSON.stringify(rows)])) mine.add(nameOf(row))
    const others = unsettled()
    if (others.length === 0) break
    for (const row of await tx.query<KeyRow>(READ_KEYS, [JSON.stringify(others)]))
      held.set(nameOf(row), { eventId: row.event_id, fingerprint: row.fingerprint })
  }
  const decided = decideKeys(
    calls.map((call): KeyedEvent[] =>
      call.events.map(({ id, key, fingerprint }) => ({
        id,
        key: key === null ? null : `${call.tenantId}|${key}`,
        fingerprint,
      })),
    ),
    held,
    (call) => calls[call]!.skipsConflicts ?? false,
  )
  const moved: KeyRow[] = []
  const freed: Pick<KeyRow, 'tenant_id' | 'key'>[] = []
  for (const name of mine) {
    const { tenant_id, key, event_id } = wanted.get(name)!
    const holder = decided.newHolders.get(name)
    if (!holder) freed.push({ tenant_id, key })
    else if (holder.eventId !== event_id)
      moved.push({ tenant_id, key, event_id: holder.eventId, fingerprint: holder.fingerprint })
  }
  if (moved.length) await tx.query(MOVE_KEYS, [JSON.stringify(moved)])
  if (freed.length) await tx.query(FREE_KEYS, [JSON.stringify(freed)])
  return decided
}
