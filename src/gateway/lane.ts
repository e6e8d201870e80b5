// The lanes: each endpoint's slots in this process. A wake-up makes a lane hungry; a hungry lane with free slots claims
// what is due, sends it, and claims again until nothing is due. Nobody waits for somebody else's broken server: a lane
// never holds more than its own slots, a tenant never more than half of the process, and a full lane leaves its
// deliveries where they are, in the table.
//
// A lane starts with two slots and doubles them with every success; three timeouts in a row bring it back to two. That
// limits parallelism alone, never the schedule.

import { randomUUID } from 'node:crypto'
import type { Context } from '../context.ts'
import type { Step } from '../domain/delivery.ts'
import { type AttemptTools, attemptDelivery } from './attempt-delivery.ts'
import type { Batcher } from './batcher.ts'
import {
  type Claim,
  type ClaimedDelivery,
  type ClaimResult,
  claimDeliveries,
  claimGated,
  type GatedResult,
  markSentAlone,
  readBody,
} from './claim-deliveries.ts'
import type { EndpointTarget, EndpointTargets } from './endpoint-targets.ts'
import type { Recorded, Result } from './record-attempts.ts'

const FIRST_SLOTS = 2
const SLOTS = 20
const TIMEOUTS_UNTIL_NARROW = 3
const MAX_CLAIM_ROWS = 500
const MAX_CLAIM_LANES = 200
/** A claim older than this is not sent any more: its lease could end while the receiver answers. */
const MAX_CLAIM_AGE_MS = 8_000
/** How far the low-water mark stays behind, so that a publish that commits late is not passed over. */
const LOW_WATER_BEHIND_MS = 5_000
/** Retries that are due sooner are timed here as well as by their wake-up. */
const TIMED_HERE_MS = 60_000
const GATE_RECHECK_MS = 250
const UNREADABLE_RECHECK_MS = 30_000
const LARGE_BODIES_AT_ONCE = 32
/** The crashes of a lone suspect after which it is called poison. */
const POISON_CRASHES = 3

export type WakeUp = { readonly endpointId: string; readonly test?: boolean; readonly fromStart?: boolean }

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
  slots: number
  mostSlots: number
  timeouts: number
  hungry: boolean
  /** Rises with every wake-up, so that one that comes during a claim is not lost. */
  woken: number
  /** Due times below this were claimed already; null: look from the beginning. */
  low: number | null
  gated: boolean
  /** Monotonic ms before which its gate lets nothing through. */
  closedUntil: number
  timer: NodeJS.Timeout | null
  timerAt: number
}

