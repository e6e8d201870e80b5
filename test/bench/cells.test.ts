import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { drawWeek, tableOf, WORLD, withTable } from '../../bench/cells/report.ts'
import { HOURS, simulate } from '../../bench/cells/simulation.ts'

const DOCS = join(import.meta.dirname, '../../docs')
const SMALL = { seed: 7, tenants: 300, deliveriesADay: 1e6 }

test('the same seed gives the same week, and another seed another one', () => {
  expect(simulate(SMALL, 4)).toEqual(simulate(SMALL, 4))
  expect(simulate({ ...SMALL, seed: 8 }, 4)).not.toEqual(simulate(SMALL, 4))
})

test('every rule places the same deliveries, hour by hour', () => {
  const [first, ...others] = simulate(SMALL, 4)
  expect(first!.mean).toHaveLength(HOURS)
  for (const { mean } of others)
    for (const [hour, value] of mean.entries()) expect(value).toBeCloseTo(first!.mean[hour]!, 6)
  const perDay = (first!.mean.reduce((sum, each) => sum + each, 0) * 4 * 3_600) / 7
  // The hot hours come on top of what the tenants have on average.
  expect(perDay / SMALL.deliveriesADay).toBeGreaterThan(1)
  expect(perDay / SMALL.deliveriesADay).toBeLessThan(1.1)
})

test('a single cell has everything, and nobody moves', () => {
  for (const { busiest, mean, moves } of simulate(SMALL, 1)) {
    expect(busiest).toEqual(mean)
    expect(moves).toBe(0)
  }
})

test('the table and the picture of the page are what the simulation says', async () => {
  const page = await readFile(join(DOCS, 'cells.md'), 'utf8')
  expect(withTable(page, tableOf())).toBe(page)
  expect(drawWeek(simulate(WORLD, 8))).toBe(await readFile(join(DOCS, 'pictures/cells.svg'), 'utf8'))
})
