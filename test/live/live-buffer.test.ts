import { expect, test } from 'vitest'
import { type Batch, createLiveBuffer, splitBatch } from '../../src/live/live-buffer.ts'

type Row = { id: string; state: number }

const batch = (cursor: string, rows: [string, number][], more: Partial<Batch<Row>> = {}): Batch<Row> => ({
  cursor,
  rows: rows.map(([id, state]) => ({ id, state })),
  droppedCount: 0,
  resyncRequired: false,
  ...more,
})

test('the live buffer returns a batch that is taken in time as the same object', () => {
  const buffer = createLiveBuffer<Row>({ maxRows: 10, partRows: 10 })
  const one = batch('1', [['a', 1]])
  buffer.add([one])
  expect(buffer.take('0')).toBe(one)
  expect(buffer.take('1')).toBeNull()
})

test('the live buffer merges waiting batches: each row once, in its newest state, with the newest cursor', () => {
  const buffer = createLiveBuffer<Row>({ maxRows: 10, partRows: 10 })
  buffer.add([batch('1', [['a', 1], ['b', 1]])]) // biome-ignore format: a row per change
  buffer.add([batch('2', [['a', 2]])])
  expect(buffer.take('0')).toEqual(batch('2', [['b', 1], ['a', 2]])) // biome-ignore format: a row per change
  expect(buffer.take('2')).toBeNull()
})

test('above its limit the live buffer drops its rows, counts them and asks for a resync', () => {
  const buffer = createLiveBuffer<Row>({ maxRows: 3, partRows: 10 })
  for (let index = 0; index < 10; index++) {
    buffer.add([batch(String(index), [[`row ${index}`, 1]])])
    expect(buffer.rowCount()).toBeLessThanOrEqual(3)
  }
  const taken = buffer.take('before')!
  expect(taken.resyncRequired).toBe(true)
  expect(taken.droppedCount + taken.rows.length).toBe(10)
  expect(taken.cursor).toBe('9')
  buffer.add([batch('10', [['x', 1]])])
  expect(buffer.take('9')).toEqual(batch('10', [['x', 1]]))
})

test('the live buffer forgets a batch whose rows are all known, but keeps dropped counts and resyncs', () => {
  const buffer = createLiveBuffer<Row>({ maxRows: 10, partRows: 10 })
  buffer.add([batch('1', [['a', 1]])])
  buffer.forget(() => true)
  expect(buffer.take('0')).toBeNull()
  buffer.add([batch('2', [['a', 1]], { resyncRequired: true })])
  buffer.forget(() => true)
  expect(buffer.take('0')).toEqual(batch('2', [], { resyncRequired: true }))
})

test('only the last part of a large batch has the new cursor', () => {
  const rows: [string, number][] = [['a', 1], ['b', 1], ['c', 1], ['d', 1], ['e', 1]] // biome-ignore format: one line
  const parts = splitBatch(batch('new', rows, { droppedCount: 4, resyncRequired: true }), 'old', 2)
  expect(
    parts.map(({ cursor, rows, droppedCount, resyncRequired }) => [cursor, rows.length, droppedCount, resyncRequired]),
  ).toEqual([
    ['old', 2, 4, true],
    ['old', 2, 0, false],
    ['new', 1, 0, false],
  ])
})
