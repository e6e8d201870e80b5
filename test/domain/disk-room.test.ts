import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { diskRoom, type Traffic } from '../../src/domain/disk-room.ts'
import { DAY_MS, keptSince, partitionsToPack } from '../../src/domain/retention.ts'

const WEEK_MS = 7 * DAY_MS

const BENCHED: Traffic = { eventsPerDay: 500_000, bodyBytes: 525, fanOut: 2, attempts: 1, replyBytes: 17, days: 90 }

test('the room for a million deliveries of the benchmark is what the benchmark measures, in this week and later', () => {
  const { eventBytes, unpackedBytes } = diskRoom(BENCHED)
  const gbPerMillion = (bytes: number) => (bytes * BENCHED.eventsPerDay) / 1e9
  expect(gbPerMillion(eventBytes)).toBeGreaterThan(1.25)
  expect(gbPerMillion(eventBytes)).toBeLessThan(1.3)
  expect(gbPerMillion(eventBytes + unpackedBytes)).toBeGreaterThan(1.35)
  expect(gbPerMillion(eventBytes + unpackedBytes)).toBeLessThan(1.45)
})

test('the room for what is kept counts the week that retention takes longer, and a week and a day that are not packed', () => {
  const { gb, gbPerDay, unpackedBytes } = diskRoom(BENCHED)
  expect(gb).toBeCloseTo(gbPerDay * 97 + (BENCHED.eventsPerDay * unpackedBytes * 8) / 1e9)
})

test('a week that retention takes before it could be packed counts as not packed', () => {
  for (const days of [1, 7, 8, 9, 30]) {
    const nowMs = 100 * WEEK_MS
    // The days on which a week may end, of all that are kept.
    const ends = Array.from({ length: days + 7 }, (_, day) => ({ from: 0, to: nowMs - day * DAY_MS }))
    const isPacked = partitionsToPack(ends, { nowMs, sinceMs: keptSince(nowMs, days * DAY_MS) }).length > 0
    const { gb, gbPerDay, unpackedBytes, unpackedDays } = diskRoom({ ...BENCHED, days })
    expect(unpackedDays, `${days} days`).toBe(isPacked ? 8 : null)
    const unpackedGb = (BENCHED.eventsPerDay * unpackedBytes * (isPacked ? 8 : days + 7)) / 1e9
    expect(gb).toBeCloseTo(gbPerDay * (days + 7) + unpackedGb)
  }
})

test('the room grows with the fan-out, the attempts and the bodies, and with replies up to 16 KiB', () => {
  const bytesOf = (change: Partial<Traffic>) => diskRoom({ ...BENCHED, ...change }).eventBytes
  const once = bytesOf({})
  expect(bytesOf({ bodyBytes: 1_525 }) - once).toBe(1_000)
  expect(bytesOf({ fanOut: 3 }) - once).toBe(once - bytesOf({ fanOut: 1 }))
  expect(bytesOf({ attempts: 2 })).toBeGreaterThan(once)
  expect(bytesOf({ replyBytes: 1_000_000 })).toBe(bytesOf({ replyBytes: 16_384 }))
})

test.each([
  { change: { eventsPerDay: Number.NaN }, message: 'events per day: expected a number from 0 on, got NaN' },
  { change: { bodyBytes: -1 }, message: 'bytes of a body: expected a number from 0 on, got -1' },
  { change: { fanOut: -1 }, message: 'deliveries of an event: expected a number from 0 on, got -1' },
  { change: { attempts: 0 }, message: 'attempts of a delivery: expected a number from 1 on, got 0' },
  { change: { replyBytes: Infinity }, message: 'bytes of a reply: expected a number from 0 on, got Infinity' },
  { change: { days: 0 }, message: 'days of retention: expected a number from 1 on, got 0' },
])('the room for what makes no sense is refused: $message', ({ change, message }) => {
  expect(() => diskRoom({ ...BENCHED, ...change })).toThrow(new RangeError(message))
})

test('the rooms in docs/operating.md are what the calculator says', async () => {
  const page = await readFile(new URL('../../docs/operating.md', import.meta.url), 'utf8')
  const rows = [...page.matchAll(/^\| ([\d,]+) \| ([\d,]+) bytes \| (\d+) \| (\d+) \| ([\d,]+) GB \|$/gm)]
  expect(rows.length).toBeGreaterThanOrEqual(5)
  for (const [, ...cells] of rows) {
    const [eventsPerDay, bodyBytes, fanOut, days, gb] = cells.map((cell) => Number(cell.replaceAll(',', '')))
    const room = diskRoom({
      ...BENCHED,
      eventsPerDay: eventsPerDay!,
      bodyBytes: bodyBytes!,
      fanOut: fanOut!,
      days: days!,
      replyBytes: 0,
    })
    expect(Math.round(room.gb)).toBe(gb)
  }
})
