// Formats numbers and times for people. Times are local; a tooltip shows UTC.

const count = new Intl.NumberFormat('en-US')
const percent = new Intl.NumberFormat('en-US', { style: 'percent', maximumFractionDigits: 2 })
const clock = new Intl.DateTimeFormat(undefined, {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  hourCycle: 'h23',
})
const dayAndClock = new Intl.DateTimeFormat(undefined, {
  month: 'short',
  day: 'numeric',
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  hourCycle: 'h23',
})
const minutes = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' })
const dayAndMinutes = new Intl.DateTimeFormat(undefined, {
  month: 'short',
  day: 'numeric',
  hour: '2-digit',
  minute: '2-digit',
  hourCycle: 'h23',
})
const full = new Intl.DateTimeFormat(undefined, { dateStyle: 'full', timeStyle: 'long' })

export const formatCount = (value: number): string => count.format(value)

/** A count of the API, which stops counting at a limit and says so. */
export function formatCapped({ count: value, precision }: { count: number; precision: string }): string {
  return precision === 'EXACT' ? count.format(value) : `${count.format(value)}+`
}

/** 1 → '1 day', 90 → '90 days'. */
export function countOfDays(days: number): string {
  return days === 1 ? '1 day' : `${formatCount(days)} days`
}

export function formatRate(rate: number | null | undefined): string {
  if (rate === null || rate === undefined) return '–'
  // 99.996 % is not "100 %".
  return percent.format(rate < 1 ? Math.min(rate, 0.9999) : rate)
}

/** Whether so few attempts or deliveries succeed that a person should look. */
export function isPoor(rate: number | null | undefined): boolean {
  return rate !== null && rate !== undefined && rate < 0.95
}

export function formatMs(ms: number | null | undefined): string {
  if (ms === null || ms === undefined) return '–'
  if (ms < 10) return `${Math.round(ms * 10) / 10} ms`
  if (ms < 1_000) return `${Math.round(ms)} ms`
  if (ms < 60_000) return `${(ms / 1_000).toFixed(ms < 10_000 ? 2 : 1)} s`
  return formatSpan(ms)
}

/** "42 s", "3 min 20 s", "2 h 5 min", "4 d 3 h" */
export function formatSpan(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1_000))
  if (seconds < 60) return `${seconds} s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 60) return seconds % 60 && minutes < 10 ? `${minutes} min ${seconds % 60} s` : `${minutes} min`
  const hours = Math.floor(minutes / 60)
  if (hours < 24) return minutes % 60 ? `${hours} h ${minutes % 60} min` : `${hours} h`
  const days = Math.floor(hours / 24)
  return hours % 24 && days < 10 ? `${days} d ${hours % 24} h` : `${days} d`
}

/** The largest unit of a length of time: "42 s", "3 min", "5 h", "2 d" */
export function formatAge(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1_000))
  if (seconds < 60) return `${seconds} s`
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min`
  if (seconds < 86_400) return `${Math.floor(seconds / 3_600)} h`
  return `${Math.floor(seconds / 86_400)} d`
}

/** Only the time of day if it is today. */
export function formatMoment(iso: string, nowMs: number = Date.now()): string {
  const date = new Date(iso)
  return date.toDateString() === new Date(nowMs).toDateString() ? clock.format(date) : dayAndClock.format(date)
}

/** The time of day to the minute, for sentences; with the date if it is another day. */
export function formatClock(iso: string, nowMs: number = Date.now()): string {
  const date = new Date(iso)
  const isToday = date.toDateString() === new Date(nowMs).toDateString()
  return isToday ? minutes.format(date) : dayAndMinutes.format(date)
}

export function formatFullMoment(iso: string): string {
  return `${full.format(new Date(iso))}\n${iso.replace('T', ' ').replace('Z', ' UTC')}`
}

/** "12 s ago", "in 3 min" */
export function formatAgo(iso: string, nowMs: number): string {
  const ms = nowMs - Date.parse(iso)
  if (Math.abs(ms) < 1_500) return 'now'
  return ms > 0 ? `${formatSpan(ms)} ago` : `in ${formatSpan(-ms)}`
}

export function formatBytes(bytes: number): string {
  return bytes < 1_024
    ? `${bytes} B`
    : bytes < 1_048_576
      ? `${(bytes / 1_024).toFixed(1)} KiB`
      : `${(bytes / 1_048_576).toFixed(1)} MiB`
}

/** The start and end of an id, for narrow places. The copy button copies the whole id. */
export function shortId(id: string): string {
  const at = id.indexOf('_')
  return id.length - at <= 13 ? id : `${id.slice(0, at + 1)}…${id.slice(-8)}`
}

/** A time as value of the browser's field for local times, to the minute. */
export function toLocal(iso: string | undefined): string {
  if (!iso) return ''
  const date = new Date(iso)
  return new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 16)
}

/** The time in such a field; undefined if it is empty. */
export function toIso(local: string): string | undefined {
  const date = new Date(local)
  return Number.isNaN(date.getTime()) ? undefined : date.toISOString()
}
