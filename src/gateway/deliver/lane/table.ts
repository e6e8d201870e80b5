// The lanes of this process, by their keys. A lane is made when its endpoint is first heard of, and forgotten when it has
// nothing to do and nothing to wait for.

import { createLane, type Lane, type LaneOptions, laneKey } from './lane.ts'

export type LaneTable = {
  readonly lanes: ReadonlyMap<string, Lane>
  /** The lanes that wait for a claim, in the order in which they came. */
  readonly runnable: ReadonlySet<Lane>
  /** The lane of an endpoint, or of its test events. */
  of(delivery: { readonly endpointId: string; readonly test: boolean }): Lane
}

export type LaneTableOptions = Pick<LaneOptions, 'monotonicMs' | 'hasNeighbours'> & {
  /** Called when a lane has become runnable. */
  onRunnable(): void
}

export function createLaneTable({ monotonicMs, hasNeighbours, onRunnable }: LaneTableOptions): LaneTable {
  const lanes = new Map<string, Lane>()
  const runnable = new Set<Lane>()

  function onChange(lane: Lane): void {
    if (lane.state.kind !== 'runnable') runnable.delete(lane)
    else if (!runnable.has(lane)) {
      runnable.add(lane)
      onRunnable()
    }
    if (lane.isUnused && lanes.get(lane.key) === lane) lanes.delete(lane.key)
  }

  return {
    lanes,
    runnable,
    of({ endpointId, test }) {
      const known = lanes.get(laneKey(endpointId, test))
      if (known) return known
      const lane = createLane({ endpointId, test, monotonicMs, hasNeighbours, onChange: () => onChange(lane) })
      lanes.set(lane.key, lane)
      return lane
    },
  }
}
