// What a statement reads from a recordset is what went into it: each type, at its ends, and nothing at all.

import { randomUUID } from 'node:crypto'
import type pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  bool,
  int,
  measuredText,
  real,
  recordset,
  smallint,
  text,
  timestamptz,
  uuid,
} from '../../src/database/recordset.ts'
import { type ClonedDatabase, cloneDatabase } from '../support/database.ts'
import { openClient } from '../support/database-session.ts'

let database: ClonedDatabase
let client: pg.Client
beforeAll(async () => {
  database = await cloneDatabase()
  client = await openClient(database.url)
})
afterAll(async () => {
  await client.end()
  await database.drop()
})

const COLUMNS = { id: uuid, name: text, size: int, small: smallint, share: real, done: bool, at: timestamptz }
const ROWS = recordset('r', COLUMNS)

async function readBack(rows: Parameters<typeof ROWS.values>[0]): Promise<object[]> {
  const { rows: read } = await client.query(`select * from ${ROWS.source}`, ROWS.values(rows))
  for (const [i, row] of rows.entries()) {
    const { rows: single } = await client.query(ROWS.single.source, ROWS.single.values(row))
    expect(single).toEqual([read[i]])
  }
  return read
}

test('rows in binary form are read unchanged, in their order, and one by one', async () => {
  const rows = [
    {
      id: randomUUID(),
      name: 'plain',
      size: 1,
      small: 2,
      share: 0.5,
      done: true,
      at: new Date('2026-11-25T10:00:00.123Z'),
    },
    {
      id: 'ffffffff-ffff-ffff-ffff-ffffffffffff',
      name: 'Ünïcødé ☎ 📞 "quoted", {braces}, back\\slash\nand lines',
      size: 2_147_483_647,
      small: 32_767,
      share: -1.25,
      done: false,
      at: new Date('1969-07-20T20:17:40.001Z'),
    },
    {
      id: '00000000-0000-0000-0000-000000000000',
      name: '',
      size: -2_147_483_648,
      small: -32_768,
      share: 0,
      done: false,
      at: new Date('9999-12-31T23:59:59.999Z'),
    },
  ]
  expect(await readBack(rows)).toEqual(rows)
})

test('an absent or null column in binary form is null, and no rows are no rows', async () => {
  const nothing = { id: null, name: null, size: null, small: null, share: null, done: null, at: null }
  expect(await readBack([{}, nothing, { name: 'one', size: 0 }])).toEqual([
    nothing,
    nothing,
    { ...nothing, name: 'one', size: 0 },
  ])
  expect(await readBack([])).toEqual([])
})

test('a UUID has the same bytes in uppercase digits and without dashes', () => {
  const ids = Array.from({ length: 100 }, randomUUID)
  const of = (written: (id: string) => string) => ROWS.values(ids.map((id) => ({ id: written(id) })))[0]!
  const bytes = of((id) => id)
  expect(of((id) => id.toUpperCase())).toEqual(bytes)
  expect(of((id) => id.replaceAll('-', ''))).toEqual(bytes)
  expect(bytes.toString('hex')).toContain(ids[99]!.replaceAll('-', ''))
})

test('in binary form a lone surrogate becomes U+FFFD, and a NUL is refused as bad data', async () => {
  expect(await readBack([{ name: 'a\ud800b' }])).toMatchObject([{ name: 'a\ufffdb' }])
  await expect(readBack([{ name: 'a\0b' }])).rejects.toMatchObject({ code: '22021' })
})

test('a text with a known length is read unchanged, and half a surrogate pair becomes U+FFFD', async () => {
  const texts = ['', 'plain', 'Ünïcødé ☎ 📞', 'half \ud83d', 'ü'.repeat(100_000)]
  const measured = recordset('m', { body: measuredText })
  const rows = texts.map((text) => ({ body: { text, bytes: Buffer.byteLength(text) } }))
  const { rows: read } = await client.query(`select * from ${measured.source}`, measured.values(rows))
  expect(read.map(({ body }) => body)).toEqual(texts.map((text) => text.toWellFormed()))
})

test('a text whose length differs from the stated one is refused', () => {
  const measured = recordset('m', { body: measuredText })
  const said = (bytes: number) => measured.values([{ body: { text: 'four', bytes } }, { body: { text: '', bytes: 0 } }])
  expect(() => said(5)).toThrow('Expected text of 5 bytes, got 4.')
  expect(said(4)).toHaveLength(1)
})
