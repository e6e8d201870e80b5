// The lanes: each endpoint's slots in this process. A wake-up makes a lane hungry; a hungry lane with free slots claims
// what is due, sends it, and claims again until nothing is due. Nobody waits for somebody else's broken server: a lane
// never holds more than its own slots, a tenant never more than half of the process, and a full lane leaves its
// deliveries where they are, in the table. The last tenth of the process is for tenants who have little in the air.
//
// A publish in this process hands its deliveries over to lanes with free places, leased by the statement that stores them:
// they need neither a wake-up nor a claim. Once a lane is behind, what is published waits its turn in the table.
//
// A full lane whose receiver is quick claims three times as much ahead, so that a slot that becomes free is filled at once
// and a claim brings many; slower ones claim what they can send now. How many slots it has, its receiver's answers decide
// (fairness/concurrency-limit.ts).

import { randomUUID } from 'node:crypto'
import type { Context } from '../../context.ts'
import { giveUp } from '../../domain/delivery.ts'
import type { Batcher } from '../fairness/batcher.ts'
import {
  FIRST_SLOTS,
  type LaneWidth,
  NARROW,
  SLOTS,
  slotsBesideNeighbours,
  widthAfter,
} from '../fairness/concurrency-limit.ts'
import { createNeighbours } from '../fairness/neighbours.ts'
import type { Offer } from '../publish/store-events.ts'
import { type AttemptTools, attemptDelivery } from './attempt-delivery.ts'
import { createBodyReader } from './bodies.ts'
import {
  type Claim,
  type ClaimedDelivery,
  type ClaimResult,
  claimDeliveries,
  claimGated,
  type GatedResult,
  markWatched,
  readBody,
  releaseLeases,
} from './claim-deliveries.ts'
import { createSuspects } from './quarantine.ts'
import type { Recorded, Result } from './record-attempts.ts'
import { createRetryTimes } from './retry-times.ts'
import type { EndpointTarget, EndpointTargets } from './targets.ts'
import { type Alarm, createAlarm } from './wake-timer.ts'

/** What a full, quick lane holds claimed ahead for each of its slots. */
const AHEAD_PER_SLOT = 3
/** What publishes may add to that: half, so that claims bring what waits in the table however much is published. */
const OFFERED_PER_SLOT = AHEAD_PER_SLOT / 2
const MAX_CLAIM_ROWS = 500
const MAX_CLAIM_LANES = 200
/** What one publish may hand over. */
const MAX_OFFERED = 100
/** A claim older than this is not sent any more: its lease could end while the receiver answers. */
const MAX_CLAIM_AGE_MS = 8_000
/**
 * How far the low-water mark stays behind, so that a publish that commits a little late is not passed over; what commits
 * later still is the reconciler's to find. Beside a transaction that stays open, each claim walks over what was claimed in
 * this time.
 */
const LOW_WATER_BEHIND_MS = 1_500
/** Retries that are due sooner are timed here as well as by their wake-up. */
const TIMED_HERE_MS = 60_000
const GATE_RECHECK_MS = 250
const UNREADABLE_RECHECK_MS = 5_000
const CLAIM_AGAIN_AFTER_FAILURE_MS = 500

export type WakeUp = {
  readonly endpointId: string
  /** Known where the wake-up comes from a statement of ours; without it the lane counts as nobody's. */
  readonly tenantId?: string | undefined
  readonly test?: boolean | undefined
  readonly fromStart?: boolean | undefined
}

export type LanesOptions = {
  readonly ctx: Context
  readonly tools: Omit<AttemptTools, 'signal'>
  readonly targets: EndpointTargets
  readonly recorder: Batcher<Result, Recorded>
  /** This process' id in `worker_process`: it marks the leases. */
  readonly processId: () => string
  /** Attempts in the air at once in this process. */
  readonly maxInTheAir: number
  readonly onSettled?: (result: Result, recorded: Recorded) => void
}

export type LaneStats = { readonly lanes: number; readonly inTheAir: number; readonly hungry: number }

export type Lanes = {
  /** Look at this endpoint now. Costs nothing when the lane is awake already. */
  wake(wakeUp: WakeUp): void
  /** What these lanes take over, without a claim, from a publish of these tenants that begins now; null: nothing. */
  offer(tenantIds: ReadonlySet<string>): Offer | null
  stats(): LaneStats
  /** Stops claiming, lets what is in the air end and be recorded; cuts it off at the deadline. */
  close(deadlineMs: number): Promise<void>
}

