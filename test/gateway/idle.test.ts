import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { type House, openHouse } from '../support/house.ts'

let house: House
beforeAll(async () => {
  house = await openHouse()
})
afterAll(() => house.close())

const LOOKED_MS = 4_000

// Each question costs the gateway and Postgres some tenths of a millisecond when both were asleep.
test('a gateway that has nothing to do asks its database at most twenty questions a second', async () => {
  await delay(1_000)
  const asked = vi.spyOn(pg.Client.prototype, 'query')
  await delay(LOOKED_MS)
  const count = asked.mock.calls.length
  asked.mockRestore()
  expect(count).toBeGreaterThan(0)
  expect(count / (LOOKED_MS / 1_000)).toBeLessThanOrEqual(20)
})
