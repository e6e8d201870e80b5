// What is wrong with a text that was meant as a time, and how to write it. Nothing is normalised: `data` arrives as it was
// given, so a time that a receiver cannot read is refused with the text that it can.

export type TimeFault = {
  /** Why the text is refused, and what to do; ends a message. */
  readonly advice: string
  /** The same moment as it should be written, where the text says enough. */
  readonly mended: string | null
}

const DATE = '(\\d{4})[-/.]?(\\d\\d)[-/.]?(\\d\\d)'
const CLOCK = '(\\d\\d):?(\\d\\d)(?::?(\\d\\d))?(?:[.,](\\d+))?'
const ZONE = '(Z|UTC|GMT|[+-]\\d\\d(?::?\\d\\d)?)'
const LOOSE_TIME = new RegExp(`^${DATE}(?:[T_ ]\\s*${CLOCK}\\s*${ZONE}?(?:\\s*(?:UTC|GMT|\\[[^\\]]*\\]))?)?$`, 'i')
const MAIL_TIME = new RegExp(
  `^(?:[a-z]{3,9},?\\s+)?(\\d{1,2})[ -]([a-z]{3})[a-z]*[ -](\\d{4})\\s+${CLOCK}(?:\\s*${ZONE}(?:\\s+\\([^)]*\\))?)?$`,
  'i',
)
const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec']
const UNIX_TIME = /^(\d{9,19})(?:\.(\d+))?$/

/** The fault of a text or number that is no time as receivers read it; null when nothing close to a time is recognised. */
export function findTimeFault(value: string | number): TimeFault | null {
  const text = String(value).trim()
  return unixFault(text) ?? looseFault(text) ?? mailFault(text)
}

type Parts = {
  readonly date: string
  readonly hour: string | undefined
  readonly minute: string | undefined
  readonly second: string | undefined
  readonly fraction: string | undefined
  readonly zone: string | undefined
}

function looseFault(text: string): TimeFault | null {
  const match = LOOSE_TIME.exec(text)
  if (!match) return null
  const [, year, month, day, hour, minute, second, fraction, zone] = match
  return faultOf(text, { date: `${year}-${month}-${day}`, hour, minute, second, fraction, zone })
}

function mailFault(text: string): TimeFault | null {
  const match = MAIL_TIME.exec(text)
  if (!match) return null
  const [, day, monthName, year, hour, minute, second, fraction, zone] = match
  const month = MONTHS.indexOf(monthName!.toLowerCase()) + 1
  if (month === 0) return null
  const date = `${year}-${String(month).padStart(2, '0')}-${day!.padStart(2, '0')}`
  return faultOf(text, { date, hour, minute, second, fraction, zone })
}

function faultOf(text: string, { date, hour, minute, second, fraction, zone }: Parts): TimeFault | null {
  if (!isDate(date)) return { advice: `there is no such day as ${date}`, mended: null }
  if (hour === undefined) return { advice: 'the time of day and the offset are missing: add both', mended: null }
  if (second === undefined) return { advice: 'the seconds are missing: add them', mended: null }
  const clock = `${hour}:${minute}:${second}${fraction ? `.${fraction}` : ''}`
  if (zone === undefined) {
    const advice = `the offset is missing: send ${JSON.stringify(`${date}T${clock}`)} with the offset of the clock that wrote it, such as Z or +01:00`
    return { advice, mended: null }
  }
  const offset = offsetOf(zone)
  if (second === '60') {
    const mended = `${date}T${hour}:${minute}:59${fraction ? `.${fraction}` : ''}${offset}`
    const advice = `second 60 cannot be read by Go, JavaScript and Python: send ${JSON.stringify(mended)} or the second after`
    return { advice, mended }
  }
  const mended = `${date}T${clock}${offset}`
  if (mended === text) return null
  const isCaseAlone = mended === text.toUpperCase()
  const reason = isCaseAlone
    ? 'a lower-case t or z cannot be read by Go and Python, nor everywhere by JavaScript: '
    : ''
  return { advice: `${reason}send ${JSON.stringify(mended)}`, mended }
}

function offsetOf(zone: string): string {
  if (/^[a-z]/i.test(zone)) return 'Z'
  const digits = zone.slice(1).replace(':', '')
  return `${zone[0]}${digits.slice(0, 2)}:${digits.slice(2) || '00'}`
}

function isDate(date: string): boolean {
  const parsed = new Date(`${date}T00:00:00Z`)
  return !Number.isNaN(parsed.getTime()) && parsed.toISOString().startsWith(date)
}

// Seconds, milliseconds, microseconds and nanoseconds since 1970, told apart by their digits: all of the years 1973 to 5138.
function unixFault(text: string): TimeFault | null {
  const match = UNIX_TIME.exec(text)
  if (!match) return null
  const [, whole = '', part = ''] = match
  const power = whole.length <= 11 ? 0 : whole.length <= 14 ? 3 : whole.length <= 17 ? 6 : 9
  const digits = whole.padStart(power + 1, '0')
  const at = digits.length - power
  const moment = new Date(Number(digits.slice(0, at)) * 1_000)
  if (Number.isNaN(moment.getTime()) || moment.getUTCFullYear() > 9_999) return null
  const fraction = `${digits.slice(at)}${part}`.replace(/0+$/, '')
  const mended = `${moment.toISOString().slice(0, 19)}${fraction ? `.${fraction}` : ''}Z`
  const unit = ['seconds', 'milliseconds', 'microseconds', 'nanoseconds'][power / 3]
  return { advice: `read as ${unit} since 1970 it is a time: send ${JSON.stringify(mended)}`, mended }
}