type Lane = {
  readonly key: string
  readonly endpointId: string
  readonly test: boolean
  tenantId: string | null
  inTheAir: number
  /** A claim for it is in the air. */
  claiming: boolean
  /** The last claim brought as many as it asked for: more may be due. */
  behind: boolean
  /** Places offered to publishes that are not stored yet. */
  offered: number
  /** Results that are being recorded. */
  unsettled: number
  width: LaneWidth
  mostSlots: number
  /** Claimed ahead: each goes out when one before it has ended. While there are any, something is in the air. */
  ahead: Claimed[]
  /** Rises with every wake-up, so that one that comes during a claim is not lost. */
  woken: number
  /** Due times below this were claimed already; null: look from the beginning. */
  low: number | null
  /** Rises when the lane is to look from the beginning again. */
  restarts: number
  gated: boolean
  /** Monotonic ms before which nothing is claimed. */
  closedUntil: number
  /** It is closed until one of its own attempts ends, or a slot of another process may have become free. */
  waitsForSlot: boolean
  /** When it will be hungry again. */
  readonly alarm: Alarm
}

type Asked = {
  readonly lane: Lane
  readonly claim: Claim
  /** How many of them may go out at once, and for whom they are counted until the claim is answered. */
  readonly atOnce: number
  readonly tenantId: string
  readonly woken: number
  readonly restarts: number
}

/** Claims of one kind, one at a time; those through gates wait for locks, and nobody else waits with them. */
type ClaimLoop = {
  readonly gated: boolean
  readonly claim: (asked: Asked[]) => Promise<void>
  running: Promise<void> | null
  notBefore: number
}

type Claimed = { readonly delivery: ClaimedDelivery; readonly target: EndpointTarget; readonly claimedAt: number }

const NOBODY = ''

