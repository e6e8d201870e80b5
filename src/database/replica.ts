// Lists from a streaming standby. Promise: a list is never older than its request. For each list the primary is asked for its
// position in the log, and the replica answers once it has applied the log up to there. So a list has everything that its
// reader changed, saw or subscribed to before. (Leases and wake-ups commit without waiting for the disk, but no list shows
// them.) If the replica cannot answer soon, the primary does, and the log says it once.

import type pg from 'pg'
import type { Clock } from '../domain/clock.ts'
import { repeat, within } from '../waiting.ts'

export type Replica<Db> = {
  /** Does the work on the replica, or on the primary. The work only reads, and may be done twice. */
  read<T>(work: (db: Db) => Promise<T>): Promise<T>
  /** For how long the replica has been behind the primary, or away, s. */
  lagSeconds(): number
  close(): Promise<void>
}

export type ReplicaOptions<Db> = {
  readonly pool: pg.Pool
  readonly db: Db
  readonly primaryPool: pg.Pool
  readonly primaryDb: Db
  readonly clock: Pick<Clock, 'monotonicMs'>
  /** Told of each look and each read at which the replica could not be used. */
  readonly onUnused: (error: unknown) => void
  readonly onRead?: (from: 'replica' | 'primary') => void
  /** How often the replica is looked at, ms. */
  readonly lookEveryMs?: number
}

/** The replica cannot give what is asked for; the message says why. */
class ReplicaUnused extends Error {
  override name = 'ReplicaUnused'
  readonly code: string
  constructor(code: 'behind' | 'no_standby' | 'other_database', message: string) {
    super(message)
    this.code = code
  }
}

const LOOK_EVERY_MS = 2_000
const LOOK_WITHIN_MS = 5_000
/** A list waits so long for the replica, ms. */
const CAUGHT_UP_WITHIN_MS = 250
const FIRST_PAUSE_MS = 5
/** Farther behind than this, no list waits for it, ms. */
const FAR_BEHIND_MS = 5_000

const PRIMARY = `
  select pg_current_wal_flush_lsn()::text as position, current_database() as database,
    (select system_identifier::text from pg_control_system()) as cluster`
/** `reached`: how many of the positions are applied. */
const REPLICA = `
  select pg_is_in_recovery() and exists (select from pg_stat_wal_receiver) as follows, current_database() as database,
    (select system_identifier::text from pg_control_system()) as cluster,
    (select count(*) from unnest($1::pg_lsn[]) as asked (position) where position <= pg_last_wal_replay_lsn())::int as reached`
const POSITION = 'select pg_current_wal_flush_lsn()::text as position'
const REACHED = `
  select pg_is_in_recovery() and exists (select from pg_stat_wal_receiver) as follows,
    coalesce(pg_last_wal_replay_lsn() >= $1::pg_lsn, false) as reached`

/** Looks at the replica every two seconds. It is used from the first look on that finds it near the primary. */
export function openReplica<Db>(options: ReplicaOptions<Db>): Replica<Db> {
  const { pool, db, primaryPool, primaryDb, clock, onUnused, onRead = () => {}, lookEveryMs = LOOK_EVERY_MS } = options
  let isUsable = false
  /** Positions of the primary that the replica had not applied when it was last asked, oldest first. */
  let ahead: { readonly position: string; readonly atMs: number }[] = []

  const lagMs = () => (ahead[0] ? clock.monotonicMs() - ahead[0].atMs : 0)

  const look = async () => {
    try {
      const atMs = clock.monotonicMs()
      const primary = (await within(LOOK_WITHIN_MS, primaryPool.query(PRIMARY))).rows[0]
      ahead.push({ position: primary.position, atMs })
      const positions = ahead.map(({ position }) => position)
      const replica = (await within(LOOK_WITHIN_MS, pool.query(REPLICA, [positions]))).rows[0]
      refuseOther(primary, replica)
      ahead = ahead.slice(replica.reached)
      isUsable = lagMs() < FAR_BEHIND_MS
      if (!isUsable) throw new ReplicaUnused('behind', `The replica is ${Math.round(lagMs() / 1_000)} s behind.`)
    } catch (error) {
      isUsable = false
      // The oldest says how long it has been behind.
      ahead = ahead.slice(0, MOST_POSITIONS)
      onUnused(error)
    }
  }

  const untilCaughtUp = async () => {
    const { position } = (await primaryPool.query(POSITION)).rows[0]
    const deadline = clock.monotonicMs() + CAUGHT_UP_WITHIN_MS
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs *= 2) {
      const { follows, reached } = (await within(CAUGHT_UP_WITHIN_MS, pool.query(REACHED, [position]))).rows[0]
      if (!follows) throw noStandby()
      if (reached) return
      if (clock.monotonicMs() + pauseMs > deadline)
        throw new ReplicaUnused('behind', `The replica did not catch up within ${CAUGHT_UP_WITHIN_MS} ms.`)
      await new Promise((resolve) => setTimeout(resolve, pauseMs))
    }
  }

  void look()
  const stop = repeat(lookEveryMs, look)
  return {
    async read(work) {
      if (isUsable)
        try {
          await untilCaughtUp()
          const result = await work(db)
          onRead('replica')
          return result
        } catch (error) {
          // The next look decides whether it is used again.
          isUsable = false
          onUnused(error)
        }
      onRead('primary')
      return work(primaryDb)
    },
    lagSeconds: () => lagMs() / 1_000,
    close: stop,
  }
}

const MOST_POSITIONS = 1_000

type Identity = { readonly database: string; readonly cluster: string }

function refuseOther(primary: Identity, replica: Identity & { readonly follows: boolean }): void {
  if (replica.cluster !== primary.cluster || replica.database !== primary.database)
    throw new ReplicaUnused(
      'other_database',
      `Expected a standby of the database ${primary.database} (cluster ${primary.cluster}), got ${replica.database} (cluster ${replica.cluster}). Correct DATABASE_REPLICA_URL.`,
    )
  if (!replica.follows) throw noStandby()
}

function noStandby(): ReplicaUnused {
  return new ReplicaUnused(
    'no_standby',
    'Expected a standby that receives from its primary, got a server that does not.',
  )
}
