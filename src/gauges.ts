// The gauges that are read when Prometheus asks: of the parts of this process, and of the database. The database is asked at
// most every 15 s, also when this process is scraped more often. While it is away, the last figures stay, and their time says
// how old they are.

import type pg from 'pg'
import { Gauge, type Registry } from 'prom-client'
import type { Backlog } from './gateway/statistics/backlog.ts'

export type GaugeSources = {
  readonly registry: Registry
  readonly pools: Readonly<Record<string, pg.Pool>>
  /** Milliseconds since the last heartbeat that the database took. */
  silentForMs(): number
  subscriberCount(): number
  /** null in the role `api`. */
  lanes(): {
    readonly lanes: number
    readonly hungry: number
    readonly recording: number
    readonly slots: number
  } | null
  readBacklog(): Promise<Backlog>
  /** null: there is no replica. */
  replicaLagSeconds: (() => number) | null
  /** Told of a reading that failed. */
  onFailure(error: unknown): void
  monotonicMs(): number
}

const BACKLOG_EVERY_MS = 15_000

/** Adds the gauges to the registry. */
export function addGauges(sources: GaugeSources): void {
  const { registry, pools } = sources
  const registers = [registry]
  const gauge = (name: string, help: string, read: () => number) =>
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(read())
      },
    })
  gauge(
    'sivo_heartbeat_age_seconds',
    'The time since the database took the last heartbeat of this process.',
    () => sources.silentForMs() / 1000,
  )
  gauge('sivo_subscribers', 'Subscriptions to the change feed of this process.', sources.subscriberCount)
  gauge(
    'sivo_attempt_slots',
    'The most attempts that this process makes at once; 0: it does not deliver.',
    () => sources.lanes()?.slots ?? 0,
  )
  gauge(
    'sivo_recorder_waiting_results',
    'Results of attempts that wait to be recorded.',
    () => sources.lanes()?.recording ?? 0,
  )
  new Gauge({
    name: 'sivo_lanes',
    help: 'The lanes of this process by state. A hungry lane wants deliveries and waits for a claim or a slot.',
    labelNames: ['state'] as const,
    registers,
    collect() {
      const { lanes = 0, hungry = 0 } = sources.lanes() ?? {}
      this.set({ state: 'hungry' }, hungry)
      this.set({ state: 'idle' }, lanes - hungry)
    },
  })
  new Gauge({
    name: 'sivo_database_pool_connections',
    help: 'Database connections by pool and state.',
    labelNames: ['pool', 'state'] as const,
    registers,
    collect() {
      for (const [pool, { totalCount, idleCount }] of Object.entries(pools)) {
        this.set({ pool, state: 'idle' }, idleCount)
        this.set({ pool, state: 'busy' }, totalCount - idleCount)
      }
    },
  })
  new Gauge({
    name: 'sivo_database_pool_waiting',
    help: 'Queries that wait for a free connection, by pool.',
    labelNames: ['pool'] as const,
    registers,
    collect() {
      for (const [pool, { waitingCount }] of Object.entries(pools)) this.set({ pool }, waitingCount)
    },
  })
  if (sources.replicaLagSeconds)
    gauge(
      'sivo_replica_lag_seconds',
      'For how long the replica for lists has been behind the primary, or away.',
      sources.replicaLagSeconds,
    )
  addBacklog(sources)
}

function addBacklog({ registry, readBacklog, onFailure, monotonicMs }: GaugeSources): void {
  const registers = [registry]
  let readAtMs = Number.NEGATIVE_INFINITY
  let reading: Promise<void> = Promise.resolve()
  const time = new Gauge({
    name: 'sivo_backlog_read_timestamp_seconds',
    help: 'When the figures of the backlog were read from the database.',
    registers,
    collect: readAtMost,
  })
  const made = (name: string, help: string) => new Gauge({ name, help, registers, collect: readAtMost })
  const oldest = made(
    'sivo_oldest_due_age_seconds',
    'For how long the delivery that waits longest has been due. Endpoints that are held, fail or asked to wait do not count.',
  )
  const due = made(
    'sivo_backlog_deliveries',
    'Deliveries of the same endpoints that are due now; counted up to 100,000.',
  )
  const dead = made('sivo_dead_letters', 'Dead letters that are kept; counted up to 100,000.')
  const failing = made('sivo_failing_endpoints', 'Active endpoints whose last attempts in a row failed.')
  const braked = made(
    'sivo_network_failing',
    '1 while most hosts fail at once, so that no endpoint is disabled; otherwise 0.',
  )
  const endpoints = new Gauge({
    name: 'sivo_held_endpoints',
    help: 'Endpoints that are held, by status: paused by a person, or disabled by the gateway.',
    labelNames: ['status'] as const,
    registers,
    collect: readAtMost,
  })
  const read = async () => {
    const backlog = await readBacklog()
    oldest.set(backlog.oldestDueSeconds)
    due.set(backlog.due)
    dead.set(backlog.deadLetters)
    endpoints.set({ status: 'paused' }, backlog.pausedEndpoints)
    endpoints.set({ status: 'disabled' }, backlog.disabledEndpoints)
    failing.set(backlog.failingEndpoints)
    braked.set(backlog.isBraked ? 1 : 0)
    time.set(Date.now() / 1000)
  }
  /** All of these gauges wait for the same reading. */
  async function readAtMost(): Promise<void> {
    if (monotonicMs() - readAtMs >= BACKLOG_EVERY_MS) {
      readAtMs = monotonicMs()
      reading = read().catch(onFailure)
    }
    await reading
  }
}
