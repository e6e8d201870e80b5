// The slots of a process: how many attempts may be in the air at once, in all and per tenant. Pure counters.
//
// A tenant may use at most half of the slots. The last tenth of the slots is kept for tenants that use fewer than that
// tenth. A claim or a hand-over reserves slots before it knows how many deliveries it brings.

export type Slots = {
  /** Slots in use: attempts in the air. */
  readonly inUse: number
  /** Slots that are neither in use nor reserved. */
  readonly free: number
  /** How many slots a claim for this tenant may reserve now; 0 or less: none. */
  freeForClaim(tenantId: string): number
  /** How many slots a hand-over may reserve now; 0 or less: none. */
  readonly freeForHandOver: number
  /** How many more slots the quota of this tenant allows; 0 or less: none. */
  freeOfTenant(tenantId: string): number
  /** Whether one more attempt of this tenant may start. `reserved`: it has a reservation, so others do not count. */
  mayStart(tenantId: string, reserved: boolean): boolean
  take(tenantId: string): void
  release(tenantId: string): void
  /** Reserves slots for a claim; they also count against the tenant's quota. Returns the function that gives them back. */
  reserveForClaim(tenantId: string, count: number): () => void
  /** Reserves slots for a hand-over, whose tenants are not known yet. Returns the function that gives them back. */
  reserveForHandOver(count: number): () => void
}

export function createSlots(maxInTheAir: number): Slots {
  const tenantQuota = Math.ceil(maxInTheAir / 2)
  const keptForSmallTenants = Math.ceil(maxInTheAir / 10)
  /** In use, and reserved by claims. */
  const ofTenant = new Map<string, number>()
  let inUse = 0
  let reserved = 0

  function countFor(tenantId: string, change: number): void {
    const count = (ofTenant.get(tenantId) ?? 0) + change
    if (count > 0) ofTenant.set(tenantId, count)
    else ofTenant.delete(tenantId)
  }

  const slots: Slots = {
    get inUse() {
      return inUse
    },
    get free() {
      return maxInTheAir - inUse - reserved
    },
    freeForClaim(tenantId) {
      const isSmall = (ofTenant.get(tenantId) ?? 0) < keptForSmallTenants
      return Math.min(isSmall ? slots.free : slots.free - keptForSmallTenants, slots.freeOfTenant(tenantId))
    },
    get freeForHandOver() {
      return slots.free - keptForSmallTenants
    },
    freeOfTenant: (tenantId) => tenantQuota - (ofTenant.get(tenantId) ?? 0),
    mayStart(tenantId, hasReservation) {
      const free = hasReservation ? maxInTheAir - inUse : slots.free
      return free > 0 && slots.freeOfTenant(tenantId) > 0
    },
    take(tenantId) {
      inUse++
      countFor(tenantId, 1)
    },
    release(tenantId) {
      inUse--
      countFor(tenantId, -1)
    },
    reserveForClaim(tenantId, count) {
      reserved += count
      countFor(tenantId, count)
      return () => {
        reserved -= count
        countFor(tenantId, -count)
      }
    },
    reserveForHandOver(count) {
      reserved += count
      return () => {
        reserved -= count
      }
    },
  }
  return slots
}
