// A chart over time with its numbers. The last bucket is marked, because it is not complete. Pointing at a bucket shows its numbers; choosing it opens what happened then. A
// table holds the same numbers for people who cannot see the chart.

import 'uplot/dist/uPlot.min.css'
import { useEffect, useRef, useState } from 'react'
import uPlot from 'uplot'
import { formatMoment } from '../../lib/format.ts'
import { useShownTheme } from '../../lib/theme.ts'
import { Button } from '../../ui/button.tsx'
import { type Mark, marksOf } from './changes.ts'

export type Series = {
  readonly label: string
  /** The name of a colour token, such as `chart-good`. */
  readonly colour: string
  /** One value for each start; null if there is nothing to show. */
  readonly values: readonly (number | null)[]
}

type TimeChartProps = {
  label: string
  /** The start of each bucket, in RFC 3339. */
  starts: readonly string[]
  bucketSeconds: number
  series: readonly Series[]
  kind: 'stacked-bars' | 'lines'
  format(value: number): string
  /** What changed, and when. */
  marks: readonly Mark[]
  /** Called when a person chooses a bucket. */
  onChoose?: (from: string, to: string) => void
}

const HEIGHT = 176
const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' })
const day = new Intl.DateTimeFormat(undefined, { month: 'short', day: 'numeric' })

/** The time of day; the date at the start of a day or if ticks are days apart. */
function formatTick(seconds: number, step: number): string {
  const date = new Date(seconds * 1000)
  const isMidnight = date.getHours() === 0 && date.getMinutes() === 0
  return step >= 86_400 || isMidnight ? day.format(date) : clock.format(date)
}

const bars = uPlot.paths.bars!({ size: [0.8, 28], gap: 1 })

export function TimeChart({ label, starts, bucketSeconds, series, kind, format, marks, onChoose }: TimeChartProps) {
  const box = useRef<HTMLDivElement>(null)
  const plot = useRef<uPlot | null>(null)
  const theme = useShownTheme()
  const [at, setAt] = useState<number | null>(null)
  const [isTable, setTable] = useState(false)
  const choose = useRef<() => void>(() => {})
  choose.current = () => {
    const from = at === null ? undefined : starts[at]
    if (from) onChoose?.(from, new Date(Date.parse(from) + bucketSeconds * 1000).toISOString())
  }

  const data = toPlot(starts, series, kind)
  const latest = useRef(data)
  latest.current = data
  const latestMarks = useRef(marks)
  latestMarks.current = marks
  const shape = JSON.stringify([kind, theme, bucketSeconds, series.map(({ label: name, colour }) => [name, colour])])

  // biome-ignore lint/correctness/useExhaustiveDependencies: `shape` stands for kind, theme, buckets and series
  useEffect(() => {
    const { current } = box
    if (!current || isTable) return
    const style = getComputedStyle(document.documentElement)
    const token = (name: string) => style.getPropertyValue(`--${name}`).trim()
    const axis = {
      stroke: token('ink-3'),
      grid: { stroke: token('line'), width: 1 },
      ticks: { show: false },
      font: '11px system-ui',
    }
    const drawn = kind === 'stacked-bars' ? [...series].reverse() : series
    const chart = new uPlot(
      {
        width: current.clientWidth,
        height: HEIGHT,
        padding: [8, 8, 0, 0],
        legend: { show: false },
        cursor: { y: false, points: { show: kind === 'lines' } },
        scales: {
          x: {
            range: (_chart, min, max) =>
              kind === 'stacked-bars' ? [min - bucketSeconds / 2, max + bucketSeconds / 2] : [min, max],
          },
          y: { range: (_chart, _min, max) => [0, Math.max(max * 1.08, kind === 'stacked-bars' ? 4 : 1)] },
        },
        axes: [
          {
            ...axis,
            grid: { show: false },
            size: 28,
            values: (_chart, ticks, _axis, _space, step) => ticks.map((tick) => formatTick(tick, step)),
          },
          {
            ...axis,
            size: 56,
            values: (_chart, values) =>
              values.map((value) => (Number.isInteger(value) || kind === 'lines' ? format(value) : '')),
          },
        ],
        series: [
          {},
          ...drawn.map(({ label: name, colour }) => ({
            label: name,
            stroke: token(colour),
            width: kind === 'lines' ? 1.75 : 0,
            ...(kind === 'stacked-bars' ? { fill: token(colour), paths: bars } : {}),
            points: { show: false },
          })),
        ],
        hooks: {
          setCursor: [(chart) => setAt(chart.cursor.idx ?? null)],
          draw: [
            (chart) => fadeLast(chart, { bucketSeconds, kind, colour: token('surface') }),
            (chart) => drawMarks(chart, latestMarks.current, token('ink-2')),
          ],
        },
      },
      latest.current,
      current,
    )
    plot.current = chart
    const onClick = () => choose.current()
    chart.over.addEventListener('click', onClick)
    const observer = new ResizeObserver(() => chart.setSize({ width: current.clientWidth, height: HEIGHT }))
    observer.observe(current)
    return () => {
      observer.disconnect()
      chart.destroy()
      plot.current = null
    }
  }, [shape, isTable])

  useEffect(() => {
    plot.current?.setData(data)
  }, [data])
  // biome-ignore lint/correctness/useExhaustiveDependencies: the chart draws the marks of now
  useEffect(() => plot.current?.redraw(false), [marks])

  const shown = at !== null && at < starts.length ? at : null
  return (
    <figure aria-label={label} className="px-4 pt-2 pb-3">
      <figcaption className="flex min-h-7 flex-wrap items-center gap-x-4 gap-y-1 text-xs">
        {series.map(({ label: name, colour, values }) => {
          const value = shown === null ? undefined : values[shown]
          return (
            <span key={name} className="flex items-center gap-1.5">
              <span aria-hidden className="size-2.5 rounded-sm" style={{ background: `var(--${colour})` }} />
              {name}
              {shown !== null && (
                <strong className="tabular-nums">
                  {value === null || value === undefined ? 'none' : format(value)}
                </strong>
              )}
            </span>
          )
        })}
        <span className="flex-1 text-right text-ink-3 tabular-nums">
          {shown !== null && starts[shown] && formatMoment(starts[shown])}
          {shown !== null && shown === starts.length - 1 && ', not over yet'}
          {shown !== null && marksOf(marks, starts[shown], bucketSeconds).map((mark) => ` · ${mark}`)}
        </span>
        <Button size="small" kind="quiet" className="ml-auto" aria-pressed={isTable} onClick={() => setTable(!isTable)}>
          {isTable ? 'As a chart' : 'As a table'}
        </Button>
      </figcaption>
      {isTable ? (
        <Numbers
          label={label}
          starts={starts}
          series={series}
          format={format}
          marks={marks}
          bucketSeconds={bucketSeconds}
        />
      ) : (
        <div ref={box} aria-hidden className={onChoose ? 'cursor-pointer' : undefined} style={{ height: HEIGHT }} />
      )}
    </figure>
  )
}

