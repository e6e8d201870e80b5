import { useEffect, useState } from 'react'
import { formatAge, formatAgo, formatFullMoment, formatMoment, formatSpan } from '../lib/format.ts'

/** The present time, the same for every clock of the page. */
export function useNow(everyMs = 1_000): number {
  const [now, setNow] = useState(() => Date.now())
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout>
    const tick = () => {
      setNow(Date.now())
      timer = setTimeout(tick, everyMs - (Date.now() % everyMs))
    }
    timer = setTimeout(tick, everyMs - (Date.now() % everyMs))
    return () => clearTimeout(timer)
  }, [everyMs])
  return now
}

/** A time in local time; UTC in its tooltip. */
export function Time({ at }: { at: string | null | undefined }) {
  if (!at) return <span className="text-ink-3">–</span>
  return (
    <time dateTime={at} title={formatFullMoment(at)} className="whitespace-nowrap tabular-nums">
      {formatMoment(at)}
    </time>
  )
}

/** "3 min ago", kept current. */
export function Ago({ at }: { at: string | null | undefined }) {
  const now = useNow()
  if (!at) return <span className="text-ink-3">–</span>
  return (
    <time dateTime={at} title={formatFullMoment(at)} className="whitespace-nowrap tabular-nums">
      {formatAgo(at, now)}
    </time>
  )
}

/** How old something is, in its largest unit, for narrow places: "3 h". */
export function Age({ at }: { at: string }) {
  const now = useNow()
  return (
    <time dateTime={at} title={formatFullMoment(at)} className="whitespace-nowrap tabular-nums">
      {formatAge(now - Date.parse(at))}
    </time>
  )
}

/** The time that is left; "due" afterwards. */
export function Countdown({ to }: { to: string }) {
  const left = Date.parse(to) - useNow()
  return (
    <time dateTime={to} title={formatFullMoment(to)} className="whitespace-nowrap tabular-nums">
      {left <= 0 ? 'due now' : `in ${formatSpan(left)}`}
    </time>
  )
}
