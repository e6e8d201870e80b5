// How busy a lane is, and how much more it may take. Pure functions over numbers.

import { type ConcurrencyLimit, FIRST_SLOTS } from '../../fairness/concurrency-limit.ts'
import type { ClaimedDelivery } from '../claimed-delivery.ts'

/** A full lane with a quick receiver claims this many deliveries ahead per slot. */
const AHEAD_PER_SLOT = 3
/** Publishes may hand over half of that, so that claims bring deliveries from the table even when much is published. */
const OFFERED_PER_SLOT = AHEAD_PER_SLOT / 2

export type LaneLoad = {
  readonly limit: ConcurrencyLimit
  /** The slots that the lane uses now: those of its limit, or fewer while other tenants are active. */
  readonly slots: number
  /** The most slots that its endpoint allows. */
  readonly maxSlots: number
  /** Attempts in the air. */
  readonly inTheAir: number
  /** Places offered to publishes that are not stored yet. */
  readonly offered: number
  /** Claimed deliveries that wait for a slot. */
  readonly ahead: number
}

/**
 * How many deliveries a lane asks a claim for, and how many of them go out at once; null: none now. `freeSlots` are the
 * slots that the process has for it, `rows` is what the claim may still bring, `mayClaimAhead` allows more than can go
 * out at once.
 */
export function amountToClaim(
  load: LaneLoad,
  { freeSlots, rows, mayClaimAhead }: { freeSlots: number; rows: number; mayClaimAhead: boolean },
): { slots: number; atOnce: number } | null {
  const { limit, inTheAir, ahead } = load
  const reserved = limit.isQuick ? 0 : load.offered
  const atOnce = Math.max(0, Math.min(load.slots - inTheAir - reserved, freeSlots, rows))
  const isFull = inTheAir + atOnce >= load.slots
  const further = mayClaimAhead && limit.isQuick && isFull ? limit.slots * AHEAD_PER_SLOT - ahead : 0
  const slots = Math.min(rows, atOnce + further)
  // A lane with enough claimed ahead is in no hurry: fewer and larger claims.
  if (slots === 0 || (ahead > 0 && slots < (limit.slots * AHEAD_PER_SLOT) / 2)) return null
  return { slots, atOnce }
}

/** How many deliveries a publish may hand over to a lane that is not behind. */
export function placesToOffer({ limit, slots, inTheAir, offered, ahead }: LaneLoad): number {
  const further = limit.isQuick ? limit.slots * OFFERED_PER_SLOT - ahead : 0
  // Half of the places: another publish may begin before this one is stored.
  return Math.max(0, Math.ceil((slots - inTheAir - offered + further) / 2))
}

/** Whether a slot is free for a delivery that a publish handed over. */
export function hasSlotForHandedOver({ slots, maxSlots, inTheAir }: LaneLoad): boolean {
  // Claims and hand-overs may meet: for that the lane may exceed its slots by two.
  return inTheAir < Math.min(maxSlots, slots + FIRST_SLOTS)
}

/** Whether a slot is free for a claimed delivery: hand-overs may have taken slots while the claim was in the air. */
export function hasSlotForClaimed(load: LaneLoad): boolean {
  return load.limit.isQuick ? hasSlotForHandedOver(load) : load.inTheAir < load.maxSlots
}

/**
 * Whether another delivery cannot go out before the result of this one is recorded, in a lane without a limit. A line moves by
 * what is recorded, but a lane with others to send (`ahead`) need not hurry for a line. What was in the air at a death must not be
 * so at the next one.
 */
export function awaitsRecord(
  { inLine, crashCount }: Pick<ClaimedDelivery, 'inLine' | 'crashCount'>,
  ahead: number,
): boolean {
  return crashCount > 0 || (inLine && ahead === 0)
}
