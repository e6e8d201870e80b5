// Rows on their way into a statement: an array for each column, in Postgres' binary form, which it takes as it comes.
// Written as JSON, the same rows cost it three to six times as much (docs/performance.md).

import { writeUuid } from '../domain/values/hex.ts'

type Column<Value> = {
  /** The type's name in SQL, and its OID, which is the same in every database. */
  readonly type: string
  readonly oid: number
  readonly size: (value: Value) => number
  /** Writes the value at `at`. */
  readonly write: (bytes: Buffer, value: Value, at: number) => unknown
}

const EPOCH_2000_MS = Date.UTC(2000)
const HIGH_WORD = 2 ** 32

export const uuid: Column<string> = {
  type: 'uuid',
  oid: 2950,
  size: () => 16,
  // Ids of ours are written with lowercase digits; other forms take the longer way.
  write: (bytes, value, at) => writeUuid(bytes, value, at) || bytes.write(value.replaceAll('-', ''), at, 'hex'),
}

/** A lone surrogate becomes U+FFFD; a NUL is refused by Postgres (SQLSTATE 22021). */
export const text: Column<string> = {
  type: 'text',
  oid: 25,
  size: (value) => Buffer.byteLength(value),
  write: (bytes, value, at) => bytes.write(value, at),
}

/** Text whose length in UTF-8 is known, `bytes`: measuring a long one takes longer than writing it. Throws where it is less. */
export const measuredText: Column<{ readonly text: string; readonly bytes: number }> = {
  ...text,
  size: ({ bytes }) => bytes,
  write(into, value, at) {
    const written = into.write(value.text, at)
    if (written !== value.bytes) throw new RangeError(`Expected text of ${value.bytes} bytes, got ${written}.`)
  },
}

export const bytea: Column<Buffer> = {
  type: 'bytea',
  oid: 17,
  size: (value) => value.length,
  write: (bytes, value, at) => value.copy(bytes, at),
}

export const int: Column<number> = {
  type: 'int',
  oid: 23,
  size: () => 4,
  write: (bytes, value, at) => bytes.writeInt32BE(value, at),
}

export const double: Column<number> = {
  type: 'float8',
  oid: 701,
  size: () => 8,
  write: (bytes, value, at) => bytes.writeDoubleBE(value, at),
}

export const smallint: Column<number> = {
  type: 'smallint',
  oid: 21,
  size: () => 2,
  write: (bytes, value, at) => bytes.writeInt16BE(value, at),
}

export const real: Column<number> = {
  type: 'real',
  oid: 700,
  size: () => 4,
  write: (bytes, value, at) => bytes.writeFloatBE(value, at),
}

export const bool: Column<boolean> = {
  type: 'bool',
  oid: 16,
  size: () => 1,
  write: (bytes, value, at) => bytes.writeUInt8(value ? 1 : 0, at),
}

export const timestamptz: Column<Date> = {
  type: 'timestamptz',
  oid: 1184,
  size: () => 8,
  write: (bytes, value, at) => {
    const micros = (value.getTime() - EPOCH_2000_MS) * 1_000
    const high = Math.floor(micros / HIGH_WORD)
    bytes.writeUInt32BE(micros - high * HIGH_WORD, bytes.writeInt32BE(high, at))
  },
}

export type Recordset<Row> = {
  /** What a statement reads the rows from, `unnest($1::uuid[], …) as r(id, …)`: its first parameters are the columns. */
  readonly source: string
  /** How many parameters those are. */
  readonly width: number
  /** The whole column as an SQL array. */
  array(name: keyof Row & string): string
  /** Their values. What is absent or null in a row is null. */
  values(rows: readonly Row[]): Buffer[]
  /** For a statement that takes one row, not as arrays: its first parameters are the values of that row. */
  readonly single: {
    /** What the statement reads the row from, `select $1::uuid as id, …`. */
    readonly source: string
    /** The value of a column in SQL. */
    value(name: keyof Row & string): string
    /** The values. What is absent or null is null. */
    values(row: Row): (Buffer | null)[]
  }
}

type RowOf<Columns> = {
  readonly [Name in keyof Columns]?: (Columns[Name] extends Column<infer Value> ? Value : never) | null
}

/** Rows with these columns, under this name in SQL. */
export function recordset<Columns extends Record<string, Column<never>>>(
  alias: string,
  columns: Columns,
): Recordset<RowOf<Columns>> {
  const names = Object.keys(columns)
  const kinds = Object.values(columns) as unknown as Column<unknown>[]
  const parameter = (name: string) => `$${names.indexOf(name) + 1}::${columns[name]!.type}`
  return {
    source: `unnest(${kinds.map(({ type }, i) => `$${i + 1}::${type}[]`).join(', ')}) as ${alias}(${names.join(', ')})`,
    width: names.length,
    array: (name) => `${parameter(name)}[]`,
    values: (rows) => kinds.map((kind, i) => encode(kind, rows as readonly Record<string, unknown>[], names[i]!)),
    single: {
      source: `select ${names.map((name) => `${parameter(name)} as ${name}`).join(', ')}`,
      value: parameter,
      values: (row) => kinds.map((kind, i) => encodeOne(kind, (row as Record<string, unknown>)[names[i]!] ?? null)),
    },
  }
}

const HEAD_BYTES = 20

function encodeOne({ size, write }: Column<unknown>, value: unknown): Buffer | null {
  if (value === null) return null
  const bytes = Buffer.allocUnsafe(size(value))
  write(bytes, value, 0)
  return bytes
}

function encode({ oid, size, write }: Column<unknown>, rows: readonly Record<string, unknown>[], name: string): Buffer {
  let length = HEAD_BYTES
  let hasNull = 0
  for (const row of rows) {
    const value = row[name] ?? null
    length += 4
    if (value === null) hasNull = 1
    else length += size(value)
  }
  const bytes = Buffer.allocUnsafe(length)
  let at = 0
  // One dimension, of so many values, counted from 1.
  for (const head of [1, hasNull, oid, rows.length, 1]) at = bytes.writeInt32BE(head, at)
  for (const row of rows) {
    const value = row[name] ?? null
    if (value === null) {
      at = bytes.writeInt32BE(-1, at)
      continue
    }
    const valueBytes = size(value)
    at = bytes.writeInt32BE(valueBytes, at)
    write(bytes, value, at)
    at += valueBytes
  }
  return bytes
}
