// Whether several tenants use this process at the moment. Leaving room for others slows a flood down, so the process
// does that only while another tenant benefits from it.

const ACTIVE_MS = 1_000

export type Neighbours = {
  /** This tenant uses the process now. */
  note(tenantId: string): void
  /** Whether a tenant other than this one used the process within the last second. */
  areActive(tenantId: string): boolean
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
    areActive(tenantId) {
      const { atMs } = latest.tenantId === tenantId ? latestOther : latest
      return monotonicMs() - atMs < ACTIVE_MS
    },
  }
}
