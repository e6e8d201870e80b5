// Who wants what in a run: a few tenants, and endpoints of all kinds of appetite. The check derives from this, and not
// from the gateway's own fan-out, which deliveries each acknowledged event must have.

/** Event types of the run: small and large ones of the catalogue. */
export const RUN_EVENT_TYPES = [
  'call.created',
  'call.answered',
  'call.ended',
  'transcript.segment',
  'queue.entered',
  'agent.status_changed',
] as const

/** `path` is where the receiver expects it; `eventTypes` null: all. */
export type RunEndpoint = {
  readonly index: number
  readonly tenant: number
  readonly path: string
  readonly eventTypes: readonly string[] | null
  readonly maxInFlight: number | null
}

/** Lays out the endpoints: one in four wants everything, one in six has a limit in flight, the rest a type or two. */
export function layOutEndpoints({ endpoints, tenants }: { endpoints: number; tenants: number }): RunEndpoint[] {
  return Array.from({ length: endpoints }, (_, index) => {
    const first = index % RUN_EVENT_TYPES.length
    const second = (index * 5 + 2) % RUN_EVENT_TYPES.length
    return {
      index,
      tenant: index % tenants,
      path: `/e/${index}`,
      eventTypes: index % 4 === 0 ? null : [...new Set([RUN_EVENT_TYPES[first]!, RUN_EVENT_TYPES[second]!])],
      maxInFlight: index % 6 === 5 ? 30 : null,
    }
  })
}
