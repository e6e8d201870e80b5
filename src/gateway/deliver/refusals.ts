// Stores what receivers ask for that refuse because they are sent too much: that the endpoint waits, or keeps to a pace. All
// workers then know it, and so does one that starts later. The refusals of one endpoint that come while others of it are
// being stored are stored together.

import type { Logger } from 'pino'
import type { HotDatabase, Queryable, Statement } from '../../database/pools.ts'
import type { Clock } from '../../domain/clock.ts'
import { decideRefusal, type Pace, rateAt } from '../../domain/endpoint-pace.ts'
import { lockGates } from './gates.ts'
import type { ObservedRefusal } from './lane/refusals.ts'

/** The end of a wait is rounded up to this, so that refusals that come together change the endpoint once. */
const HOLD_GRAIN_MS = 100

export type Refusals = {
  /**
   * Stores a refusal. `isFailing`: the receiver refuses everything, so that its refusals are failures like any other.
   * Never rejects: what cannot be stored is logged and holds in no process.
   */
  note(endpointId: string, refusal: ObservedRefusal): Promise<{ isFailing: boolean }>
}

export type RefusalsOptions = {
  readonly hot: HotDatabase
  readonly log: Logger
  readonly clock: Clock
  /** The delays of the retry schedule in milliseconds. */
  readonly schedule: readonly number[]
}

type Waiting = { readonly refusal: ObservedRefusal; readonly settle: (result: { isFailing: boolean }) => void }

// The change of the endpoint is what the API and its subscriptions show; a wait that ends no later changes nothing.
const STORE: Statement = {
  name: 'store-refusal',
  text: `
    with held as (
      update endpoint set asks_to_wait_until = $7::timestamptz
      where id = $1 and deleted_at is null and $7::timestamptz > coalesce(asks_to_wait_until, '-infinity')
      returning id
    )
    update endpoint_gate g set refusing_since = $2, refused_at = $3, refused_rate = $4, paced_from = $5, paced_until = $6,
      tat = greatest(g.tat, clock_timestamp() + $8::float8 * interval '1 ms')
    where g.endpoint_id = $1 returning exists (select 1 from held) as held`,
}

export function createRefusals({ hot, log, clock, schedule }: RefusalsOptions): Refusals {
  /** By endpoint id; present while refusals of the endpoint are being stored. */
  const waiting = new Map<string, Waiting[]>()
  /** When this process last began a pace, by endpoint id; forgotten when the pace has ended. */
  const beganPaces = new Map<string, Date>()

  function remember(endpointId: string, { refusedAt, until }: Pace): void {
    beganPaces.set(endpointId, refusedAt)
    const forget = () => {
      if (beganPaces.get(endpointId) === refusedAt) beganPaces.delete(endpointId)
    }
    setTimeout(forget, Math.max(0, until.getTime() - clock.now().getTime())).unref()
  }

  async function store(tx: Queryable, endpointId: string, refusals: readonly ObservedRefusal[]) {
    const before = (await lockGates(tx, [endpointId])).get(endpointId) ?? null
    let pace: Pace | null = before
    let holdUntilMs: number | null = null
    const failing = refusals.map((refusal) => {
      const beganPaceAt = beganPaces.get(endpointId) ?? null
      const decision = decideRefusal(pace, { ...refusal, beganPaceAt }, schedule)
      if (decision.pace.refusedAt.getTime() !== pace?.refusedAt.getTime()) remember(endpointId, decision.pace)
      pace = decision.pace
      if (decision.holdUntil) holdUntilMs = Math.max(holdUntilMs ?? 0, decision.holdUntil.getTime())
      return decision.isFailing
    })
    const { refusingSince, refusedAt, refusedRate, from, until } = pace!
    const rate = rateAt(pace!, clock.now())
    const heldUntil = holdUntilMs === null ? null : new Date(Math.ceil(holdUntilMs / HOLD_GRAIN_MS) * HOLD_GRAIN_MS)
    const [stored] = await tx.query<{ held: boolean }>(STORE, [
      endpointId,
      refusingSince,
      refusedAt,
      refusedRate,
      from,
      until,
      heldUntil,
      rate === null ? 0 : 1_000 / rate,
    ])
    return { failing, refusedRate, heldUntil: stored?.held ? heldUntil : null }
  }

  async function storeWaiting(endpointId: string): Promise<void> {
    for (let batch = waiting.get(endpointId)!; batch.length > 0; batch = waiting.get(endpointId)!) {
      waiting.set(endpointId, [])
      let failing: boolean[] = []
      try {
        const refusals = batch.map(({ refusal }) => refusal)
        const stored = await hot.transaction((tx) => store(tx, endpointId, refusals))
        failing = stored.failing
        const line = { endpointId, refusals: batch.length, ratePerSecond: stored.refusedRate, until: stored.heldUntil }
        if (stored.heldUntil) log.info(line, 'endpoint.asks_to_wait')
        else log.debug(line, 'endpoint.slowed')
      } catch (error) {
        log.warn({ err: error, endpointId }, 'endpoint.refusal_not_stored')
      }
      batch.forEach(({ settle }, i) => {
        settle({ isFailing: failing[i] ?? false })
      })
    }
    waiting.delete(endpointId)
  }

  return {
    note(endpointId, refusal) {
      return new Promise((settle) => {
        const others = waiting.get(endpointId)
        if (others) return void others.push({ refusal, settle })
        waiting.set(endpointId, [{ refusal, settle }])
        void storeWaiting(endpointId)
      })
    },
  }
}