type NumbersProps = Pick<TimeChartProps, 'label' | 'starts' | 'series' | 'format' | 'marks' | 'bucketSeconds'>

function Numbers({ label, starts, series, format, marks, bucketSeconds }: NumbersProps) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
    <section tabIndex={0} aria-label={label} className="overflow-auto" style={{ height: HEIGHT }}>
      <table className="w-full text-right tabular-nums">
        <thead>
          <tr className="text-xs text-ink-3">
            <th scope="col" className="sticky top-0 bg-surface text-left font-medium">
              From
            </th>
            {series.map(({ label: name }) => (
              <th key={name} scope="col" className="sticky top-0 bg-surface font-medium">
                {name}
              </th>
            ))}
            <th scope="col" className="sticky top-0 bg-surface pl-4 text-left font-medium">
              What changed
            </th>
          </tr>
        </thead>
        <tbody>
          {starts
            .map((start, index) => ({ start, index }))
            .toReversed()
            .map(({ start, index }) => (
              <tr key={start}>
                <th scope="row" className="text-left font-normal">
                  {formatMoment(start)}
                  {index === starts.length - 1 && ', not over yet'}
                </th>
                {series.map(({ label: name, values }) => {
                  const value = values[index]
                  return <td key={name}>{value === null || value === undefined ? '–' : format(value)}</td>
                })}
                <td className="pl-4 text-left text-ink-2">{marksOf(marks, start, bucketSeconds).join('; ')}</td>
              </tr>
            ))}
        </tbody>
      </table>
    </section>
  )
}

/** A line from top to bottom at each change. */
function drawMarks(chart: uPlot, marks: readonly Mark[], colour: string): void {
  const { left, top, width, height } = chart.bbox
  chart.ctx.save()
  chart.ctx.strokeStyle = colour
  chart.ctx.setLineDash([4, 4])
  for (const { at } of marks) {
    const x = chart.valToPos(Date.parse(at) / 1000, 'x', true)
    if (x < left || x > left + width) continue
    chart.ctx.beginPath()
    chart.ctx.moveTo(x, top)
    chart.ctx.lineTo(x, top + height)
    chart.ctx.stroke()
  }
  chart.ctx.restore()
}

/** Fades what the last bucket shows: its time is not over. */
function fadeLast(
  chart: uPlot,
  { bucketSeconds, kind, colour }: { bucketSeconds: number; kind: TimeChartProps['kind']; colour: string },
): void {
  const last = chart.data[0].at(-1)
  if (last === undefined) return
  const from = chart.valToPos(kind === 'lines' ? last - bucketSeconds : last - bucketSeconds / 2, 'x', true)
  const { left, top, width, height } = chart.bbox
  chart.ctx.save()
  chart.ctx.globalAlpha = 0.5
  chart.ctx.fillStyle = colour
  chart.ctx.fillRect(from, top, left + width - from, height)
  chart.ctx.restore()
}

/** The columns for uPlot. Stacked bars are drawn from the highest sum down. */
function toPlot(starts: readonly string[], series: readonly Series[], kind: TimeChartProps['kind']): uPlot.AlignedData {
  const times = starts.map((start) => Date.parse(start) / 1000)
  if (kind === 'lines') return [times, ...series.map(({ values }) => [...values])] as uPlot.AlignedData
  const sums: number[][] = []
  for (const { values } of series) {
    const below = sums.at(-1)
    sums.push(values.map((value, index) => (value ?? 0) + (below?.[index] ?? 0)))
  }
  return [times, ...sums.toReversed()] as uPlot.AlignedData
}
