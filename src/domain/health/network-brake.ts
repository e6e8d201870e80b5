// The brake. If most hosts begin to fail at the same time, our own network is to blame and not each of them. Until most of
// them work again, no endpoint is warned about or disabled, and the time does not count against it afterwards. Where some host
// works and the others still fail after a day, they are to blame: three that are dead must not hold the brake for ever. Pure.
//
// Hosts are compared, not endpoints: a host with hundreds of endpoints is one receiver that fails. Hosts that failed long
// before do not count: a deployment with two dead hosts and one that works has no broken network.

/** Hosts that begin to fail within this time, or worked within it, are compared. */
const AT_ONCE_MS = 30 * 60_000
/** Fewer hosts that fail at once may have one owner. */
const LEAST_FAILING_HOSTS = 3
/** The brake ends after this time if any host works. */
export const MOST_BRAKED_MS = 24 * 3_600_000
/** If nobody looked at the endpoints for so long, the gateway was off. */
const OFF_MS = 10 * 60_000

export type HealthWatch = {
  /** When the endpoints were last looked at. */
  readonly checkedAt: Date
  /** Since when most hosts fail; null: they do not. */
  readonly brakedSince: Date | null
  /** Failures before that say nothing about an endpoint; null: all of them count. */
  readonly trustedFrom: Date | null
}

/** `failing`: hosts that began to fail at `comparedFrom` or later. `working`: hosts with a success since, that do not fail. */
export type HostCounts = { readonly failing: number; readonly working: number }

/** From when on hosts are compared. */
export function comparedFrom({ brakedSince }: HealthWatch, now: Date): Date {
  return new Date((brakedSince ?? now).getTime() - AT_ONCE_MS)
}

/** Since when a host must have worked to be counted as working. */
export function workedSince(now: Date): Date {
  return new Date(now.getTime() - AT_ONCE_MS)
}

/** The watch after one more look. */
export function watchAfter(watch: HealthWatch, { failing, working }: HostCounts, now: Date): HealthWatch {
  const mostFail = failing > working
  const wasOff = now.getTime() - watch.checkedAt.getTime() > OFF_MS
  const hasLasted = watch.brakedSince !== null && now.getTime() - watch.brakedSince.getTime() >= MOST_BRAKED_MS
  const brakes =
    watch.brakedSince === null ? mostFail && failing >= LEAST_FAILING_HOSTS : mostFail && !(hasLasted && working > 0)
  const isReleased = watch.brakedSince !== null && !brakes
  return {
    checkedAt: now,
    brakedSince: brakes ? (watch.brakedSince ?? now) : null,
    trustedFrom: wasOff || isReleased ? now : watch.trustedFrom,
  }
}
