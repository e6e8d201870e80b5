// What Prometheus may know: counts and times of this process. Labels are of a fixed, small set; no ids, no names.

import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'

export type ServerMetrics = {
  readonly registry: Registry
  /** `seconds` from the request's headers to the end of the reply. */
  replied(route: string, status: number, seconds: number): void
  /** One occurrence of a fault that the log names. */
  faulted(fault: string): void
}

/** How often the delay of the event loop is looked at; at rest that is what it comes to. Each look wakes the process. */
const EVENT_LOOP_LOOK_MS = 100

export function createServerMetrics(
  streams: { count(kind: 'socket' | 'events'): number },
  registry = new Registry(),
): ServerMetrics {
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: EVENT_LOOP_LOOK_MS })
  const replies = new Counter({
    name: 'sivo_http_replies_total',
    help: 'Replies of this process by route and class of status.',
    labelNames: ['route', 'status'],
    registers: [registry],
  })
  const seconds = new Histogram({
    name: 'sivo_http_reply_seconds',
    help: 'Time to the end of a reply by route.',
    labelNames: ['route'],
    buckets: [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers: [registry],
  })
  const faults = new Counter({
    name: 'sivo_faults_total',
    help: 'Requests and streams that met a fault, by the name that the log gives it once.',
    labelNames: ['fault'],
    registers: [registry],
  })
  new Gauge({
    name: 'sivo_open_streams',
    help: 'Live streams that are open on this process.',
    labelNames: ['kind'],
    registers: [registry],
    collect() {
      this.set({ kind: 'socket' }, streams.count('socket'))
      this.set({ kind: 'events' }, streams.count('events'))
    },
  })
  return {
    registry,
    replied(route, status, took) {
      replies.inc({ route, status: `${Math.floor(status / 100)}xx` })
      seconds.observe({ route }, took)
    },
    faulted: (fault) => faults.inc({ fault }),
  }
}
