// How much room the events of a deployment take on the disk, from what `npm run bench -- --only disk` measured for each row.

/** What is published and kept. */
export type Traffic = {
  readonly eventsPerDay: number
  /** The body of an event as the receiver gets it, with its envelope. */
  readonly bodyBytes: number
  /** Deliveries of an event. */
  readonly fanOut: number
  /** Attempts of a delivery: 1 if each succeeds at once. */
  readonly attempts: number
  /** The body of a reply. 16 KiB of it are stored at most. */
  readonly replyBytes: number
  /** SIVO_RETENTION_DAYS */
  readonly days: number
}

/** Bytes of a row and its entries in the indexes, without bodies, once its week was packed. */
const EVENT_BYTES = 415
const DELIVERY_BYTES = 490
const ATTEMPT_BYTES = 320
/**
 * What a delivery takes more until its week is packed: so many days from Monday on. A week that is kept for no longer than that is
 * never packed (domain/retention.ts).
 */
const UNPACKED_BYTES = 115
const DAYS_UNPACKED = 8
/** The index of the search, for each event. */
const SEARCH_BYTES = 90
const MOST_REPLY_BYTES = 16_384
/** Rows go by whole weeks, so the oldest are kept for so many days longer. */
const DAYS_LONGER = 7

/** Bytes for each event, and GB (a thousand million bytes) for a day and for all that is kept. */
export type DiskRoom = {
  /** Once its week was packed. */
  readonly eventBytes: number
  /** What it takes more before. */
  readonly unpackedBytes: number
  /** For how many days at most; null: for as long as it is kept. */
  readonly unpackedDays: number | null
  readonly searchBytes: number
  readonly gbPerDay: number
  readonly gb: number
}

/** The room that the rows and indexes take, after autovacuum. Throws RangeError for what is no number, or out of its bounds. */
export function diskRoom({ eventsPerDay, bodyBytes, fanOut, attempts, replyBytes, days }: Traffic): DiskRoom {
  atLeast('events per day', eventsPerDay, 0)
  atLeast('bytes of a body', bodyBytes, 0)
  atLeast('deliveries of an event', fanOut, 0)
  atLeast('attempts of a delivery', attempts, 1)
  atLeast('bytes of a reply', replyBytes, 0)
  atLeast('days of retention', days, 1)
  const attempt = ATTEMPT_BYTES + Math.min(replyBytes, MOST_REPLY_BYTES)
  const eventBytes = EVENT_BYTES + bodyBytes + fanOut * (DELIVERY_BYTES + attempts * attempt)
  const gbPerDay = (eventsPerDay * (eventBytes + SEARCH_BYTES)) / 1e9
  const unpackedBytes = fanOut * UNPACKED_BYTES
  const keptDays = days + DAYS_LONGER
  const unpackedDays = days > DAYS_UNPACKED ? DAYS_UNPACKED : null
  return {
    eventBytes,
    unpackedBytes,
    unpackedDays,
    searchBytes: SEARCH_BYTES,
    gbPerDay,
    gb: gbPerDay * keptDays + (eventsPerDay * unpackedBytes * (unpackedDays ?? keptDays)) / 1e9,
  }
}

function atLeast(name: string, value: number, least: number): void {
  if (Number.isFinite(value) && value >= least) return
  throw new RangeError(`${name}: expected a number from ${least} on, got ${value}`)
}
