// The metrics for the people who run the gateway. Labels come from short, fixed lists. No tenant, endpoint or event is a
// label.

import { Counter, Gauge, Histogram, Registry } from 'prom-client'

export type Metrics = ReturnType<typeof createMetrics>

/** The metrics of the gateway, on their own registry. `inTheAir` returns the number of attempts that are being made. */
export function createMetrics(inTheAir: () => number) {
  const registry = new Registry()
  const registers = [registry]
  new Gauge({
    name: 'sivo_attempts_in_the_air',
    help: 'The number of attempts that are being made now.',
    registers,
    collect() {
      this.set(inTheAir())
    },
  })
  return {
    registry,
    eventsPublished: new Counter({
      name: 'sivo_events_published_total',
      help: 'The number of acknowledged events.',
      registers,
    }),
    conditionsFailed: new Counter({
      name: 'sivo_conditions_failed_total',
      help: 'How often the condition of an endpoint could not be evaluated for an event, which the endpoint then did not get.',
      registers,
    }),
    attempts: new Counter({
      name: 'sivo_attempts_total',
      help: 'The number of recorded attempts, by error code. "none" means success.',
      labelNames: ['error_code'] as const,
      registers,
    }),
    attemptSeconds: new Histogram({
      name: 'sivo_attempt_seconds',
      help: 'The duration of attempts.',
      buckets: [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
      registers,
    }),
    dueSeconds: new Histogram({
      name: 'sivo_attempt_late_seconds',
      help: 'The time from when a delivery was due to the start of its attempt.',
      buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1, 5, 30, 300, 3600],
      registers,
    }),
    settled: new Counter({
      name: 'sivo_deliveries_settled_total',
      help: 'The number of deliveries that ended, by status.',
      labelNames: ['status'] as const,
      registers,
    }),
    stale: new Counter({
      name: 'sivo_results_stale_total',
      help: 'The number of results that were not recorded because another process had the lease: possible duplicates.',
      registers,
    }),
    woken: new Counter({
      name: 'sivo_reconciler_woken_total',
      help: 'The number of endpoints with overdue deliveries that the reconciler woke.',
      registers,
    }),
    ringsFailed: new Counter({
      name: 'sivo_rings_failed_total',
      help: 'Rings for the live feeds that could not be sent; the feeds looked by themselves instead.',
      registers,
    }),
    died: new Counter({
      name: 'sivo_processes_died_total',
      help: 'The number of processes that were found dead or frozen, so that their leases ended.',
      registers,
    }),
    partitionsAhead: new Gauge({
      name: 'sivo_partitions_ahead_seconds',
      help: 'For how long from now writes find a partition, by table. Less than 3 weeks is an alarm, 0 refuses writes.',
      labelNames: ['table'] as const,
      registers,
    }),
    batchItems: new Histogram({
      name: 'sivo_batch_items',
      help: 'Items of one statement of the delivery path: events stored, attempts recorded, deliveries claimed.',
      labelNames: ['statement'] as const,
      buckets: [1, 2, 5, 10, 20, 50, 100, 200, 500],
      registers,
    }),
    statementFailures: new Counter({
      name: 'sivo_statement_failures_total',
      help: 'Statements of the delivery path that failed. Each is tried again, or its work is taken up by its lease.',
      labelNames: ['statement'] as const,
      registers,
    }),
    partitionsOverdue: new Gauge({
      name: 'sivo_partitions_overdue_seconds',
      help: 'For how long the newest row of the oldest partition has been older than the retention, by table. More than two days is an alarm.',
      labelNames: ['table'] as const,
      registers,
    }),
    unpackedIndexes: new Gauge({
      name: 'sivo_unpacked_indexes',
      help: 'Indexes of the events and deliveries of past weeks that are still to be rebuilt, which makes them smaller.',
      registers,
    }),
    slotLogBytes: new Gauge({
      name: 'sivo_slot_log_bytes',
      help: 'Bytes of the write-ahead log that the database keeps for a replication slot, by slot. They grow until its reader has read them.',
      labelNames: ['slot'] as const,
      registers,
    }),
    notificationQueue: new Gauge({
      name: 'sivo_notification_queue_ratio',
      help: 'How full the queue of notifications of the database server is, from 0 to 1. At 1 every commit that wakes somebody up is refused.',
      registers,
    }),
    poolWaitSeconds: new Histogram({
      name: 'sivo_database_pool_wait_seconds',
      help: 'How long queries waited for a connection, by pool. Those that got one at once are not counted.',
      labelNames: ['pool'] as const,
      buckets: [0.001, 0.005, 0.025, 0.1, 0.5, 1, 5, 10],
      registers,
    }),
    changesDropped: new Counter({
      name: 'sivo_changes_dropped_total',
      help: 'Changes that subscribers did not get because they read too slowly. They were told to read their lists again.',
      registers,
    }),
    listReads: new Counter({
      name: 'sivo_list_reads_total',
      help: 'Lists that were read while there was a replica, by where they were read.',
      labelNames: ['from'] as const,
      registers,
    }),
    connectionsDropped: new Counter({
      name: 'sivo_database_connections_dropped_total',
      help: 'Database connections that this process ended because they did not answer or took no writes.',
      labelNames: ['kind', 'reason'] as const,
      registers,
    }),
  }
}

/** Watches one statement of the delivery path: counts its items when it succeeds, and its failures. */
export async function measured<T>(
  metrics: Pick<Metrics, 'batchItems' | 'statementFailures'>,
  statement: 'store' | 'record' | 'claim',
  items: number | ((result: T) => number),
  work: Promise<T>,
): Promise<T> {
  try {
    const result = await work
    metrics.batchItems.observe({ statement }, typeof items === 'number' ? items : items(result))
    return result
  } catch (error) {
    metrics.statementFailures.inc({ statement })
    throw error
  }
}
