// The lanes of this process: each endpoint's slots. A wake-up makes a lane runnable. The claim loop claims what is due for
// the runnable lanes, each delivery is sent, and the lane claims again until nothing is due. A broken server delays nobody
// else: a lane never uses more than its own slots, and a tenant never more than half of the process. The deliveries of a
// full lane stay in the table.
//
// A publish in this process hands its deliveries over to lanes with free places (hand-over.ts). A full lane with a quick
// receiver claims three deliveries ahead for each slot: a slot that becomes free is filled at once, and a claim brings many. A
// lane with a slow receiver claims only what it can send now.

import { randomUUID } from 'node:crypto'
import type { Context } from '../../context.ts'
import { probeEveryMs } from '../../domain/health/endpoint-health.ts'
import { type Metrics, measured } from '../../metrics.ts'
import { unlessAborted } from '../../waiting.ts'
import { createNeighbours } from '../fairness/neighbours.ts'
import type { AttemptTools } from './attempt-delivery.ts'
import { claimDeliveries, markWatched, releaseLeases } from './claim-deliveries.ts'
import { createClaimLoop } from './claim-loop.ts'
import type { ClaimedDelivery } from './claimed-delivery.ts'
import { createDepartures } from './departures.ts'
import { claimThroughGates } from './gates.ts'
import { createGiveBack } from './give-back.ts'
import { createHandOver, type Offer } from './hand-over.ts'
import type { Lane } from './lane/lane.ts'
import { createLaneTable } from './lane/table.ts'
import { createQuarantine } from './quarantine.ts'
import type { Recorded, Result } from './record-attempts.ts'
import type { Recorder } from './recorder.ts'
import { createDeliverySender } from './send-delivery.ts'
import { createSlots } from './slots.ts'
import type { EndpointTargets } from './targets.ts'

export type WakeUp = {
  readonly endpointId: string
  /** Known if the wake-up comes from a statement of ours. Without it the lane has no tenant until its first claim. */
  readonly tenantId?: string | undefined
  readonly test?: boolean | undefined
  readonly fromStart?: boolean | undefined
}

export type LanesOptions = {
  readonly ctx: Context
  readonly tools: Omit<AttemptTools, 'signal'>
  readonly targets: EndpointTargets
  readonly recorder: Recorder
  /** The id of this process in `worker_process`: it marks the leases. */
  readonly processId: () => string
  /**
   * Monotonic ms of the last end of the session that beats, -Infinity if there was none. Leases from before may be lost: a
   * server that ends loses the last ones, and a process that was taken for dead loses all.
   */
  readonly sessionEndedAtMs: () => number
  /** While it is true nothing is leased: after a process was frozen, until its next beat is answered. */
  readonly mayBeTakenForDead: () => boolean
  /** The most attempts in the air at once in this process. */
  readonly maxInTheAir: number
  readonly metrics?: Pick<Metrics, 'batchItems' | 'statementFailures'>
  readonly onSettled?: (result: Result, recorded: Recorded) => void
}

/** `hungry`: lanes that claim, or will claim as soon as they may. */
export type LaneStats = { readonly lanes: number; readonly inTheAir: number; readonly hungry: number }

export type Lanes = {
  /** Look at this endpoint now. Costs nothing if the lane is awake already. */
  wake(wakeUp: WakeUp): void
  /** What these lanes take over, without a claim, from a publish of these tenants that begins now; null: nothing. */
  offer(tenantIds: ReadonlySet<string>): Offer | null
  stats(): LaneStats
  /** Stops claiming, lets the attempts in the air end and be recorded, and cuts them off at the deadline. */
  close(deadlineMs: number): Promise<void>
}