export function createLanes(options: LanesOptions): Lanes {
  const { ctx, recorder, targets } = options
  /** For tenants who have little in the air. */
  const reserve = Math.ceil(options.maxInTheAir / 10)
  const lanes = new Map<string, Lane>()
  const hungry = new Set<Lane>()
  const tenantInTheAir = new Map<string, number>()
  const neighbours = createNeighbours(ctx.clock.monotonicMs)
  const bodies = createBodyReader((eventId) => readBody(ctx.hot, eventId))
  const retries = createRetryTimes(ctx.clock)
  const suspects = createSuspects<Lane>({
    mark: (delivery, overtaken) => markWatched(ctx.hot, delivery, overtaken).catch(() => false),
    send: ({ lane, delivery, target }) => {
      if (!closed) return run(lane, delivery, target, ctx.clock.monotonicMs())
      drop({ lane, delivery })
    },
    convict({ lane, delivery }) {
      ctx.log.error(
        { deliveryId: delivery.id, endpointId: delivery.endpointId, crashes: delivery.crashCount },
        'delivery.poison',
      )
      void settle(lane, ended(delivery, 'poison'))
      freeSlot(lane, delivery)
    },
    drop,
  })
  const unsent: { lane: Lane; delivery: ClaimedDelivery }[] = []
  const cutOff = new AbortController()
  const tools: AttemptTools = { ...options.tools, signal: cutOff.signal }
  const loops: ClaimLoop[] = [
    { gated: false, claim: claimOpen, running: null, notBefore: 0 },
    { gated: true, claim: claimThroughGates, running: null, notBefore: 0 },
  ]
  let inTheAir = 0
  /** Slots asked for by claims that are not answered yet, which are in `tenantInTheAir` too, and offered to publishes. */
  let askedFor = 0
  let closed = false
  const offers = new Set<Promise<void>>()
  let whenQuiet: (() => void) | null = null

  function laneOf(endpointId: string, test: boolean): Lane {
    const key = test ? `${endpointId}/test` : endpointId
    const known = lanes.get(key)
    if (known) return known
    const lane: Lane = {
      key,
      endpointId,
      test,
      tenantId: null,
      inTheAir: 0,
      claiming: false,
      behind: false,
      offered: 0,
      unsettled: 0,
      width: NARROW,
      mostSlots: SLOTS,
      ahead: [],
      woken: 0,
      low: null,
      restarts: 0,
      gated: false,
      closedUntil: 0,
      waitsForSlot: false,
      alarm: createAlarm(ctx.clock.monotonicMs, () => feed(lane)),
    }
    lanes.set(key, lane)
    return lane
  }

  function feed(lane: Lane): void {
    lane.woken++
    hungry.add(lane)
    claimSoon()
  }

  function restart(lane: Lane): void {
    lane.low = null
    lane.restarts++
  }

  /** Forgets a lane that has nothing to do and nothing to wait for. */
  function retire(lane: Lane): void {
    const idle =
      !hungry.has(lane) && lane.inTheAir + lane.offered + lane.ahead.length + lane.unsettled === 0 && !lane.alarm.isSet
    if (idle) lanes.delete(lane.key)
  }

  let claimScheduled = false
  function claimSoon(): void {
    if (claimScheduled || closed || hungry.size === 0) return
    claimScheduled = true
    setImmediate(() => {
      claimScheduled = false
      for (const loop of loops) claim(loop)
    })
  }

  function claim(loop: ClaimLoop): void {
    if (loop.running || closed || ctx.clock.monotonicMs() < loop.notBefore) return
    const asked = collectClaims(loop.gated)
    if (asked.length === 0) return
    loop.running = loop
      .claim(asked)
      .catch((error) => {
        ctx.log.warn({ err: error }, 'claim.failed')
        // Nothing is lost: what was leased by a claim whose answer got lost comes back when its lease ends.
        loop.notBefore = ctx.clock.monotonicMs() + CLAIM_AGAIN_AFTER_FAILURE_MS
        setTimeout(claimSoon, CLAIM_AGAIN_AFTER_FAILURE_MS + 1)
      })
      .finally(() => {
        for (const { tenantId, atOnce } of asked) {
          askedFor -= atOnce
          countFor(tenantId, -atOnce)
        }
        for (const { lane } of asked) {
          lane.claiming = false
          sendAhead(lane)
        }
        loop.running = null
        claimSoon()
      })
  }

  /** What the hungry lanes may ask for now, those that wait longest first. */
  function collectClaims(gated: boolean): Asked[] {
    const now = ctx.clock.monotonicMs()
    const asked: Asked[] = []
    let rows = MAX_CLAIM_ROWS
    for (const lane of hungry) {
      const free = options.maxInTheAir - inTheAir - askedFor
      if (asked.length >= MAX_CLAIM_LANES || free <= 0 || rows <= 0) break
      if (lane.gated !== gated || lane.closedUntil > now) continue
      const tenantId = lane.tenantId ?? NOBODY
      const ofTenant = tenantInTheAir.get(tenantId) ?? 0
      const atOnce = Math.max(
        0,
        Math.min(
          slotsOf(lane) - lane.inTheAir - (lane.width.isQuick ? 0 : lane.offered),
          ofTenant < reserve ? free : free - reserve,
          roomOf(tenantId),
          rows,
        ),
      )
      const slots = Math.min(rows, atOnce + roomAhead(lane, atOnce))
      // With enough claimed ahead there is no hurry: fewer and larger claims.
      if (slots === 0 || (lane.ahead.length > 0 && slots < (lane.width.slots * AHEAD_PER_SLOT) / 2)) continue
      rows -= slots
      askedFor += atOnce
      countFor(tenantId, atOnce)
      lane.claiming = true
      asked.push({
        lane,
        atOnce,
        tenantId,
        woken: lane.woken,
        restarts: lane.restarts,
        claim: { endpointId: lane.endpointId, test: lane.test, slots, low: lane.low },
      })
    }
    for (const { lane } of asked) {
      hungry.delete(lane)
      hungry.add(lane)
    }
    return asked
  }

  /** How many it uses now. */
  function slotsOf(lane: Lane): number {
    return neighbours.areAbout(lane.tenantId ?? NOBODY) ? slotsBesideNeighbours(lane.width) : lane.width.slots
  }

  function roomAhead(lane: Lane, atOnce: number): number {
    const isFull = lane.inTheAir + atOnce >= slotsOf(lane)
    return lane.width.isQuick && isFull && !lane.gated && !lane.test
      ? lane.width.slots * AHEAD_PER_SLOT - lane.ahead.length
      : 0
  }

  /** Fills the lane's free slots with what was claimed ahead; gives that back when it would have to wait long. */
  function sendAhead(lane: Lane): void {
    if (lane.ahead.length === 0) return
    if (!lane.width.isQuick || closed) {
      for (const { delivery } of lane.ahead.splice(0)) giveBack(lane, delivery)
      return
    }
    const tenantId = lane.tenantId ?? NOBODY
    const slots = slotsOf(lane)
    while (lane.inTheAir < slots) {
      const isFree = inTheAir + askedFor < options.maxInTheAir
      if (lane.inTheAir > 0 && !(isFree && roomOf(tenantId) > 0)) return
      const next = lane.ahead.shift()
      if (!next) return
      takeSlot(lane, next.delivery)
      void run(lane, next.delivery, next.target, next.claimedAt)
    }
  }

  function countFor(tenantId: string, slots: number): void {
    const count = (tenantInTheAir.get(tenantId) ?? 0) + slots
    if (count > 0) tenantInTheAir.set(tenantId, count)
    else tenantInTheAir.delete(tenantId)
  }

  async function claimOpen(asked: Asked[]): Promise<void> {
    const claimedAt = ctx.clock.monotonicMs()
    const result: ClaimResult = await claimDeliveries(
      ctx.hot,
      asked.map(({ claim }) => claim),
      lease(),
    )
    for (const endpointId of result.gatedEndpointIds) {
      const lane = laneOf(endpointId, false)
      lane.gated = true
      feed(lane)
    }
    rest(asked, await start(asked, result.deliveries, claimedAt))
  }

  async function claimThroughGates(asked: Asked[]): Promise<void> {
    const claimedAt = ctx.clock.monotonicMs()
    const result: GatedResult = await claimGated(
      ctx.hot,
      asked.map(({ claim }) => claim),
      lease(),
    )
    const taken = await start(asked, result.deliveries, claimedAt)
    for (const { lane, claim } of asked) {
      const gate = result.gates.get(lane.endpointId)
      if (!gate) continue
      lane.gated = !gate.open
      lane.mostSlots = gate.maxInFlight ?? SLOTS
      lane.width = { ...lane.width, slots: Math.min(lane.width.slots, lane.mostSlots) }
      const got = taken.get(lane) ?? 0
      if (got >= claim.slots) continue
      // Fewer than the gate let through: nothing more is due. As many: there may be more, when the gate opens again.
      if (gate.room !== null && got >= gate.room) {
        lane.waitsForSlot = true
        closeFor(lane, GATE_RECHECK_MS)
      } else if (gate.pace !== null && got >= gate.pace && gate.openAt) {
        closeFor(lane, Math.max(1, gate.openAt.getTime() - ctx.clock.now().getTime()))
      }
    }
    rest(asked, taken)
  }

  function closeFor(lane: Lane, delayMs: number): void {
    lane.closedUntil = ctx.clock.monotonicMs() + delayMs
    lane.alarm.setIn(delayMs)
  }

  function lease() {
    return { token: randomUUID(), processId: options.processId(), now: ctx.clock.now() }
  }

  /** Lanes that got less than they asked for have nothing due, unless they were woken meanwhile. */
  function rest(asked: Asked[], taken: Map<Lane, number>): void {
    for (const { lane, claim, woken } of asked) {
      lane.behind = (taken.get(lane) ?? 0) >= claim.slots
      if (lane.behind || lane.woken !== woken) continue
      hungry.delete(lane)
      retire(lane)
    }
  }

  /** Sends what was claimed, or handed over where nothing was asked for; returns how many each lane got. */
  async function start(
    asked: Asked[],
    deliveries: readonly ClaimedDelivery[],
    claimedAt: number,
  ): Promise<Map<Lane, number>> {
    const taken = new Map<Lane, number>()
    if (deliveries.length === 0) return taken
    const revisions = new Map<string, number>()
    for (const { endpointId, revision } of deliveries)
      revisions.set(endpointId, Math.max(revision, revisions.get(endpointId) ?? 0))
    const loaded = await targets.load(revisions)
    if (closed) {
      for (const delivery of deliveries) giveBack(laneOf(delivery.endpointId, delivery.test), delivery)
      return taken
    }
    const askedOf = new Map(asked.map((each) => [each.lane, each]))
    for (const delivery of deliveries) {
      const lane = laneOf(delivery.endpointId, delivery.test)
      taken.set(lane, (taken.get(lane) ?? 0) + 1)
      lane.tenantId = delivery.tenantId
      const target = loaded.get(delivery.endpointId)
      if (!target) {
        // Its secret cannot be opened here and now; nothing counts as an attempt.
        if (lane.closedUntil < claimedAt + UNREADABLE_RECHECK_MS) closeFor(lane, UNREADABLE_RECHECK_MS)
        giveBack(lane, delivery)
        continue
      }
      const question = askedOf.get(lane)
      if (question?.restarts === lane.restarts)
        lane.low = Math.max(lane.low ?? 0, delivery.dueAt.getTime() - LOW_WATER_BEHIND_MS)
      // What was handed over meanwhile may have taken the slots that a claim was made for.
      const hasPlace = question
        ? taken.get(lane)! <= question.atOnce &&
          lane.inTheAir < (lane.width.isQuick ? mostTogether(lane) : lane.mostSlots)
        : hasPlaceFor(lane, delivery)
      if (!hasPlace && !delivery.suspect) {
        if (question || lane.inTheAir > 0) lane.ahead.push({ delivery, target, claimedAt })
        else giveBack(lane, delivery)
        continue
      }
      takeSlot(lane, delivery)
      if (delivery.suspect) suspects.add({ lane, delivery, target })
      else void run(lane, delivery, target, claimedAt)
    }
    suspects.send()
    return taken
  }

  /** What may be out where claims and hand-overs come together. */
  function mostTogether(lane: Lane): number {
    return Math.min(lane.mostSlots, slotsOf(lane) + FIRST_SLOTS)
  }

  /** Whether what was handed over can go out now. */
  function hasPlaceFor(lane: Lane, { tenantId }: ClaimedDelivery): boolean {
    return lane.inTheAir < mostTogether(lane) && inTheAir < options.maxInTheAir && roomOf(tenantId) > 0
  }

  /** How many more a tenant may have in the air. */
  function roomOf(tenantId: string): number {
    return Math.ceil(options.maxInTheAir / 2) - (tenantInTheAir.get(tenantId) ?? 0)
  }

  /** What a publish may hand over to a lane now, where there is not more due already than the lane can send. */
  function placesOf(lane: Lane, now: number): number {
    const isOpen = !lane.gated && lane.closedUntil <= now && roomOf(lane.tenantId ?? NOBODY) > 0
    if (!isOpen || lane.behind || (lane.claiming && !lane.width.isQuick)) return 0
    const ahead = lane.width.isQuick ? lane.width.slots * OFFERED_PER_SLOT - lane.ahead.length : 0
    // Half of it: another publish may begin before this one is stored.
    return Math.max(0, Math.ceil((slotsOf(lane) - lane.inTheAir - lane.offered + ahead) / 2))
  }

  function offer(tenantIds: ReadonlySet<string>): Offer | null {
    const now = ctx.clock.monotonicMs()
    const most = Math.min(MAX_OFFERED, options.maxInTheAir - inTheAir - askedFor - reserve)
    if (closed || most <= 0) return null
    const places: Record<string, number> = {}
    for (const tenantId of tenantIds) if (roomOf(tenantId) <= 0) places[tenantId] = 0
    const concerned = lanes
      .values()
      .filter(({ test, tenantId }) => !test && (tenantId === null || tenantIds.has(tenantId)))
      .toArray()
    for (const lane of concerned) {
      places[lane.endpointId] = placesOf(lane, now)
      lane.offered += places[lane.endpointId]!
    }
    askedFor += most
    const { promise, resolve } = Promise.withResolvers<void>()
    offers.add(promise)
    return {
      processId: options.processId(),
      places,
      otherwise: FIRST_SLOTS,
      most,
      take: (deliveries) =>
        void start([], deliveries, now)
          // Nothing is lost: their leases end.
          .catch((error) => ctx.log.warn({ err: error }, 'offer.failed'))
          .finally(() => {
            askedFor -= most
            for (const lane of concerned) {
              lane.offered -= places[lane.endpointId]!
              sendAhead(lane)
              retire(lane)
            }
            offers.delete(promise)
            resolve()
            claimSoon()
          }),
    }
  }

  function takeSlot(lane: Lane, delivery: ClaimedDelivery): void {
    lane.inTheAir++
    inTheAir++
    countFor(delivery.tenantId, 1)
    neighbours.note(delivery.tenantId)
  }

  function freeSlot(lane: Lane, delivery: ClaimedDelivery): void {
    lane.inTheAir--
    inTheAir--
    countFor(delivery.tenantId, -1)
    if (lane.waitsForSlot) {
      lane.waitsForSlot = false
      lane.closedUntil = 0
      feed(lane)
    }
    sendAhead(lane)
    retire(lane)
    claimSoon()
    if (inTheAir === 0) whenQuiet?.()
  }

  let givingBack = false
  /** Ends the lease of a delivery whose attempt is not made, so that anybody may claim it anew. */
  function giveBack(lane: Lane, delivery: ClaimedDelivery): void {
    unsent.push({ lane, delivery })
    if (givingBack || closed) return
    givingBack = true
    setImmediate(() => {
      givingBack = false
      void releaseUnsent()
    })
  }

  function drop({ lane, delivery }: { lane: Lane; delivery: ClaimedDelivery }): void {
    giveBack(lane, delivery)
    freeSlot(lane, delivery)
  }

  async function releaseUnsent(): Promise<void> {
    if (unsent.length === 0) return
    const released = unsent.splice(0)
    try {
      await releaseLeases(
        ctx.hot,
        released.map(({ delivery }) => delivery),
      )
    } catch (error) {
      // Then they come back when their leases end.
      ctx.log.warn({ err: error }, 'claim.release_failed')
    }
    for (const lane of new Set(released.map(({ lane }) => lane))) {
      restart(lane)
      feed(lane)
    }
  }

  async function run(lane: Lane, delivery: ClaimedDelivery, target: EndpointTarget, claimedAt: number): Promise<void> {
    let result: Result | null = null
    try {
      const body = await bodies.read(delivery)
      if (ctx.clock.monotonicMs() - claimedAt > MAX_CLAIM_AGE_MS) return giveBack(lane, delivery)
      if (body === null) {
        result = ended(delivery, 'event_expired')
        return
      }
      const made = await attemptDelivery(tools, { delivery, target, body })
      if (!made) return giveBack(lane, delivery)
      const { outcome, attempt } = made
      lane.width = widthAfter(lane.width, { ...outcome, latencyMs: attempt.sent.latencyMs }, lane.mostSlots)
      result = { delivery, ...made, ...retries.timesOf(delivery, made.step) }
    } catch (error) {
      ctx.log.error({ err: error, deliveryId: delivery.id, endpointId: delivery.endpointId }, 'delivery.attempt_failed')
    } finally {
      const settled = result ? settle(lane, result) : null
      // Behind a gate a slot is free once its lease is: the gate counts leases.
      if (lane.gated) await settled
      freeSlot(lane, delivery)
    }
  }

  function ended(delivery: ClaimedDelivery, reason: 'poison' | 'event_expired'): Result {
    return { delivery, attempt: null, outcome: null, step: giveUp(delivery, reason), nextAttemptAt: null, wakeAt: null }
  }

  async function settle(lane: Lane, result: Result): Promise<void> {
    lane.unsettled++
    try {
      const recorded = await recorder.submit(result)
      options.onSettled?.(result, recorded)
      const { nextAttemptAt } = result
      if (recorded && nextAttemptAt) {
        const waitMs = nextAttemptAt.getTime() - ctx.clock.now().getTime()
        if (waitMs <= TIMED_HERE_MS) lane.alarm.setIn(Math.max(0, waitMs))
      }
    } catch (error) {
      // Its lease ends, and somebody sends it again under the same attempt number.
      ctx.log.error({ err: error, deliveryId: result.delivery.id }, 'delivery.record_failed')
    } finally {
      lane.unsettled--
      retire(lane)
    }
  }

  return {
    wake({ endpointId, tenantId, test = false, fromStart = false }) {
      if (closed) return
      const lane = laneOf(endpointId, test)
      lane.tenantId ??= tenantId ?? null
      if (fromStart) restart(lane)
      feed(lane)
    },
    offer,
    stats: () => ({ lanes: lanes.size, inTheAir, hungry: hungry.size }),
    async close(deadlineMs) {
      closed = true
      for (const lane of lanes.values()) lane.alarm.close()
      const late = setTimeout(() => cutOff.abort(), deadlineMs)
      const tooLate = new Promise<void>((resolve) => cutOff.signal.addEventListener('abort', () => resolve()))
      // A claim that is in the air may still bring leases.
      await Promise.race([Promise.all([...loops.map((loop) => loop.running), ...offers]), tooLate])
      for (const lane of lanes.values()) sendAhead(lane)
      for (const suspect of suspects.takeAll()) drop(suspect)
      if (inTheAir > 0)
        await new Promise<void>((resolve) => {
          whenQuiet = resolve
        })
      clearTimeout(late)
      await releaseUnsent()
      await recorder.idle()
    },
  }
}
