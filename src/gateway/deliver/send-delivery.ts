// Sends one delivery in the slot of its lane that was taken for it: reads the body, makes the attempt, teaches the lane
// what came of it, and has the result recorded.

import type { Context } from '../../context.ts'
import { type Ending, giveUp, hasExpired, next, type Step } from '../../domain/delivery.ts'
import { paceRequestOf } from '../../domain/endpoint-pace.ts'
import { type AttemptResult, type AttemptTools, attemptDelivery, stateOf } from './attempt-delivery.ts'
import { createBodyReader } from './bodies.ts'
import { readBody } from './claim-deliveries.ts'
import type { ClaimedDelivery } from './claimed-delivery.ts'
import type { Lane, ReadyDelivery } from './lane/lane.ts'
import type { Recorded, Result } from './record-attempts.ts'
import type { Recorder } from './recorder.ts'
import { createRefusals } from './refusals.ts'
import { createRetryTimes } from './retry-times.ts'
import { readTestSignature } from './test-signature.ts'

/** A delivery that was claimed longer ago is not sent: its lease could end while the receiver answers. */
const MAX_CLAIM_AGE_MS = 8_000
/** A retry that is due sooner is timed here as well as by its wake-up. */
const TIMED_HERE_MS = 60_000

export type DeliverySender = {
  /** Makes one attempt and frees the slot. Never rejects. */
  send(lane: Lane, ready: ReadyDelivery): Promise<void>
  /** Ends a suspect that must not be sent again, and frees the slot. */
  convict(lane: Lane, delivery: ClaimedDelivery): void
}

export type DeliverySenderOptions = {
  readonly ctx: Context
  readonly tools: AttemptTools
  readonly recorder: Recorder
  readonly onSettled: ((result: Result, recorded: Recorded) => void) | undefined
  giveBack(delivery: ClaimedDelivery): void
  freeSlot(lane: Lane, delivery: ClaimedDelivery): void
  /** Whether another process may have claimed the delivery too. */
  mayHaveLostLease(ready: ReadyDelivery): boolean
}

export function createDeliverySender(options: DeliverySenderOptions): DeliverySender {
  const { tools, recorder, giveBack, freeSlot } = options
  const { log, clock, hot } = options.ctx
  const bodies = createBodyReader((eventId) => readBody(hot, eventId))
  const retries = createRetryTimes(clock)
  const refusals = createRefusals({ hot, log, clock, schedule: tools.policy.schedule })

  /** Records a result. Never rejects. */
  async function settle(lane: Lane, result: Result): Promise<void> {
    lane.countUnsettled(1)
    try {
      const recorded = await recorder.record({ ...result, isAwaited: lane.awaitsRecord(result.delivery) })
      options.onSettled?.(result, recorded)
      if (recorded && result.delivery.inLine) lane.wake()
      const { nextAttemptAt } = result
      if (recorded && nextAttemptAt) {
        const waitMs = nextAttemptAt.getTime() - clock.now().getTime()
        if (waitMs <= TIMED_HERE_MS) lane.wakeIn(Math.max(0, waitMs))
      }
    } catch (error) {
      // The lease ends, and the delivery is sent again under the same attempt number.
      log.error({ err: error, deliveryId: result.delivery.id }, 'delivery.record_failed')
    } finally {
      lane.countUnsettled(-1)
    }
  }

  /** If the receiver asked for fewer requests, the whole endpoint follows. Returns what becomes of the delivery. */
  async function hearRefusal(
    lane: Lane,
    delivery: ClaimedDelivery,
    { attempt, outcome, step, wasPaced }: AttemptResult & { readonly wasPaced: boolean },
  ): Promise<Step> {
    const request = paceRequestOf(outcome)
    // A test event is sent whatever the endpoint asked for, so it does not ask either.
    if (!request || delivery.test) return step
    const refusal = lane.refuse(request, { startedAt: attempt.startedAt, repliedAt: clock.now(), wasPaced })
    const { isFailing } = await refusals.note(lane.endpointId, refusal)
    lane.refusalStored()
    return next(stateOf(delivery), outcome, tools.policy, tools.random(), isFailing)
  }

  return {
    async send(lane, ready) {
      const { delivery, target, claimedAt } = ready
      let result: Result | null = null
      const alone = lane.inTheAir === 1
      const wasPaced = lane.isLimited
      try {
        const body = await bodies.read(delivery)
        const isTooOld = clock.monotonicMs() - claimedAt > MAX_CLAIM_AGE_MS
        if (isTooOld || options.mayHaveLostLease(ready)) return giveBack(delivery)
        if (body === null || hasExpired(delivery, clock.now())) {
          result = ended(delivery, body === null ? 'event_expired' : 'too_old')
          return
        }
        const signature = delivery.test ? await readTestSignature(hot, delivery.id) : 'VALID'
        const made = await attemptDelivery(tools, { delivery, target, body, signature })
        if (!made) return giveBack(delivery)
        lane.learn({ errorCode: made.outcome.errorCode, latencyMs: made.attempt.sent.latencyMs, alone })
        const step = await hearRefusal(lane, delivery, { ...made, wasPaced })
        result = { delivery, ...made, step, ...retries.timesOf(delivery, step) }
      } catch (error) {
        log.error({ err: error, deliveryId: delivery.id, endpointId: delivery.endpointId }, 'delivery.attempt_failed')
      } finally {
        const settled = result ? settle(lane, result) : null
        // Behind a limit a slot is free once its lease has ended: the gate counts leases.
        if (lane.isLimited) await settled
        freeSlot(lane, delivery)
      }
    },
    convict(lane, delivery) {
      const { id, endpointId, crashCount } = delivery
      log.error({ deliveryId: id, endpointId, crashes: crashCount }, 'delivery.poison')
      void settle(lane, ended(delivery, 'poison'))
      freeSlot(lane, delivery)
    },
  }
}

/** The result of a delivery for which no attempt can be made. */
function ended(delivery: ClaimedDelivery, reason: Ending): Result {
  return { delivery, attempt: null, outcome: null, step: giveUp(delivery, reason), nextAttemptAt: null, wakeAt: null }
}
