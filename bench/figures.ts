// The figures of a run: one JSON line for each, and a table.

import { loadavg } from 'node:os'

export type Figure = {
  readonly scenario: string
  readonly name: string
  readonly value: number
  readonly unit: string
  /** The baseline of the same run. */
  readonly baseline?: { readonly name: string; readonly value: number }
  /** The bound for the value, or, with `ofBaseline`, for its share of the baseline. */
  readonly goal?: { readonly atMost?: number; readonly atLeast?: number; readonly ofBaseline?: boolean }
  readonly details?: Readonly<Record<string, number | string>>
}

/** `load`: the load average of the last minute when the figure was taken. */
export type TakenFigure = Figure & {
  readonly share: number | null
  readonly reached: boolean | null
  readonly load: number
}

export function taken(figure: Figure): TakenFigure {
  const share = figure.baseline ? figure.value / figure.baseline.value : null
  const judged = figure.goal?.ofBaseline ? share : figure.value
  const { atMost = Number.POSITIVE_INFINITY, atLeast = Number.NEGATIVE_INFINITY } = figure.goal ?? {}
  return {
    ...figure,
    share,
    reached: figure.goal && judged !== null ? judged <= atMost && judged >= atLeast : null,
    load: loadavg()[0]!,
  }
}

/** One JSON line with rounded numbers. */
export function asJson(figure: TakenFigure, more: object = {}): string {
  return JSON.stringify({ ...more, ...figure }, (_key, value) =>
    typeof value === 'number' ? Number(shown(value)) : value,
  )
}

const COLUMNS = ['scenario', 'figure', 'value', 'baseline of the run', 'share', 'goal', ''] as const

/** A table for people. */
export function asTable(figures: readonly TakenFigure[]): string {
  const rows = figures.map((figure) => [
    figure.scenario,
    figure.name,
    withUnit(figure.value, figure.unit),
    figure.baseline ? `${figure.baseline.name} ${shown(figure.baseline.value)}` : '',
    figure.share === null ? '' : figure.share.toFixed(2),
    goalText(figure),
    figure.reached === null ? '' : figure.reached ? 'reached' : 'missed',
  ])
  return inColumns([COLUMNS, ...rows])
}

/** Rows of cells as lines of text, each column as wide as its widest cell. */
export function inColumns(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, i) => Math.max(...rows.map((cells) => cells[i]!.length)))
  return rows
    .map((cells) => cells.map((cell, i) => cell.padEnd(widths[i]!)).join('  '))
    .map((line) => line.trimEnd())
    .join('\n')
}

/** The goal in short form. */
export function goalText({ goal }: Figure): string {
  if (!goal) return ''
  const bound = goal.atLeast === undefined ? `≤ ${goal.atMost}` : `≥ ${goal.atLeast}`
  return goal.ofBaseline ? `${bound} of it` : bound
}

/** Such as "8.10 ms". */
export function withUnit(value: number, unit: string): string {
  return `${shown(value)} ${unit}`.trim()
}

/** A number with as many digits as are meaningful. */
export function shown(value: number): string {
  if (!Number.isFinite(value)) return String(value)
  if (Math.abs(value) >= 100) return value.toFixed(0)
  return Math.abs(value) >= 10 ? value.toFixed(1) : value.toFixed(2)
}
