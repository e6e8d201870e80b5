// The table of figures in docs/performance.md, between two marks. A run replaces the rows of the scenarios that it measured
// and leaves the others: filling the history takes most of an hour, and few changes concern all scenarios.

import { goalText, shown, type TakenFigure, withUnit } from './figures.ts'

const BEGIN = '<!-- figures: written by "npm run bench -- --markdown" -->'
const END = '<!-- end of figures -->'
const COLUMNS = ['scenario', 'figure', 'came', 'baseline of the run', 'share', 'goal', '', 'load', 'commit']

/** Returns the document with the figures in its table. Throws if the document has no marks. */
export function withFigures(document: string, figures: readonly TakenFigure[], commit: string): string {
  const begin = document.indexOf(BEGIN)
  const end = document.indexOf(END, begin)
  if (begin < 0 || end < 0)
    throw new Error(
      `Expected the lines ${BEGIN} and ${END} around the table of figures, did not find both. Put them back.`,
    )
  const measured = new Set(figures.map(({ scenario }) => scenario))
  const kept = document
    .slice(begin, end)
    .split('\n')
    .filter((line) => line.startsWith('| ') && !isHead(line) && !measured.has(scenarioOf(line)))
  const rows = figures.map((figure) => rowOf(figure, commit))
  const order = [...new Set([...kept, ...rows].map(scenarioOf))]
  const sorted = order.flatMap((name) => [...kept, ...rows].filter((row) => scenarioOf(row) === name))
  const table = [line(COLUMNS), line(COLUMNS.map(() => '---')), ...sorted].join('\n')
  return `${document.slice(0, begin)}${BEGIN}\n\n${table}\n\n${document.slice(end)}`
}

function rowOf(figure: TakenFigure, commit: string): string {
  return line([
    figure.scenario,
    figure.name,
    withUnit(figure.value, figure.unit),
    figure.baseline ? `${figure.baseline.name} ${shown(figure.baseline.value)}` : '',
    figure.share === null ? '' : figure.share.toFixed(2),
    goalText(figure),
    figure.reached === null ? '' : figure.reached ? 'reached' : 'missed',
    figure.load.toFixed(1),
    commit,
  ])
}

function line(cells: readonly string[]): string {
  const written = cells.map((cell) => (cell === '' ? '' : `${cell.replaceAll('|', '\\|')} `))
  return `| ${written.join('| ')}|`
}

function isHead(row: string): boolean {
  return ['scenario', '---'].includes(scenarioOf(row))
}

function scenarioOf(row: string): string {
  return row.split('|')[1]!.trim()
}
