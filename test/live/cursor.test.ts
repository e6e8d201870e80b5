import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decodeCursor, encodeCursor, isVisibleIn, parseSnapshot, type Snapshot } from '../../src/live/cursor.ts'

const origin = 'AAECAwQFBgcICQoL'

/** A snapshot with `count` transactions in progress, `step` apart. */
function snapshotOf(xmin: bigint, count: number, step = 1n): Snapshot {
  const xip = Array.from({ length: count }, (_, index) => xmin + BigInt(index) * step)
  return { xmin, xmax: xmin + BigInt(count) * step, xip }
}

const anySnapshot = fc
  .tuple(fc.bigInt({ min: 3n, max: 2n ** 62n }), fc.array(fc.bigInt({ min: 1n, max: 10_000n }), { maxLength: 50 }))
  .map(([xmin, gaps]) => {
    const xip: bigint[] = []
    let last = xmin
    for (const gap of gaps) {
      xip.push(last)
      last += gap
    }
    return { xmin, xmax: last, xip }
  })

describe('the live cursor', () => {
  test('every snapshot survives encoding as a cursor and decoding', () => {
    fc.assert(
      fc.property(anySnapshot, (snapshot) => {
        const text = encodeCursor({ origin, snapshot })
        expect(text).toMatch(/^[A-Za-z0-9_-]+$/)
        expect(decodeCursor(text)).toEqual({ origin, snapshot })
      }),
    )
  })

  test('a snapshot is read from Postgres’ own text', () => {
    expect(parseSnapshot('10:20:10,14,15')).toEqual({ xmin: 10n, xmax: 20n, xip: [10n, 14n, 15n] })
    expect(parseSnapshot('851:851:')).toEqual({ xmin: 851n, xmax: 851n, xip: [] })
    expect(() => parseSnapshot('now')).toThrow(/Expected a snapshot .* got "now"/)
  })

  test('finished transactions are visible in a snapshot; running and later ones are not', () => {
    const snapshot = parseSnapshot('10:20:10,14')
    const seen = [9n, 10n, 11n, 14n, 19n, 20n, 21n].filter((xid) => isVisibleIn(snapshot, xid))
    expect(seen).toEqual([9n, 11n, 19n])
  })

  test('a cursor with thousands of running transactions fits into a request', () => {
    const snapshot = snapshotOf(10_000_000_000n, 4_000, 3n)
    const text = encodeCursor({ origin, snapshot })
    expect(text.length).toBeLessThan(16_000)
    expect(decodeCursor(text)?.snapshot).toEqual(snapshot)
  })

  test('with too many running transactions to list, the cursor is an earlier one, which hides no change', () => {
    for (const snapshot of [snapshotOf(1_000n, 50_000), snapshotOf(1_000n, 4_096, 2n ** 50n)]) {
      const text = encodeCursor({ origin, snapshot })
      expect(text.length).toBeLessThanOrEqual(48_000)
      const read = decodeCursor(text)!.snapshot
      for (const xid of [...snapshot.xip.slice(0, 100), snapshot.xmax]) expect(isVisibleIn(read, xid)).toBe(false)
      expect(isVisibleIn(read, snapshot.xmin - 1n)).toBe(true)
    }
  })

  test('a text that is not a cursor is decoded as null, and never throws', () => {
    const good = encodeCursor({ origin, snapshot: snapshotOf(100n, 5) })
    const bad = ['', 'x', '!!', good.slice(0, -2), `${good}AA`, `B${good.slice(1)}`, 'A'.repeat(100_000), `${good}\n`]
    for (const text of bad) expect(decodeCursor(text)).toBeNull()
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.base64String()), (text) => {
        const read = decodeCursor(text)
        if (read) expect(encodeCursor(read)).toBe(text)
      }),
    )
  })
})
