import { expect, test } from 'vitest'
import { createSlots, type Slots } from '../../../src/gateway/deliver/slots.ts'

// A process with 100 slots: 50 for one tenant at most, the last 10 for tenants that use fewer than 10.
const MAX = 100

/** Takes slots for tenants, by name. */
function slotsWith(inUse: { readonly [tenant: string]: number | undefined }): Slots {
  const slots = createSlots(MAX)
  for (const [tenantId, count] of Object.entries(inUse)) for (let i = 0; i < (count ?? 0); i++) slots.take(tenantId)
  return slots
}

test.each([
  { inUse: {}, free: 100, forClaimOfA: 50, forHandOver: 90 },
  { inUse: { a: 9 }, free: 91, forClaimOfA: 41, forHandOver: 81 },
  { inUse: { a: 10 }, free: 90, forClaimOfA: 40, forHandOver: 80 },
  { inUse: { a: 50 }, free: 50, forClaimOfA: 0, forHandOver: 40 },
  { inUse: { b: 50, c: 41 }, free: 9, forClaimOfA: 9, forHandOver: -1 },
  { inUse: { a: 10, b: 50, c: 31 }, free: 9, forClaimOfA: -1, forHandOver: -1 },
  { inUse: { a: 10, b: 50, c: 20 }, free: 20, forClaimOfA: 10, forHandOver: 10 },
  { inUse: { b: 50, c: 50 }, free: 0, forClaimOfA: 0, forHandOver: -10 },
])('with $inUse in use, $free are free, $forClaimOfA for a claim of tenant a', (expected) => {
  const slots = slotsWith(expected.inUse)
  expect(slots.free).toBe(expected.free)
  expect(slots.freeForClaim('a')).toBe(expected.forClaimOfA)
  expect(slots.freeForHandOver).toBe(expected.forHandOver)
})

test('a reservation of a claim counts for the process and for its tenant until it ends', () => {
  const slots = createSlots(MAX)
  const end = slots.reserveForClaim('a', 30)
  expect(slots.free).toBe(70)
  expect(slots.freeOfTenant('a')).toBe(20)
  expect(slots.freeOfTenant('b')).toBe(50)
  expect(slots.inUse).toBe(0)
  end()
  expect(slots.free).toBe(100)
  expect(slots.freeOfTenant('a')).toBe(50)
})

test('a reservation of a hand-over counts for the process only', () => {
  const slots = createSlots(MAX)
  const end = slots.reserveForHandOver(90)
  expect(slots.free).toBe(10)
  expect(slots.freeForHandOver).toBe(0)
  expect(slots.freeOfTenant('a')).toBe(50)
  end()
  expect(slots.free).toBe(100)
})

test('an attempt may start while the process and its tenant have room; a reservation of its own is no obstacle', () => {
  const slots = slotsWith({ b: 50, c: 40 })
  expect(slots.mayStart('a', false)).toBe(true)
  expect(slots.mayStart('b', false), 'the tenant has used its half').toBe(false)
  const end = slots.reserveForHandOver(10)
  expect(slots.mayStart('a', false), 'all that is left is reserved').toBe(false)
  expect(slots.mayStart('a', true)).toBe(true)
  for (let i = 0; i < 10; i++) slots.take('a')
  expect(slots.mayStart('a', true), 'no slot is left').toBe(false)
  end()
})

test('a slot that is released can be used again', () => {
  const slots = slotsWith({ a: 50 })
  expect(slots.mayStart('a', false)).toBe(false)
  slots.release('a')
  expect(slots.inUse).toBe(49)
  expect(slots.mayStart('a', false)).toBe(true)
})
