// Moments as RFC 3339 writes them: a date that exists, a time of day, and an offset, which is never guessed. Seconds may be
// absent, as Java's OffsetDateTime leaves them out when they are zero.

import { findTimeFault } from './mend-time.ts'

const RFC_3339 = /^(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d)(?::(\d\d)(?:\.(\d+))?)?(?:[Zz]|([+-])(\d\d):(\d\d))$/

const MINUTE_MS = 60_000

/** The moment, cut to milliseconds; a leap second is the start of the next minute. null when the text is no moment. */
export function readDateTime(text: string): Date | null {
  const match = RFC_3339.exec(text)
  if (!match) return null
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map((digits) => Number(digits ?? 0)) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ]
  if (hour > 23 || minute > 59 || second > 60) return null
  const offsetHours = Number(match[9] ?? 0)
  const offsetMinutes = Number(match[10] ?? 0)
  if (offsetHours > 23 || offsetMinutes > 59) return null
  const date = new Date(0)
  date.setUTCFullYear(year, month - 1, day)
  if (date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day) return null
  const milliseconds = Number((match[7] ?? '').slice(0, 3).padEnd(3, '0'))
  date.setUTCHours(hour, minute, second, milliseconds)
  const offset = (match[8] === '-' ? -1 : 1) * (offsetHours * 60 + offsetMinutes)
  const moment = new Date(date.getTime() - offset * MINUTE_MS)
  // Outside the years 1 to 9999 a moment cannot be written in four digits, nor stored.
  const shownYear = moment.getUTCFullYear()
  return shownYear >= 1 && shownYear <= 9999 ? moment : null
}

/** Stands where a time was expected and another value came. */
export class UnreadableTime {
  readonly written: unknown
  constructor(written: unknown) {
    this.written = written
  }

  /** How to write it, as the end of a message. */
  get advice(): string {
    const isScalar = typeof this.written === 'string' || typeof this.written === 'number'
    return (isScalar && findTimeFault(this.written)?.advice) || 'write it in this format'
  }
}

/** What a time is to look like, for messages. */
export const TIME_EXAMPLES = '2026-11-01T09:30:00Z or 2026-11-01T10:30:00+01:00'
