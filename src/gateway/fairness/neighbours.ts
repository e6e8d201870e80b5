// Whether tenants share this process just now. Leaving room for others costs a flood some of its pace, so it does that
// only while somebody is there whom it helps.

const ABOUT_MS = 1_000

export type Neighbours = {
  /** A tenant uses the process now. */
  note(tenantId: string): void
  /** Whether another tenant than this one did within the last second. */
  areAbout(tenantId: string): boolean
}

export function createNeighbours(monotonicMs: () => number): Neighbours {
  let latest = { tenantId: '', atMs: Number.NEGATIVE_INFINITY }
  let latestOther = latest
  return {
    note(tenantId) {
      const atMs = monotonicMs()
      if (latest.tenantId === tenantId) latest.atMs = atMs
      else {
        latestOther = latest
        latest = { tenantId, atMs }
      }
    },
    areAbout(tenantId) {
      const { atMs } = latest.tenantId === tenantId ? latestOther : latest
      return monotonicMs() - atMs < ABOUT_MS
    },
  }
}