export function createLanes(options: LanesOptions): Lanes {
  const { ctx, recorder, targets, processId } = options
  const { log, clock, hot } = ctx
  const { monotonicMs } = clock
  const neighbours = createNeighbours(monotonicMs)
  const table = createLaneTable({ monotonicMs, hasNeighbours: neighbours.areActive, onRunnable: claimSoon })
  const slots = createSlots(options.maxInTheAir)
  const cutOff = new AbortController()
  let closed = false
  let whenQuiet: (() => void) | null = null
  const isClosed = () => closed

  const giveBack = createGiveBack({
    log,
    monotonicMs,
    release: (deliveries) => releaseLeases(hot, deliveries),
    onGivenBack(delivery) {
      if (closed) return
      const lane = table.of(delivery)
      lane.lookFromStart()
      lane.wake()
    },
  })
  const sender = createDeliverySender({
    ctx,
    tools: { ...options.tools, signal: cutOff.signal },
    recorder,
    onSettled: options.onSettled,
    giveBack: giveBack.add,
    freeSlot,
    mayHaveLostLease: ({ claimedAt }) => claimedAt <= options.sessionEndedAtMs(),
  })
  const quarantine = createQuarantine<Lane>({
    mark: (delivery, overtaken) => markWatched(hot, delivery, overtaken),
    onMarkFault: (error, { delivery: { id, endpointId } }) =>
      log.warn({ err: error, deliveryId: id, endpointId }, 'delivery.mark_failed'),
    async send({ lane, delivery, target }) {
      if (closed) putBack({ lane, delivery })
      else await sender.send(lane, { delivery, target, claimedAt: monotonicMs() })
    },
    convict: ({ lane, delivery }) => sender.convict(lane, delivery),
    putBack,
  })
  const departures = createDepartures({
    targets,
    slots,
    neighbours,
    quarantine,
    laneOf: table.of,
    send: (lane, ready) => void sender.send(lane, ready),
    giveBack: giveBack.add,
    isClosed,
  })
  const newLease = () => ({ token: randomUUID(), processId: processId(), now: clock.now() })
  const shared = { clock, log, slots, departures, isClosed, mayBeTakenForDead: options.mayBeTakenForDead }
  const probeMs = probeEveryMs(options.tools.policy.schedule)
  const loops = [
    { gated: false, claim: claimDeliveries },
    { gated: true, claim: (...asked: Parameters<typeof claimDeliveries>) => claimThroughGates(...asked, probeMs) },
  ].map(({ gated, claim }) =>
    createClaimLoop({
      ...shared,
      gated,
      runnable: table.runnable,
      claim: (claims) => {
        const claimed = claim(hot, claims, newLease())
        if (!options.metrics) return claimed
        return measured(options.metrics, 'claim', ({ deliveries }) => deliveries.length, claimed)
      },
      runSoon: claimSoon,
    }),
  )
  const handOver = createHandOver({ ...shared, lanes: table.lanes, onTaken: claimSoon })

  let claimScheduled = false
  function claimSoon(): void {
    if (claimScheduled || closed || table.runnable.size === 0) return
    claimScheduled = true
    setImmediate(() => {
      claimScheduled = false
      for (const loop of loops) loop.run()
    })
  }

  function wake({ endpointId, tenantId, test = false, fromStart = false }: WakeUp): void {
    if (closed) return
    const lane = table.of({ endpointId, test })
    if (lane.tenantId === '' && tenantId) lane.belongsTo(tenantId)
    if (fromStart) {
      lane.lookFromStart()
      lane.recheckHold()
    }
    lane.wake()
  }

  function freeSlot(lane: Lane, { tenantId }: ClaimedDelivery): void {
    slots.release(tenantId)
    lane.freeSlot()
    departures.fillSlots(lane)
    claimSoon()
    if (slots.inUse === 0) whenQuiet?.()
  }

  function putBack({ lane, delivery }: { lane: Lane; delivery: ClaimedDelivery }): void {
    giveBack.add(delivery)
    freeSlot(lane, delivery)
  }

  return {
    wake,
    offer: handOver.offer,
    stats: () => ({
      lanes: table.lanes.size,
      inTheAir: slots.inUse,
      hungry: Iterator.from(table.lanes.values()).reduce(
        (count, { state }) => count + (state.kind === 'idle' ? 0 : 1),
        0,
      ),
    }),
    async close(deadlineMs) {
      closed = true
      for (const lane of table.lanes.values()) lane.close()
      const late = setTimeout(() => cutOff.abort(), deadlineMs)
      // A claim or a hand-over that is under way may still bring leases.
      await unlessAborted(cutOff.signal, Promise.all([...loops.map((loop) => loop.idle()), handOver.idle()]))
      for (const lane of table.lanes.values()) departures.fillSlots(lane)
      for (const suspect of quarantine.takeAll()) putBack(suspect)
      if (slots.inUse > 0)
        await new Promise<void>((resolve) => {
          whenQuiet = resolve
        })
      clearTimeout(late)
      await giveBack.close()
      await recorder.idle()
    },
  }
}
