import { expect, test } from 'vitest'
import { createNeighbours } from '../../../src/gateway/fairness/neighbours.ts'

test('a neighbour is another tenant that used the process within the last second', () => {
  let now = 5_000
  const neighbours = createNeighbours(() => now)
  const withNeighbours = () => ['a', 'b', 'c'].filter((tenantId) => neighbours.areActive(tenantId))
  expect(withNeighbours()).toEqual([])
  neighbours.note('a')
  expect(withNeighbours(), 'alone').toEqual(['b', 'c'])
  now += 600
  neighbours.note('b')
  expect(withNeighbours()).toEqual(['a', 'b', 'c'])
  now += 300
  neighbours.note('b')
  now += 200
  expect(withNeighbours(), 'a used the process 1.1 s ago').toEqual(['a', 'c'])
  neighbours.note('a')
  expect(withNeighbours()).toEqual(['a', 'b', 'c'])
  now += 1_000
  expect(withNeighbours()).toEqual([])
})
