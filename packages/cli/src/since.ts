import { usage } from './failure.ts'

const UNIT_MS: Record<string, number> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** A moment: `30m`, `7h` or `2d` ago, or a time such as 2026-11-28T12:00:00Z. Throws CommandFailure. */
export function parseSince(text: string, now: Date = new Date()): Date {
  const [, amount, unit] = /^(\d{1,6})([smhd])$/.exec(text) ?? []
  if (amount !== undefined) return new Date(now.getTime() - Number(amount) * UNIT_MS[unit!]!)
  const date = new Date(text)
  if (!/^\d{4}-\d\d-\d\d/.test(text) || Number.isNaN(date.getTime()))
    throw usage(`Expected a time such as 30m, 7h, 2d or 2026-11-28T12:00:00Z, got ${JSON.stringify(text)}.`)
  return date
}
