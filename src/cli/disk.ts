// npm run disk: how much room on the disk a deployment needs. Exit codes: 0, and 64 for arguments it does not know.

import { parseArgs } from 'node:util'
import { diskRoom } from '../domain/disk-room.ts'

const EXIT_USAGE = 64
const USAGE = `npm run disk -- [options]      the room that events take on the disk of the database

  --events-per-day n   events that are published in a day (default 1e6)
  --body n             bytes of an event's body, with its envelope (default 525)
  --fan-out n          deliveries of an event (default 2)
  --attempts n         attempts of a delivery (default 1)
  --reply n            bytes of a reply's body (default 0)
  --days n             SIVO_RETENTION_DAYS (default 90)
`

try {
  process.stdout.write(answer(process.argv.slice(2)))
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n\n${USAGE}`)
  process.exitCode = EXIT_USAGE
}

/** Throws TypeError or RangeError with a sentence for the caller. */
function answer(args: string[]): string {
  const { values } = parseArgs({
    args,
    options: {
      'events-per-day': { type: 'string', default: '1e6' },
      body: { type: 'string', default: '525' },
      'fan-out': { type: 'string', default: '2' },
      attempts: { type: 'string', default: '1' },
      reply: { type: 'string', default: '0' },
      days: { type: 'string', default: '90' },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) return USAGE
  const days = numberOf(values.days)
  const { eventBytes, unpackedBytes, unpackedDays, searchBytes, gbPerDay, gb } = diskRoom({
    eventsPerDay: numberOf(values['events-per-day']),
    bodyBytes: numberOf(values.body),
    fanOut: numberOf(values['fan-out']),
    attempts: numberOf(values.attempts),
    replyBytes: numberOf(values.reply),
    days,
  })
  return `${Math.round(eventBytes)} bytes for each event with its deliveries and attempts, and ${searchBytes} for the search
${Math.round(unpackedBytes)} bytes more ${unpackedDays === null ? 'all the time: with so few days a week goes before its indexes are packed' : `in its first ${unpackedDays} days, until the indexes of its week are packed`}
${shown(gbPerDay)} GB a day
${shown(gb)} GB for ${days} days: rows go by whole weeks, so this is the room of ${days + 7}
Have a third more for the write-ahead log and for rows that autovacuum has not cleaned yet.
`
}

/** NaN for a text that is no number. */
function numberOf(text: string): number {
  return text.trim() === '' ? Number.NaN : Number(text)
}

function shown(gb: number): string {
  return gb < 10 ? gb.toFixed(2) : Math.round(gb).toLocaleString('en-GB')
}
