// Where a live stream stands: a snapshot of the database, as an opaque text. What changed since is exactly what that
// snapshot could not see; neither clocks nor the order of ids or commits play a part. A cursor of another database is
// recognised by its origin. Forged cursors can only ask for more or fewer rows of a tenant the caller may read anyway.

/** Which transactions were finished: those below `xmin`, and those below `xmax` that are not in `xip` (ascending). */
export type Snapshot = { readonly xmin: bigint; readonly xmax: bigint; readonly xip: readonly bigint[] }

/** `origin` names the database and its timeline: 16 characters of base64url. */
export type Cursor = { readonly origin: string; readonly snapshot: Snapshot }

const VERSION = 1
const ORIGIN_BYTES = 12
/** More transactions in progress than this are not listed one by one. */
const MAX_LISTED = 4_096
/** Longer texts are no cursors of ours; with one in its variables a request still fits into 64 KiB. */
const MAX_LENGTH = 48_000
const LARGEST_XID = 2n ** 64n - 1n

/** Reads `pg_current_snapshot()::text`: `xmin:xmax:xip,…`. Throws on anything else. */
export function parseSnapshot(text: string): Snapshot {
  const [, xmin, xmax, xip] = /^(\d+):(\d+):([\d,]*)$/.exec(text) ?? []
  if (xmin === undefined || xmax === undefined)
    throw new Error(`Expected a snapshot such as "10:20:10,14", got ${JSON.stringify(text.slice(0, 100))}.`)
  return { xmin: BigInt(xmin), xmax: BigInt(xmax), xip: xip ? xip.split(',').map(BigInt) : [] }
}

/** True when what transaction `xid` wrote was there to see, given that it was committed at all. */
export function isVisibleIn(snapshot: Snapshot, xid: bigint): boolean {
  if (xid < snapshot.xmin) return true
  return xid < snapshot.xmax && !snapshot.xip.includes(xid)
}

/**
 * The opaque text of a cursor. A snapshot with too many transactions in progress to list is given as an earlier one:
 * its reader gets some changes twice, and misses none.
 */
export function encodeCursor({ origin, snapshot }: Cursor): string {
  const whole = write(origin, snapshot)
  if (snapshot.xip.length <= MAX_LISTED && whole.length <= MAX_LENGTH) return whole
  return write(origin, { xmin: snapshot.xmin, xmax: snapshot.xmin, xip: [] })
}

/** The cursor behind a text; null when it is none that this version gives out. */
export function decodeCursor(text: string): Cursor | null {
  if (text.length > MAX_LENGTH || !/^[A-Za-z0-9_-]+$/.test(text)) return null
  const bytes = Buffer.from(text, 'base64url')
  if (bytes[0] !== VERSION || bytes.length < 1 + ORIGIN_BYTES || bytes.toString('base64url') !== text) return null
  const read = reader(bytes, 1 + ORIGIN_BYTES)
  const xmin = read()
  const span = read()
  const count = read()
  if (xmin === null || span === null || count === null || count > MAX_LISTED) return null
  const xmax = xmin + span
  const xip: bigint[] = []
  let last = xmin
  for (let index = 0; index < count; index++) {
    const step = read()
    if (step === null || (step === 0n && index > 0)) return null
    last += step
    if (last >= xmax) return null
    xip.push(last)
  }
  if (xmax > LARGEST_XID || !read.atEnd()) return null
  return { origin: bytes.subarray(1, 1 + ORIGIN_BYTES).toString('base64url'), snapshot: { xmin, xmax, xip } }
}

// version, origin, then LEB128 numbers: xmin, xmax - xmin, how many are in progress, and each one's distance from the last
function write(origin: string, { xmin, xmax, xip }: Snapshot): string {
  const bytes = [VERSION, ...originBytes(origin)]
  const number = (value: bigint) => {
    let rest = value
    while (rest >= 128n) {
      bytes.push(Number(rest & 127n) | 128)
      rest >>= 7n
    }
    bytes.push(Number(rest))
  }
  number(xmin)
  number(xmax - xmin)
  number(BigInt(xip.length))
  let last = xmin
  for (const xid of xip) {
    number(xid - last)
    last = xid
  }
  return Buffer.from(bytes).toString('base64url')
}

function originBytes(origin: string): Buffer {
  const bytes = Buffer.from(origin, 'base64url')
  if (bytes.length !== ORIGIN_BYTES || bytes.toString('base64url') !== origin)
    throw new Error(`Expected an origin of 16 base64url characters, got ${JSON.stringify(origin)}.`)
  return bytes
}

function reader(bytes: Buffer, start: number): (() => bigint | null) & { atEnd(): boolean } {
  let at = start
  const read = () => {
    let value = 0n
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = bytes[at++]
      if (byte === undefined) return null
      value |= BigInt(byte & 127) << shift
      if (byte < 128) return value
    }
    return null
  }
  return Object.assign(read, { atEnd: () => at === bytes.length })
}
