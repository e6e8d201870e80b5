// What the gateway does about an endpoint that fails: it waits, warns, warns again shortly before it disables the endpoint,
// and disables it. Pure; `src/gateway/health/watch.ts` acts.
//
// Only failures prove that an endpoint fails. A time counts as failing only if an attempt after it failed too. So an endpoint
// to which nothing was sent for days is not disabled. The same is true of one that could not be reached while the gateway was
// off or its own network was down.

/** The share of the time until an endpoint is disabled after which the gateway warns again. */
const LAST_WARNING = 0.8

export type FailingPolicy = {
  /** How long an endpoint fails before the gateway warns. */
  readonly warnAfterMs: number
  /** How long it fails before the gateway disables it; null: never. */
  readonly disableAfterMs: number | null
  /** How many of its deliveries must have failed as well. */
  readonly disableAfterDeliveries: number
}

export type FailingEndpoint = {
  readonly failingSince: Date
  readonly lastFailureAt: Date
  readonly failedDeliveries: number
  /** What the gateway did before: 0 nothing, 1 it warned, 2 it warned again. */
  readonly warned: number
  /** The first of the failures that it warned of; null: it did not. */
  readonly warnedSince: Date | null
}

export type FailingStep = 'wait' | 'warn' | 'warn_again' | 'disable'

/** Decides the next step. Failures before `trustedFrom` say nothing about the endpoint; null: all of them count. */
export function decideFailing(endpoint: FailingEndpoint, policy: FailingPolicy, trustedFrom: Date | null): FailingStep {
  const { lastFailureAt, failedDeliveries } = endpoint
  const warned = warnedOf(endpoint)
  const failedForMs = lastFailureAt.getTime() - countedFrom(endpoint, trustedFrom).getTime()
  const { warnAfterMs, disableAfterMs, disableAfterDeliveries } = policy
  if (disableAfterMs !== null && failedDeliveries >= disableAfterDeliveries) {
    if (failedForMs >= disableAfterMs) return 'disable'
    if (warned < 2 && failedForMs >= disableAfterMs * LAST_WARNING) return 'warn_again'
  }
  return warned < 1 && failedForMs >= warnAfterMs ? 'warn' : 'wait'
}

/** A warning counts for the failures that it told of. Those that began after a resume or at a new URL are others. */
function warnedOf({ failingSince, warned, warnedSince }: FailingEndpoint): number {
  return warnedSince !== null && failingSince > warnedSince ? 0 : warned
}

/** The earliest time at which an endpoint that goes on failing is disabled; null: it is never disabled. */
export function disablesAt(
  endpoint: Pick<FailingEndpoint, 'failingSince'>,
  { disableAfterMs }: FailingPolicy,
  trustedFrom: Date | null,
): Date | null {
  return disableAfterMs === null ? null : new Date(countedFrom(endpoint, trustedFrom).getTime() + disableAfterMs)
}

function countedFrom({ failingSince }: Pick<FailingEndpoint, 'failingSince'>, trustedFrom: Date | null): Date {
  return trustedFrom !== null && trustedFrom > failingSince ? trustedFrom : failingSince
}
