import { expect, test } from 'vitest'
import { createNeighbours } from '../../src/gateway/fairness/neighbours.ts'

test('a neighbour is another tenant, and is about for a second', () => {
  let now = 5_000
  const neighbours = createNeighbours(() => now)
  const about = () => ['a', 'b', 'c'].filter((tenantId) => neighbours.areAbout(tenantId))
  expect(about()).toEqual([])
  neighbours.note('a')
  expect(about(), 'alone').toEqual(['b', 'c'])
  now += 600
  neighbours.note('b')
  expect(about()).toEqual(['a', 'b', 'c'])
  now += 300
  neighbours.note('b')
  now += 200
  expect(about(), 'a was there 1.1 s ago').toEqual(['a', 'c'])
  neighbours.note('a')
  expect(about()).toEqual(['a', 'b', 'c'])
  now += 1_000
  expect(about()).toEqual([])
})
