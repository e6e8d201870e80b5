import { formatCount } from '../../lib/format.ts'

type Part = { readonly attempts: number; readonly failedAttempts: number }

const WIDTH = 120
const HEIGHT = 24
const MOST_BARS = 32

/** Attempts as small bars: those that succeeded below, failed ones above. Without attempts it is a line. */
export function Sparkline({ buckets, label }: { buckets: readonly Part[]; label: string }) {
  const parts = joined(buckets, Math.ceil(buckets.length / MOST_BARS))
  const most = Math.max(1, ...parts.map(({ attempts }) => attempts))
  const step = WIDTH / Math.max(1, parts.length)
  const sum = (field: keyof Part) => parts.reduce((total, part) => total + part[field], 0)
  const said = `${label}: ${formatCount(sum('failedAttempts'))} of ${formatCount(sum('attempts'))} attempts failed`
  return (
    <svg
      width={WIDTH}
      height={HEIGHT}
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      role="img"
      aria-label={said}
      className="block"
    >
      <title>{said}</title>
      {parts.map(({ attempts, failedAttempts }, index) => {
        const high = (count: number) => (count === 0 ? 0 : Math.max(1.5, (count / most) * (HEIGHT - 2)))
        const good = high(Math.max(0, attempts - failedAttempts))
        const bad = Math.min(high(failedAttempts), HEIGHT - good)
        const x = index * step
        return (
          // biome-ignore lint/suspicious/noArrayIndexKey: the position of a bar is its time
          <g key={index}>
            {attempts === 0 && (
              <rect x={x} y={HEIGHT - 1} width={Math.max(1, step - 1)} height={1} className="fill-line" />
            )}
            {good > 0 && (
              <rect x={x} y={HEIGHT - good} width={Math.max(1, step - 1)} height={good} className="fill-chart-good" />
            )}
            {bad > 0 && (
              <rect
                x={x}
                y={HEIGHT - good - bad}
                width={Math.max(1, step - 1)}
                height={bad}
                className="fill-chart-bad"
              />
            )}
          </g>
        )
      })}
    </svg>
  )
}

function joined(buckets: readonly Part[], size: number): Part[] {
  const parts: Part[] = []
  for (let from = 0; from < buckets.length; from += size) {
    const some = buckets.slice(from, from + size)
    const sum = (field: keyof Part) => some.reduce((total, part) => total + part[field], 0)
    parts.push({ attempts: sum('attempts'), failedAttempts: sum('failedAttempts') })
  }
  return parts
}
