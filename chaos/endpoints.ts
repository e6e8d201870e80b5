// The tenants and endpoints of a run, with different filters. From this the check derives the deliveries that each acknowledged
// event must have; it does not ask the gateway.

/** Event types of the run: small and large ones of the catalogue. */
export const RUN_EVENT_TYPES = [
  'call.created',
  'call.answered',
  'call.ended',
  'transcript.segment',
  'queue.entered',
  'agent.status_changed',
] as const

/** `path`: its path at the receiver. `eventTypes` null: all types. */
export type RunEndpoint = {
  readonly index: number
  readonly tenant: number
  readonly path: string
  readonly eventTypes: readonly string[] | null
  readonly maxInFlight: number | null
  readonly ordering: 'NONE' | 'SUBJECT'
}

/** Lays out the endpoints: one in four gets all types, the others one or two; one in six has a limit in flight, and one in six keeps order. */
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
      ordering: index % 6 === 2 ? 'SUBJECT' : 'NONE',
    }
  })
}
