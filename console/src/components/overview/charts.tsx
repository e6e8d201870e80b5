// The charts of statistics. Each stacks one unit only: attempts, or deliveries.

import type { OverviewNumbersFragment } from '../../gql/graphql.ts'
import { formatCount, formatMs } from '../../lib/format.ts'
import type { Mark } from './changes.ts'
import { TimeChart } from './time-chart.tsx'

type ChartProps = {
  stats: { readonly bucketSeconds: number; readonly buckets: readonly OverviewNumbersFragment[] }
  marks: readonly Mark[]
  onChoose(from: string, to: string): void
}

const startsOf = ({ stats }: ChartProps) => stats.buckets.map(({ start }) => start)

export function AttemptsChart(props: ChartProps) {
  const { buckets, bucketSeconds } = props.stats
  return (
    <TimeChart
      label="Attempts over time"
      kind="stacked-bars"
      starts={startsOf(props)}
      bucketSeconds={bucketSeconds}
      format={formatCount}
      marks={props.marks}
      onChoose={props.onChoose}
      series={[
        {
          label: 'Succeeded',
          colour: 'chart-good',
          values: buckets.map(({ attempts, failedAttempts }) => Math.max(0, attempts - failedAttempts)),
        },
        { label: 'Failed', colour: 'chart-bad', values: buckets.map(({ failedAttempts }) => failedAttempts) },
      ]}
    />
  )
}

export function EndedChart(props: ChartProps) {
  const { buckets, bucketSeconds } = props.stats
  return (
    <TimeChart
      label="Deliveries that ended over time"
      kind="stacked-bars"
      starts={startsOf(props)}
      bucketSeconds={bucketSeconds}
      format={formatCount}
      marks={props.marks}
      onChoose={props.onChoose}
      series={[
        { label: 'Delivered', colour: 'chart-good', values: buckets.map(({ succeeded }) => succeeded) },
        {
          label: 'Became dead letters',
          colour: 'chart-bad',
          values: buckets.map(({ becameDeadLetters }) => becameDeadLetters),
        },
      ]}
    />
  )
}

export function LatencyChart(props: ChartProps) {
  const { buckets, bucketSeconds } = props.stats
  return (
    <TimeChart
      label="Latency of attempts over time"
      kind="lines"
      starts={startsOf(props)}
      bucketSeconds={bucketSeconds}
      format={formatMs}
      marks={props.marks}
      onChoose={props.onChoose}
      series={[
        { label: 'p50', colour: 'chart-b', values: buckets.map(({ p50LatencyMs }) => p50LatencyMs) },
        { label: 'p95', colour: 'chart-a', values: buckets.map(({ p95LatencyMs }) => p95LatencyMs) },
        { label: 'p99', colour: 'chart-c', values: buckets.map(({ p99LatencyMs }) => p99LatencyMs) },
      ]}
    />
  )
}
