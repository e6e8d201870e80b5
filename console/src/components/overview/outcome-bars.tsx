// Attempts over time as stacked bars, with a table for people who cannot see them. The last bar is not complete yet.

import { useState } from 'react'
import { graphql } from '../../api/client.ts'
import type { OutcomeBarFragment } from '../../gql/graphql.ts'
import { formatCount, formatMoment } from '../../lib/format.ts'
import { type Mark, marksOf } from './changes.ts'

graphql(`
  fragment OutcomeBar on StatsBucket {
    start
    attempts
    failedAttempts
  }
`)

const HEIGHT = 96
const PARTS = [
  [succeededIn, 'attempts succeeded', 'fill-chart-good', 'bg-chart-good'],
  [failedIn, 'attempts failed', 'fill-chart-bad', 'bg-chart-bad'],
] as const

type BarsProps = {
  buckets: readonly OutcomeBarFragment[]
  bucketSeconds: number
  label: string
  marks: readonly Mark[]
}

export function OutcomeBars({ buckets, bucketSeconds, label, marks }: BarsProps) {
  const [at, setAt] = useState<number | null>(null)
  const most = Math.max(1, ...buckets.map(({ attempts }) => attempts))
  const step = 100 / Math.max(1, buckets.length)
  const shown = at === null ? null : buckets[at]
  const changesOf = (start: string) => marksOf(marks, start, bucketSeconds)
  return (
    <figure className="flex flex-col gap-1" aria-label={`Attempts, ${label.toLowerCase()}`}>
      <svg
        viewBox={`0 0 100 ${HEIGHT}`}
        preserveAspectRatio="none"
        className="h-24 w-full"
        aria-hidden
        onPointerLeave={() => setAt(null)}
        onPointerMove={(event) => {
          const { left, width } = event.currentTarget.getBoundingClientRect()
          const index = Math.floor(((event.clientX - left) / width) * buckets.length)
          setAt(Math.min(buckets.length - 1, Math.max(0, index)))
        }}
      >
        {buckets.map((bucket, index) => {
          let y = HEIGHT
          return (
            <g key={bucket.start} className={index === buckets.length - 1 ? 'opacity-55' : undefined}>
              {index === at && <rect x={index * step} y={0} width={step} height={HEIGHT} className="fill-hover" />}
              {bucket.attempts === 0 && (
                <rect x={index * step} y={HEIGHT - 1} width={step * 0.8} height={1} className="fill-line" />
              )}
              {changesOf(bucket.start).length > 0 && (
                <line
                  x1={(index + 0.4) * step}
                  x2={(index + 0.4) * step}
                  y1={0}
                  y2={HEIGHT}
                  className="stroke-ink-2"
                  strokeDasharray="4 4"
                  vectorEffect="non-scaling-stroke"
                />
              )}
              {PARTS.map(([countIn, words, fill]) => {
                const high = countIn(bucket) === 0 ? 0 : Math.max(1.5, (countIn(bucket) / most) * (HEIGHT - 4))
                y -= high
                return high === 0 ? null : (
                  <rect key={words} x={index * step} y={y} width={step * 0.8} height={high} className={fill} />
                )
              })}
            </g>
          )
        })}
      </svg>
      <figcaption className="flex min-h-5 flex-wrap gap-x-4 text-xs text-ink-2 tabular-nums">
        {shown ? (
          <span>
            {formatMoment(shown.start)},{' '}
            {bucketSeconds >= 3_600 ? `${bucketSeconds / 3_600} h` : `${bucketSeconds / 60} min`}
            {at === buckets.length - 1 && ', not over yet'}:
          </span>
        ) : (
          <span>{buckets[0] ? formatMoment(buckets[0].start) : ''} – now, local time</span>
        )}
        {PARTS.map(([countIn, words, , colour]) => (
          <span key={words} className="flex items-center gap-1.5">
            <span className={`size-2 rounded-sm ${colour}`} aria-hidden />
            {formatCount(shown ? countIn(shown) : buckets.reduce((sum, bucket) => sum + countIn(bucket), 0))} {words}
          </span>
        ))}
        {shown && changesOf(shown.start).map((change) => <span key={change}>{change}</span>)}
      </figcaption>
      {/* A table ignores the size that hides it, so a box around it has that size. */}
      <div className="sr-only">
        <table>
          <caption>{label}</caption>
          <thead>
            <tr>
              <th scope="col">From</th>
              {PARTS.map(([, words]) => (
                <th key={words} scope="col">
                  {words}
                </th>
              ))}
              <th scope="col">What changed</th>
            </tr>
          </thead>
          <tbody>
            {buckets
              .filter((bucket) => bucket.attempts > 0 || changesOf(bucket.start).length > 0)
              .map((bucket) => (
                <tr key={bucket.start}>
                  <th scope="row">
                    {formatMoment(bucket.start)}
                    {bucket === buckets.at(-1) && ', not over yet'}
                  </th>
                  {PARTS.map(([countIn, words]) => (
                    <td key={words}>{countIn(bucket)}</td>
                  ))}
                  <td>{changesOf(bucket.start).join('; ')}</td>
                </tr>
              ))}
          </tbody>
        </table>
      </div>
    </figure>
  )
}

function succeededIn({ attempts, failedAttempts }: OutcomeBarFragment): number {
  return Math.max(0, attempts - failedAttempts)
}

function failedIn({ failedAttempts }: OutcomeBarFragment): number {
  return failedAttempts
}
