import { pino } from 'pino'
import { expect, test, vi } from 'vitest'
import type { ClaimedDelivery } from '../../../src/gateway/deliver/claimed-delivery.ts'
import { createGiveBack } from '../../../src/gateway/deliver/give-back.ts'

const LEASE_MS = 20_000
const delivery = (id: string) => ({ id }) as ClaimedDelivery

test('a database that is away is asked no more often because deliveries are given back while it is asked', async () => {
  vi.useFakeTimers()
  let tries = 0
  const giveBack = createGiveBack({
    log: pino({ level: 'silent' }),
    monotonicMs: () => Date.now(),
    async release() {
      tries++
      await new Promise((resolve) => setTimeout(resolve, 10))
      throw new Error('Connection terminated')
    },
    onGivenBack: () => {},
  })
  for (let count = 0; count < 20; count++) {
    giveBack.add(delivery(`d${count}`))
    await vi.advanceTimersByTimeAsync(5)
  }
  await vi.advanceTimersByTimeAsync(5_000)
  const before = tries
  // Every two seconds by now.
  await vi.advanceTimersByTimeAsync(10_000)
  expect(tries - before).toBeGreaterThanOrEqual(4)
  expect(tries - before).toBeLessThanOrEqual(6)
  vi.useRealTimers()
})

test('a database that is away is asked again to end the leases, as long as they last', async () => {
  vi.useFakeTimers()
  const tries: string[][] = []
  let isAway = true
  const givenBack: string[] = []
  const giveBack = createGiveBack({
    log: pino({ level: 'silent' }),
    monotonicMs: () => Date.now(),
    async release(deliveries) {
      tries.push(deliveries.map(({ id }) => id))
      if (isAway) throw new Error('Connection terminated')
    },
    onGivenBack: ({ id }) => void givenBack.push(id),
  })
  giveBack.add(delivery('a'))
  giveBack.add(delivery('b'))
  await vi.advanceTimersByTimeAsync(50)
  giveBack.add(delivery('c'))
  await vi.advanceTimersByTimeAsync(100)
  expect(tries).toEqual([
    ['a', 'b'],
    ['a', 'b', 'c'],
  ])
  expect(givenBack).toEqual([])
  isAway = false
  await vi.advanceTimersByTimeAsync(200)
  expect(givenBack).toEqual(['a', 'b', 'c'])

  isAway = true
  giveBack.add(delivery('d'))
  await vi.advanceTimersByTimeAsync(LEASE_MS - 1_000)
  expect(givenBack).not.toContain('d')
  await vi.advanceTimersByTimeAsync(3_000)
  expect(givenBack).toContain('d')
  const { length } = tries
  await vi.advanceTimersByTimeAsync(60_000)
  expect(tries).toHaveLength(length)

  giveBack.add(delivery('e'))
  await giveBack.close()
  expect(tries.at(-1)).toEqual(['e'])
  expect(givenBack).toContain('e')
  vi.useRealTimers()
})
