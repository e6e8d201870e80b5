// What the simulation of cells says, as a table and as a picture.

import { HOURS, simulate, type Week, type World } from './simulation.ts'

/** A billion deliveries a day, of ten thousand tenants. */
export const WORLD: World = { seed: 1, tenants: 10_000, deliveriesADay: 1e9 }
const CELLS = [4, 8, 16] as const
const [BEGIN, END] = ['<!-- cells: written by "node bench/cells/main.ts" -->', '<!-- end of cells -->']

/** Rows for each number of cells and rule. */
export function tableOf(): string {
  const rows = CELLS.flatMap((cells) => simulate(WORLD, cells)).map(
    ({ cells, rule, busiest, mean, moves }) =>
      `| ${cells} | ${rule} | ${rounded(Math.max(...busiest))} | ${rounded(quantile(busiest, 0.5))} | ${(Math.max(...busiest) / Math.max(...mean)).toFixed(2)} | ${moves} |`,
  )
  return [
    '| cells | tenants are placed | busiest hour of the busiest cell, deliveries/s | its median hour | busiest hour, of an even spread | moves in the week |',
    '|---|---|---|---|---|---|',
    ...rows,
    '',
  ].join('\n')
}

/** The page with its table replaced. */
export function withTable(page: string, table: string): string {
  const [head, rest] = page.split(BEGIN!)
  const [, tail] = rest!.split(END!)
  return `${head}${BEGIN}\n\n${table}\n${END}${tail}`
}

const [WIDTH, HEIGHT, LEFT, TOP, BOTTOM] = [840, 300, 60, 16, 34]
const COLOURS: Record<Week['rule'], string> = {
  'by hash': '#c2410c',
  'by load': '#2563eb',
  'by load, with moves': '#15803d',
}

/** An SVG: the busiest cell of each hour by rule, and the mean cell. */
export function drawWeek(weeks: readonly Week[]): string {
  const most = Math.ceil(Math.max(...weeks.flatMap(({ busiest }) => busiest)) / 1_000) * 1_000
  const x = (hour: number) => LEFT! + (hour / (HOURS - 1)) * (WIDTH! - LEFT! - 10)
  const y = (rate: number) => HEIGHT! - BOTTOM! - (rate / most) * (HEIGHT! - TOP! - BOTTOM!)
  const line = (values: readonly number[], colour: string, dash = '') =>
    `<polyline fill="none" stroke="${colour}" stroke-width="1.5"${dash} points="${values.map((value, hour) => `${x(hour).toFixed(1)},${y(value).toFixed(1)}`).join(' ')}"/>`
  const text = (at: [number, number], words: string, more = '') =>
    `<text x="${at[0]}" y="${at[1]}" ${more}>${words}</text>`
  const marks = [0, most / 2, most].map((rate) =>
    text([LEFT! - 6, y(rate) + 4], `${Math.round(rate).toLocaleString('en')}/s`, 'text-anchor="end"'),
  )
  const days = Array.from({ length: 7 }, (_, day) => text([x(day * 24), HEIGHT! - 16], `day ${day + 1}`))
  const legend = [...weeks.map(({ rule }) => [rule, COLOURS[rule]] as const), ['mean cell', '#6b7280'] as const].map(
    ([words, colour], index) => text([LEFT! + 10 + index * 180, TOP! + 4], words, `fill="${colour}"`),
  )
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="11">
<title>Deliveries a second of the busiest of ${weeks[0]!.cells} cells, over a week, by how tenants are placed</title>
<rect width="${WIDTH}" height="${HEIGHT}" fill="#ffffff"/>
${[...marks, ...days, ...legend].join('\n')}
${line(weeks[0]!.mean, '#6b7280', ' stroke-dasharray="4 3"')}
${weeks.map(({ rule, busiest }) => line(busiest, COLOURS[rule])).join('\n')}
</svg>
`
}

function quantile(values: readonly number[], share: number): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length * share)]!
}

function rounded(value: number): string {
  return Number(value.toPrecision(3)).toLocaleString('en')
}
