// Removes a partition of event, delivery, attempt or the search index while others read and write its table. `detach … concurrently` waits
// for them instead of making them wait. It is two transactions, so a process may die, or run out of time, in between: the
// partition then carries its bounds in a comment, and the next round finishes what was begun (finishDetaching).
//
// Promise: a delivery that waits to be sent is never dropped. Between the look and the detaching somebody may retry a dead
// letter; so the detached table is looked at again, and attached again if it has such a delivery.

import pg from 'pg'
import { smallestIdAt } from './filters/id-window.ts'
import { type Client, PARTITIONED, type Partition, type PartitionedTable } from './partitions.ts'

/** `waiting`: it has deliveries that wait to be sent. `busy`: others used the table for too long; the next round tries again. */
export type DropResult = 'dropped' | 'waiting' | 'busy'

const INSUFFICIENT_PRIVILEGE = '42501'
/** lock_timeout, statement_timeout */
const OUT_OF_TIME = ['55P03', '57014']

/** Removes a partition. `client` is one connection outside a transaction. */
export async function dropPartition(client: Client, partition: Partition): Promise<DropResult> {
  const { table, name } = partition
  if (table === 'delivery' && (await holdsPending(client, name))) return 'waiting'
  try {
    await note(client, name, boundsOf(partition))
    await client.query(`alter table ${table} detach partition ${quote(name)} concurrently`)
  } catch (error) {
    const { code } = error as { code?: string }
    if (code === INSUFFICIENT_PRIVILEGE) return dropAsOwner(client, partition)
    if (OUT_OF_TIME.includes(code!)) return 'busy'
    throw error
  }
  return endDetached(client, { table, name, bounds: boundsOf(partition) })
}

export type Finished = { readonly table: PartitionedTable; readonly name: string; readonly result: DropResult }

/** Finishes what an earlier round began. While one partition of a table is being detached, Postgres detaches no other. */
export async function finishDetaching(client: Client): Promise<Finished[]> {
  const finished: Finished[] = []
  for (const begun of await listDetached(client)) {
    try {
      if (begun.isPending)
        await client.query(`alter table ${begun.table} detach partition ${quote(begun.name)} finalize`)
      finished.push({ ...begun, result: await endDetached(client, begun) })
    } catch (error) {
      if (!OUT_OF_TIME.includes((error as { code?: string }).code!)) throw error
      finished.push({ ...begun, result: 'busy' })
    }
  }
  return finished
}

type Detached = { readonly table: PartitionedTable; readonly name: string; readonly bounds: string }

async function endDetached(client: Client, { table, name, bounds }: Detached): Promise<DropResult> {
  if (table === 'delivery' && (await holdsPending(client, name))) {
    // Detaching left a constraint that says the same as the bounds, so no row is read here.
    await client.query(`alter table ${table} attach partition ${quote(name)} for values ${bounds}`)
    await note(client, name, null)
    return 'waiting'
  }
  await client.query(`drop table ${quote(name)}`)
  return 'dropped'
}

/** For a role that does not own the tables: the owner's function takes the table for itself for a moment. */
async function dropAsOwner(client: Client, { table, name }: Partition): Promise<DropResult> {
  for (let tries = 1; tries <= 20; tries++) {
    try {
      const { rows } = await client.query('select drop_partition($1, $2) as dropped', [table, name])
      return rows[0].dropped ? 'dropped' : 'waiting'
    } catch (error) {
      if (!OUT_OF_TIME.includes((error as { code?: string }).code!)) throw error
    }
  }
  return 'busy'
}

/** Whether deliveries in this partition wait to be sent. Looks along the index of what is due, which holds nothing else. */
export async function holdsPending(client: Client, name: string): Promise<boolean> {
  const { rows } = await client.query(
    `select 1 from ${quote(name)} where status = 'PENDING' order by endpoint_id, test, next_attempt_at limit 1`,
  )
  return rows.length > 0
}

const NOTE = 'sivo: detached by retention, '

async function note(client: Client, name: string, bounds: string | null): Promise<void> {
  const text = bounds === null ? 'null' : pg.escapeLiteral(NOTE + bounds)
  await client.query(`comment on table ${quote(name)} is ${text}`)
}

/** What carries our note and is not, or not wholly, a partition any more. A table that somebody else detached stays. */
async function listDetached(client: Client): Promise<(Detached & { isPending: boolean })[]> {
  const { rows } = await client.query(
    `select c.relname as name, obj_description(c.oid, 'pg_class') as note, i.inhrelid is not null as "isPending"
     from pg_class c left join pg_inherits i on i.inhrelid = c.oid
     where c.relkind = 'r' and c.relnamespace = (select relnamespace from pg_class where oid = 'delivery'::regclass)
       and starts_with(obj_description(c.oid, 'pg_class'), $1) and (i.inhrelid is null or i.inhdetachpending)
     order by c.relname`,
    [NOTE],
  )
  return rows.flatMap(({ name, note, isPending }) => {
    const table = PARTITIONED.find((each) => name.startsWith(`${each}_`))
    return table ? [{ table, name, isPending, bounds: note.slice(NOTE.length) }] : []
  })
}

function boundsOf({ from, to }: Partition): string {
  const bound = (ms: number) => (ms === Number.NEGATIVE_INFINITY ? 'minvalue' : pg.escapeLiteral(smallestIdAt(ms)))
  return `from (${bound(from)}) to (${bound(to)})`
}

function quote(name: string): string {
  return pg.escapeIdentifier(name)
}
