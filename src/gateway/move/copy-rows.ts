// Copies rows of a tenant from one database to another. Every copy can be repeated: a row that is there already is overwritten.

import type { PoolClient } from 'pg'
import { queueForSearch } from '../../database/search-index.ts'

export type Ends = { readonly source: PoolClient; readonly target: PoolClient }

const AT_ONCE = 200

type TargetTable = { readonly columns: readonly string[]; readonly key: readonly string[] }

const tables = new WeakMap<PoolClient, Map<string, TargetTable>>()

/** Columns that are the target's own: stamps of its transactions, numbers that it gives. */
const OWN_COLUMNS = ['changed_xid']

async function describe(target: PoolClient, table: string): Promise<TargetTable> {
  const known = tables.get(target) ?? new Map<string, TargetTable>()
  tables.set(target, known)
  const present = known.get(table)
  if (present) return present
  const { rows } = await target.query<{ name: string; isKey: boolean; isIdentity: boolean }>(
    `select a.attname as name, a.attidentity <> '' as "isIdentity",
       coalesce(a.attnum = any (i.indkey), false) as "isKey"
     from pg_attribute a left join pg_index i on i.indrelid = a.attrelid and i.indisprimary
     where a.attrelid = $1::regclass and a.attnum > 0 and not a.attisdropped order by a.attnum`,
    [table],
  )
  const described = {
    columns: rows.flatMap(({ name, isIdentity }) => (isIdentity || OWN_COLUMNS.includes(name) ? [] : [name])),
    key: rows.flatMap(({ name, isKey }) => (isKey ? [name] : [])),
  }
  known.set(table, described)
  return described
}

/** Writes rows, each a JSON text with the names of the columns. Rows of a table without a key are only added. */
export async function writeRows(target: PoolClient, table: string, rows: readonly string[]): Promise<void> {
  if (rows.length === 0) return
  const { columns, key } = await describe(target, table)
  const rest = columns.filter((column) => !key.includes(column))
  const conflict = key.length
    ? `on conflict (${key.join(', ')}) do ${
        rest.length && table !== 'audit_entry'
          ? `update set ${rest.map((column) => `${column} = excluded.${column}`).join(', ')}`
          : 'nothing'
      }`
    : ''
  await target.query(
    `insert into ${table} (${columns.join(', ')})
     select ${columns.join(', ')} from json_populate_recordset(null::${table}, $1) ${conflict}`,
    [`[${rows.join(',')}]`],
  )
}

const A_PAGE = 1_000

/** SQL: whether the delivery `d` is of an endpoint of the tenant $1. */
export const OF_TENANT = 'd.endpoint_id = any (array(select id from endpoint where tenant_id = $1))'

/** Reads rows, and hands them over in pages. All are of one moment, and what `take` does is committed page by page. */
export async function inPages<Row extends object>(
  source: PoolClient,
  select: string,
  values: readonly unknown[],
  take: (rows: readonly Row[]) => Promise<void>,
): Promise<void> {
  await source.query(`declare page no scroll cursor with hold for ${select}`, [...values])
  for (;;) {
    const { rows } = await source.query<Row>(`fetch ${A_PAGE} from page`)
    if (rows.length) await take(rows)
    if (rows.length < A_PAGE) break
  }
  await source.query('close page')
}

/** Reads rows as JSON texts, and hands them over in pages. `select` has the tenant as $1. */
export async function eachPage(
  source: PoolClient,
  select: string,
  tenantId: string,
  take: (rows: readonly string[]) => Promise<void>,
): Promise<void> {
  await inPages<{ row: string }>(source, `select to_json(t)::text as row from (${select}) t`, [tenantId], (rows) =>
    take(rows.map(({ row }) => row)),
  )
}

export type Changes = {
  readonly tenantId: string
  /** What transactions from this number on wrote. */
  readonly since: string
  /** The smallest id that the target has a partition for. */
  readonly from: string
}

/** Copies the events that changed, and asks the target to index them. Returns how many. */
export async function copyEvents({ source, target }: Ends, changes: Changes): Promise<number> {
  return eachChanged(source, 'event', changes, async (rows) => {
    await writeRows(
      target,
      'event',
      rows.map(({ row }) => row),
    )
    await target.query(queueForSearch('unnest($1::uuid[]) as stored(id)'), [rows.map(({ id }) => id)])
  })
}

/**
 * Copies the idempotency keys that changed. They have no stamp of their own, so the transaction that wrote the row is looked at: a
 * key is kept for a day, in which the numbers of transactions do not come round.
 */
export async function copyKeys({ source, target }: Ends, { tenantId, since }: Changes): Promise<void> {
  for (let after = ''; ; ) {
    const { rows } = await source.query<{ key: string; row: string }>(
      `select key, to_json(k)::text as row from idempotency_key k
       where tenant_id = $1 and key > $2 and age(xmin) <= age($3::xid8::xid) order by key limit ${A_PAGE}`,
      [tenantId, after, since],
    )
    await writeRows(
      target,
      'idempotency_key',
      rows.map(({ row }) => row),
    )
    if (rows.length < A_PAGE) return
    after = rows.at(-1)!.key
  }
}

