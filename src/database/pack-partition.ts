// Rebuilds the indexes of a partition whose week is over. While the week is open, the end of each delivery leaves a second entry
// in most indexes of its table, and pages that were split stay half empty; nothing fills that room later. `reindex … concurrently`
// makes a new index beside the old one while other sessions read and write the table. It is several transactions, so a process
// may die, or run out of time, in between: what is left is an index that no query uses, and the next round drops it.

import pg from 'pg'

type Client = Pick<pg.ClientBase, 'query'>
type Reader = Pick<pg.Pool, 'query'> | Client

/** An index of a partition that was not rebuilt yet, and its bytes. */
export type UnpackedIndex = { readonly name: string; readonly bytes: number }

/**
 * The bytes that it takes now, or why it was not rebuilt. `refused`: this role may not. `full`: the disk has no room for a second
 * copy. `busy`: others used the table, or an old transaction went on, for too long.
 */
export type PackResult = number | 'refused' | 'full' | 'busy'

const INSUFFICIENT_PRIVILEGE = '42501'
const DISK_FULL = '53100'
/** lock_timeout, statement_timeout or a statement that was cancelled, transaction_timeout */
const OUT_OF_TIME = ['55P03', '57014', '25P04']

/** The indexes of at least so many bytes that these partitions have and that were not rebuilt yet, the smallest first. */
export async function listUnpacked(
  client: Reader,
  partitions: readonly string[],
  leastBytes: number,
): Promise<UnpackedIndex[]> {
  const { rows } = await client.query(
    `select c.relname as name, pg_relation_size(c.oid)::float8 as bytes
     from pg_index x join pg_class c on c.oid = x.indexrelid
     where x.indrelid = any ($1::text[]::regclass[]) and x.indisvalid and pg_relation_size(c.oid) >= $2
       and not exists (select from packed_index p where p.name = c.relname)
     order by 2, 1`,
    [partitions.map(quote), leastBytes],
  )
  return rows
}

/**
 * Rebuilds an index, and notes that it was. `client` is one connection outside a transaction; its statements may take `limitMs`.
 */
export async function packIndex(client: Client, { name, bytes }: UnpackedIndex, limitMs: number): Promise<PackResult> {
  try {
    // A build with helpers would take more than one core away from what is delivered meanwhile.
    await client.query(
      `set statement_timeout = ${limitMs}; set transaction_timeout = ${limitMs}; set max_parallel_maintenance_workers = 0`,
    )
    const rebuild = { text: `reindex index concurrently ${quote(name)}`, limitMs: limitMs + 1_000 }
    await client.query(rebuild)
  } catch (error) {
    const { code } = error as { code?: string }
    if (code === INSUFFICIENT_PRIVILEGE) return 'refused'
    if (code === DISK_FULL) return 'full'
    if (OUT_OF_TIME.includes(code!)) return 'busy'
    throw error
  }
  const { rows } = await client.query(
    `insert into packed_index (name, bytes_before, bytes_after) values ($1, $2, pg_relation_size($3::regclass))
     on conflict (name) do update set packed_at = now(), bytes_before = excluded.bytes_before, bytes_after = excluded.bytes_after
     returning bytes_after::float8 as bytes`,
    [name, bytes, quote(name)],
  )
  return rows[0].bytes
}

/**
 * Drops what a rebuilding that did not end has left behind, and the notes of indexes that are gone with their partitions. An
 * index that somebody rebuilds now stays.
 */
export async function tidyPacking(client: Client, partitions: readonly string[]): Promise<void> {
  const { rows } = await client.query(
    `select x.indrelid::regclass::text as partition from pg_index x join pg_class c on c.oid = x.indexrelid
     where x.indrelid = any ($1::text[]::regclass[]) and not x.indisvalid and c.relname ~ '_cc(new|old)[0-9]*$' group by 1`,
    [partitions.map(quote)],
  )
  for (const { partition } of rows) {
    try {
      await client.query('select drop_unfinished_indexes($1::regclass)', [partition])
    } catch (error) {
      if (!OUT_OF_TIME.includes((error as { code?: string }).code!)) throw error
    }
  }
  await client.query(`delete from packed_index where to_regclass(quote_ident(name)) is null`)
}

function quote(name: string): string {
  return pg.escapeIdentifier(name)
}
