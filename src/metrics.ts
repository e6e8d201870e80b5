// What the people who run it at night look at. Labels are from short, fixed lists: no tenant, endpoint or event ever
// becomes one.

import { Counter, Gauge, Histogram, Registry } from 'prom-client'

export type Metrics = ReturnType<typeof createMetrics>

/** The gateway's own metrics on a registry of their own. `inTheAir` tells how many attempts are being made now. */
export function createMetrics(inTheAir: () => number) {
  const registry = new Registry()
  const registers = [registry]
  new Gauge({
    name: 'sivo_attempts_in_the_air',
    help: 'Attempts being made now.',
    registers,
    collect() {
      this.set(inTheAir())
    },
  })
  return {
    registry,
    eventsPublished: new Counter({ name: 'sivo_events_published_total', help: 'Events acknowledged.', registers }),
    attempts: new Counter({
      name: 'sivo_attempts_total',
      help: 'Attempts recorded, by error code; "none" is a success.',
      labelNames: ['error_code'] as const,
      registers,
    }),
    attemptSeconds: new Histogram({
      name: 'sivo_attempt_seconds',
      help: 'How long attempts took.',
      buckets: [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
      registers,
    }),
    dueSeconds: new Histogram({
      name: 'sivo_attempt_late_seconds',
      help: 'From the moment a delivery was due to the start of its attempt.',
      buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1, 5, 30, 300, 3600],
      registers,
    }),
    settled: new Counter({
      name: 'sivo_deliveries_settled_total',
      help: 'Deliveries that reached an end, by status.',
      labelNames: ['status'] as const,
      registers,
    }),
    stale: new Counter({
      name: 'sivo_results_stale_total',
      help: 'Results that were not written because the lease had gone to somebody else: possible duplicates.',
      registers,
    }),
    woken: new Counter({
      name: 'sivo_reconciler_woken_total',
      help: 'Endpoints with overdue deliveries that nobody worked on, found and woken.',
      registers,
    }),
    ringsFailed: new Counter({
      name: 'sivo_rings_failed_total',
      help: 'Rings for the live feeds that could not be sent; the feeds looked by themselves instead.',
      registers,
    }),
    died: new Counter({
      name: 'sivo_processes_died_total',
      help: 'Processes found dead or frozen, whose leases were ended.',
      registers,
    }),
  }
}