export function createLanes(options: LanesOptions): Lanes {
  const { ctx, recorder, targets } = options
  const lanes = new Map<string, Lane>()
  const hungry = new Set<Lane>()
  const tenantInTheAir = new Map<string, number>()
  const timedWakeUps = new Set<string>()
  const suspects: { lane: Lane; delivery: ClaimedDelivery; target: EndpointTarget }[] = []
  const cutOff = new AbortController()
  const tools: AttemptTools = { ...options.tools, signal: cutOff.signal }
  let inTheAir = 0
  let suspectOut = false
  let claiming = false
  let closed = false
  let largeBodies = 0
  const largeBodyLine: (() => void)[] = []
  let whenQuiet: (() => void) | null = null

  function laneOf(endpointId: string, test: boolean): Lane {
    const key = test ? `${endpointId}/test` : endpointId
    let lane = lanes.get(key)
    if (!lane) {
      lane = {
        key,
        endpointId,
        test,
        tenantId: null,
        inTheAir: 0,
        slots: FIRST_SLOTS,
        mostSlots: SLOTS,
        timeouts: 0,
        hungry: false,
        woken: 0,
        low: null,
        gated: false,
        closedUntil: 0,
        timer: null,
        timerAt: 0,
      }
      lanes.set(key, lane)
    }
    return lane
  }

  function setHungry(lane: Lane, is: boolean): void {
    lane.hungry = is
    if (is) hungry.add(lane)
    else hungry.delete(lane)
    if (!is && lane.inTheAir === 0 && !lane.timer) lanes.delete(lane.key)
  }

  function feed(lane: Lane): void {
    lane.woken++
    setHungry(lane, true)
    claimSoon()
  }

  /** Feeds the lane after so many ms; an earlier time replaces a later one. */
  function feedIn(lane: Lane, delayMs: number): void {
    const at = ctx.clock.monotonicMs() + delayMs
    if (closed || (lane.timer && lane.timerAt <= at)) return
    if (lane.timer) clearTimeout(lane.timer)
    lane.timerAt = at
    lane.timer = setTimeout(() => {
      lane.timer = null
      feed(lane)
    }, delayMs)
  }

  let claimScheduled = false
  function claimSoon(): void {
    if (claimScheduled || claiming || closed) return
    claimScheduled = true
    setImmediate(() => {
      claimScheduled = false
      void claim()
    })
  }

  /** What the hungry lanes may ask for now, those that wait longest first. */
  function collectClaims(): { lane: Lane; claim: Claim; woken: number }[] {
    const now = ctx.clock.monotonicMs()
    const reserve = Math.ceil(options.maxInTheAir / 10)
    const asked: { lane: Lane; claim: Claim; woken: number }[] = []
    const tenantAsked = new Map<string, number>()
    let free = Math.min(options.maxInTheAir - inTheAir, MAX_CLAIM_ROWS)
    for (const lane of hungry) {
      if (asked.length >= MAX_CLAIM_LANES || free <= 0) break
      if (lane.closedUntil > now) continue
      // The last tenth is for lanes that have nothing in the air.
      const allowed = lane.inTheAir === 0 ? free : free - reserve
      const ofTenant = lane.tenantId
        ? (tenantInTheAir.get(lane.tenantId) ?? 0) + (tenantAsked.get(lane.tenantId) ?? 0)
        : 0
      const slots = Math.min(lane.slots - lane.inTheAir, allowed, Math.ceil(options.maxInTheAir / 2) - ofTenant)
      if (slots <= 0) continue
      free -= slots
      if (lane.tenantId) tenantAsked.set(lane.tenantId, (tenantAsked.get(lane.tenantId) ?? 0) + slots)
      asked.push({
        lane,
        woken: lane.woken,
        claim: { endpointId: lane.endpointId, test: lane.test, slots, low: lane.low },
      })
    }
    for (const { lane } of asked) {
      hungry.delete(lane)
      hungry.add(lane)
    }
    return asked
  }

  async function claim(): Promise<void> {
    if (claiming || closed) return
    const asked = collectClaims()
    if (asked.length === 0) return
    claiming = true
    try {
      const gated = asked.filter(({ lane }) => lane.gated)
      const open = asked.filter(({ lane }) => !lane.gated)
      await Promise.all([open.length ? claimOpen(open) : null, gated.length ? claimThroughGates(gated) : null])
    } catch (error) {
      ctx.log.warn({ err: error }, 'claim.failed')
      // Nothing is lost: what was leased by a claim whose answer got lost comes back when its lease ends.
      setTimeout(claimSoon, 500)
      return
    } finally {
      claiming = false
    }
    claimSoon()
  }

  type Asked = ReturnType<typeof collectClaims>

  async function claimOpen(asked: Asked): Promise<void> {
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
    await start(asked, result.deliveries, claimedAt)
  }

  async function claimThroughGates(asked: Asked): Promise<void> {
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
      lane.slots = Math.min(lane.slots, lane.mostSlots)
      if (gate.open || (taken.get(lane) ?? 0) >= claim.slots) continue
      // It got less than it asked for: the gate was the limit, or nothing is due. Look again when the gate may open.
      const waitMs = gate.openAt ? Math.max(1, gate.openAt.getTime() - ctx.clock.now().getTime()) : GATE_RECHECK_MS
      if (gate.openAt || lane.inTheAir > 0 || (taken.get(lane) ?? 0) > 0) {
        lane.closedUntil = ctx.clock.monotonicMs() + waitMs
        feedIn(lane, waitMs)
      }
    }
  }

  function lease() {
    return { token: randomUUID(), processId: options.processId() }
  }

  /** Sends what was claimed; returns how many each lane got. */
  async function start(asked: Asked, deliveries: ClaimedDelivery[], claimedAt: number): Promise<Map<Lane, number>> {
    const taken = new Map<Lane, number>()
    const revisions = new Map<string, number>()
    for (const delivery of deliveries) {
      const lane = laneOf(delivery.endpointId, delivery.test)
      taken.set(lane, (taken.get(lane) ?? 0) + 1)
      revisions.set(delivery.endpointId, Math.max(delivery.revision, revisions.get(delivery.endpointId) ?? 0))
    }
    const loaded = deliveries.length ? await targets.load(revisions) : new Map<string, EndpointTarget>()
    for (const delivery of deliveries) {
      const lane = laneOf(delivery.endpointId, delivery.test)
      lane.tenantId = delivery.tenantId
      lane.low = Math.max(lane.low ?? 0, delivery.dueAt.getTime() - LOW_WATER_BEHIND_MS)
      const target = loaded.get(delivery.endpointId)
      if (!target) {
        // Its secret cannot be opened now. The lease ends by itself, nothing counts as an attempt.
        feedIn(lane, UNREADABLE_RECHECK_MS)
        continue
      }
      takeSlot(lane, delivery)
      if (delivery.suspect) suspects.push({ lane, delivery, target })
      else void run(lane, delivery, target, claimedAt)
    }
    sendNextSuspect()
    for (const { lane, claim, woken } of asked) {
      if ((taken.get(lane) ?? 0) < claim.slots && lane.woken === woken) setHungry(lane, false)
    }
    return taken
  }

  function takeSlot(lane: Lane, delivery: ClaimedDelivery): void {
    lane.inTheAir++
    inTheAir++
    tenantInTheAir.set(delivery.tenantId, (tenantInTheAir.get(delivery.tenantId) ?? 0) + 1)
  }

  function freeSlot(lane: Lane, delivery: ClaimedDelivery): void {
    lane.inTheAir--
    inTheAir--
    const ofTenant = (tenantInTheAir.get(delivery.tenantId) ?? 1) - 1
    if (ofTenant > 0) tenantInTheAir.set(delivery.tenantId, ofTenant)
    else tenantInTheAir.delete(delivery.tenantId)
    if (!lane.hungry) setHungry(lane, false)
    if (hungry.size > 0) claimSoon()
    if (inTheAir === 0) whenQuiet?.()
  }

  /** Suspects go out one at a time, so that a crash says which one it was. */
  function sendNextSuspect(): void {
    if (suspectOut) return
    const suspect = suspects.shift()
    if (!suspect) return
    suspectOut = true
    const { lane, delivery, target } = suspect
    void sendAlone(lane, delivery, target).finally(() => {
      suspectOut = false
      sendNextSuspect()
    })
  }

  async function sendAlone(lane: Lane, delivery: ClaimedDelivery, target: EndpointTarget): Promise<void> {
    if (delivery.crashCount >= POISON_CRASHES) {
      ctx.log.error(
        { deliveryId: delivery.id, endpointId: delivery.endpointId, crashes: delivery.crashCount },
        'delivery.poison',
      )
      freeSlot(lane, delivery)
      return settle(lane, {
        delivery,
        attempt: null,
        outcome: null,
        step: {
          status: delivery.test ? 'FAILED' : 'DEAD_LETTERED',
          reason: 'poison',
          delayMs: null,
          disableEndpoint: null,
        },
        nextAttemptAt: null,
        wakeAt: null,
      })
    }
    const ours = await markSentAlone(ctx.hot, delivery).catch(() => false)
    if (ours && !closed) return run(lane, delivery, target, ctx.clock.monotonicMs())
    freeSlot(lane, delivery)
  }

  async function run(lane: Lane, delivery: ClaimedDelivery, target: EndpointTarget, claimedAt: number): Promise<void> {
    let result: Result | null = null
    try {
      const body = delivery.body ?? (delivery.bodyBytes === null ? null : await readLargeBody(delivery))
      if (ctx.clock.monotonicMs() - claimedAt > MAX_CLAIM_AGE_MS) return
      if (body === null) {
        const step: Step = {
          status: delivery.test ? 'FAILED' : 'DEAD_LETTERED',
          reason: 'event_expired',
          delayMs: null,
          disableEndpoint: null,
        }
        result = { delivery, attempt: null, outcome: null, step, nextAttemptAt: null, wakeAt: null }
        return
      }
      const made = await attemptDelivery(tools, { delivery, target, body })
      if (!made) return
      adapt(lane, made.outcome.errorCode)
      result = { delivery, ...made, ...schedule(lane, made.step) }
    } catch (error) {
      ctx.log.error({ err: error, deliveryId: delivery.id, endpointId: delivery.endpointId }, 'delivery.attempt_failed')
    } finally {
      if (delivery.bodyBytes !== null && delivery.body === null) doneWithLargeBody()
      freeSlot(lane, delivery)
      if (result) void settle(lane, result)
    }
  }

  async function settle(lane: Lane, result: Result): Promise<void> {
    try {
      const recorded = await recorder.submit(result)
      options.onSettled?.(result, recorded)
      const { nextAttemptAt } = result
      if (recorded && nextAttemptAt) {
        const waitMs = nextAttemptAt.getTime() - ctx.clock.now().getTime()
        if (waitMs <= TIMED_HERE_MS) feedIn(lane, Math.max(1, waitMs + 1))
      }
    } catch (error) {
      // Its lease ends, and somebody sends it again under the same attempt number.
      ctx.log.error({ err: error, deliveryId: result.delivery.id }, 'delivery.record_failed')
    }
  }

  function adapt(lane: Lane, errorCode: string | null): void {
    if (errorCode === null) {
      lane.timeouts = 0
      lane.slots = Math.min(lane.mostSlots, lane.slots * 2)
    } else if (errorCode === 'timeout' && ++lane.timeouts >= TIMEOUTS_UNTIL_NARROW) {
      lane.slots = Math.min(FIRST_SLOTS, lane.mostSlots)
    }
  }

  /** The time of the next attempt, and of its wake-up: whole seconds, one per endpoint and second. */
  function schedule(lane: Lane, step: Step): { nextAttemptAt: Date | null; wakeAt: Date | null } {
    if (step.delayMs === null) return { nextAttemptAt: null, wakeAt: null }
    const nextMs = Math.ceil(ctx.clock.now().getTime()) + step.delayMs
    const wakeMs = Math.ceil(nextMs / 1000) * 1000
    const name = `${lane.endpointId}|${wakeMs}`
    const asked = timedWakeUps.has(name)
    if (!asked) {
      timedWakeUps.add(name)
      setTimeout(() => timedWakeUps.delete(name), Math.min(wakeMs - nextMs + step.delayMs, 2 ** 31 - 1)).unref()
    }
    return { nextAttemptAt: new Date(nextMs), wakeAt: asked ? null : new Date(wakeMs) }
  }

  async function readLargeBody(delivery: ClaimedDelivery): Promise<string | null> {
    while (largeBodies >= LARGE_BODIES_AT_ONCE) await new Promise<void>((resolve) => largeBodyLine.push(resolve))
    largeBodies++
    return readBody(ctx.hot, delivery.eventId)
  }

  function doneWithLargeBody(): void {
    largeBodies--
    largeBodyLine.shift()?.()
  }

  return {
    wake({ endpointId, test = false, fromStart = false }) {
      if (closed) return
      const lane = laneOf(endpointId, test)
      if (fromStart) lane.low = null
      feed(lane)
    },
    stats: () => ({ lanes: lanes.size, inTheAir, hungry: hungry.size }),
    async close(deadlineMs) {
      closed = true
      for (const lane of lanes.values()) if (lane.timer) clearTimeout(lane.timer)
      const quiet = new Promise<void>((resolve) => {
        whenQuiet = resolve
        if (inTheAir === 0) resolve()
      })
      const late = setTimeout(() => cutOff.abort(), deadlineMs)
      for (const { lane, delivery } of suspects.splice(0)) freeSlot(lane, delivery)
      await quiet
      clearTimeout(late)
      await recorder.idle()
    },
  }
}