/** Copies the deliveries that changed, with all their attempts. Returns how many. */
export async function copyDeliveries(ends: Ends, changes: Changes): Promise<number> {
  return eachChanged(ends.source, 'delivery', changes, (rows) => writeDeliveries(ends, rows))
}

/** Nobody holds a delivery that has just arrived. */
const FREE = { lease_token: null, lease_until: null, lease_by: null, gated: false, sent_alone: false }

/**
 * Copies the deliveries that wait to be sent and are not the same at the target. Some changes leave no stamp: a delivery that may
 * go on in its line, one that was in the air when a process died. Returns how many.
 */
export async function copyWhatDiffers(
  { source, target }: Ends,
  { tenantId, from }: Omit<Changes, 'since'>,
): Promise<number> {
  const { columns } = await describe(target, 'delivery')
  // The hash of an enum is that of a number which each database gives by itself.
  const compared = columns.filter((column) => column !== 'status' && !(column in FREE))
  const hashed = `select d.id, hash_record_extended((${compared.map((column) => `d.${column}`).join(', ')}), 0)::text as hash
    from delivery d where d.status = 'PENDING'`
  let total = 0
  type Hashed = { readonly id: string; readonly hash: string }
  await inPages<Hashed>(source, `${hashed} and ${OF_TENANT} and d.id >= $2::uuid`, [tenantId, from], async (here) => {
    const { rows } = await target.query<Hashed>(`${hashed} and d.id = any ($1::uuid[])`, [here.map(({ id }) => id)])
    const there = new Map(rows.map(({ id, hash }) => [id, hash]))
    const differing = here.filter(({ id, hash }) => there.get(id) !== hash).map(({ id }) => id)
    for (let at = 0; at < differing.length; at += AT_ONCE) {
      const changed = await source.query<ChangedRow>(
        `select id, '' as stamp, to_json(d)::text as row from delivery d where id = any ($1::uuid[])`,
        [differing.slice(at, at + AT_ONCE)],
      )
      await writeDeliveries({ source, target }, changed.rows)
    }
    total += differing.length
  })
  return total
}

async function writeDeliveries({ source, target }: Ends, rows: readonly ChangedRow[]): Promise<void> {
  await writeRows(
    target,
    'delivery',
    rows.map(({ row }) => JSON.stringify({ ...JSON.parse(row), ...FREE })),
  )
  const ids = rows.map(({ id }) => id)
  const attempts = await source.query<{ row: string }>(
    'select to_json(a)::text as row from attempt a where delivery_id = any ($1::uuid[])',
    [ids],
  )
  const read = attempts.rows.map(({ row }) => JSON.parse(row) as Record<string, unknown>)
  const forms = await copyForms(
    { source, target },
    read.flatMap(({ request_form, response_form }) => [request_form, response_form]),
  )
  const written = read.map((attempt) =>
    JSON.stringify({
      ...attempt,
      request_form: forms.get(attempt['request_form']) ?? null,
      response_form: forms.get(attempt['response_form']) ?? null,
    }),
  )
  await writeRows(target, 'attempt', written)
  const signatures = await source.query<{ row: string }>(
    'select to_json(t)::text as row from test_signature t where delivery_id = any ($1::uuid[])',
    [ids],
  )
  await writeRows(
    target,
    'test_signature',
    signatures.rows.map(({ row }) => row),
  )
}

/** Makes the forms of headers at the target. Returns the target's number of each. */
async function copyForms({ source, target }: Ends, used: readonly unknown[]): Promise<Map<unknown, number>> {
  const ids = [...new Set(used.filter((id) => id !== null))]
  if (ids.length === 0) return new Map()
  const { rows } = await source.query(
    'select id, week, digest, url, headers from header_form where id = any ($1::int[])',
    [ids],
  )
  const copied = new Map<unknown, number>()
  for (const { id, week, digest, url, headers } of rows) {
    const made = await target.query<{ id: number }>(
      `insert into header_form (week, digest, url, headers) values ($1, $2, $3, $4)
       on conflict (week, digest) do update set week = excluded.week returning id`,
      [week, digest, url, headers],
    )
    copied.set(id, made.rows[0]!.id)
  }
  return copied
}

type ChangedRow = { readonly id: string; readonly stamp: string; readonly row: string }

async function eachChanged(
  source: PoolClient,
  table: string,
  { tenantId, since, from }: Changes,
  take: (rows: readonly ChangedRow[]) => Promise<void>,
): Promise<number> {
  let stamp = since
  let after = '00000000-0000-0000-0000-000000000000'
  for (let total = 0; ; ) {
    const { rows } = await source.query<ChangedRow>(
      `select id, changed_xid::text as stamp, to_json(t)::text as row from ${table} t
       where tenant_id = $1 and changed_xid >= $2::xid8 and (changed_xid, id) > ($2::xid8, $3::uuid) and id >= $4::uuid
       order by changed_xid, id limit ${AT_ONCE}`,
      [tenantId, stamp, after, from],
    )
    if (rows.length) await take(rows)
    total += rows.length
    if (rows.length < AT_ONCE) return total
    ;({ stamp, id: after } = rows.at(-1)!)
  }
}
