// Shows the other processes that this one is alive. It beats every second in `worker_process` and holds a session lock on
// one connection: a killed process loses its lock at once; a frozen process keeps the lock but stops beating. The id of
// the process marks its leases. Each beat also reads the clock of the database. If a beat is not answered and a new connection
// is not answered either, all connections are half-open, and the process drops them.

import { randomUUID } from 'node:crypto'
import type { Logger } from 'pino'
import { processLock } from '../../database/locks.ts'
import { type DatabaseAccess, type OpenConnection, openConnection } from '../../database/pools.ts'
import type { CorrectedClock } from '../../domain/clock.ts'
import { backOffMs, NoAnswer, within } from '../../waiting.ts'

const BEAT_MS = 1_000
const BEAT_PATIENCE_MS = 4_000
/** How long a new connection may take. After that, the database counts as out of reach. */
const WAY_PATIENCE_MS = 2_000
/** Others declare a process dead when it has not beaten for ten seconds (reconcile.ts). */
const SILENT_MS = 5_000

/** The time of the database, Unix ms. */
const NOW_MS = 'extract(epoch from clock_timestamp()) * 1000'

export type Heartbeat = {
  /** The id of this process now. A process that was taken for dead goes on under a new id. */
  processId(): string
  /** Monotonic ms of the last end of the session that beats; -Infinity if none has ended. Leases from before may be lost. */
  sessionEndedAtMs(): number
  /** Milliseconds since the database took the last beat. */
  silentForMs(): number
  /** The last beat is so old that others may have declared this process dead: what it leases now, they may take too. */
  mayBeTakenForDead(): boolean
  /** The graphile-worker pools whose jobs are unlocked if this process dies. */
  setPoolIds(poolIds: readonly string[]): void
  /** Stops beating, deletes the row of this process and releases its lock. */
  close(): Promise<void>
}

export type HeartbeatOptions = {
  readonly access: DatabaseAccess
  /** The id at the start. It stays in the name of the connections and in `worker_process.instance`. */
  readonly firstId: string
  readonly role: string
  readonly host: string
  readonly version: string
  readonly clock: CorrectedClock
  readonly log: Logger
}

/** Registers this process. Resolves after the first beat; throws what the first connection throws. */
export async function openHeartbeat(options: HeartbeatOptions): Promise<Heartbeat> {
  const { access, clock, log } = options
  let id = options.firstId
  let poolIds: readonly string[] = []
  let client: OpenConnection | null = null
  let holdsLock = false
  let closed = false
  let mayHaveLost = false
  let sessionEndedAtMs = Number.NEGATIVE_INFINITY
  let lastBeatAtMs = clock.monotonicMs()
  let timer: NodeJS.Timeout | null = null
  let beating: Promise<void> = Promise.resolve()

  async function connect(): Promise<OpenConnection> {
    const fresh = await openConnection(access, 'beat')
    fresh.on('end', () => {
      sessionEndedAtMs = clock.monotonicMs()
      if (client === fresh) client = null
    })
    try {
      holdsLock = false
      await endLostSessions(fresh)
      await takeLock(fresh)
    } catch (error) {
      fresh.end().catch(() => {})
      throw error
    }
    return fresh
  }

  // The server may keep a session whose connection we have dropped. That session would hold our lock after our death, and
  // locks of rows. So this ends each session of ours that belongs to no open connection and is not just being opened.
  async function endLostSessions(on: OpenConnection): Promise<void> {
    mayHaveLost ||= access.watch.takeLost()
    if (!mayHaveLost) return
    await withinPatience(
      on.query(
        `select pg_terminate_backend(pid) from pg_stat_activity
         where starts_with(application_name, $1) and usename = current_user and pid <> all ($2::int[])
           and backend_start < now() - $3::int * interval '1 ms'`,
        [access.applicationName, access.watch.pids(), BEAT_PATIENCE_MS],
      ),
    )
    mayHaveLost = false
  }

  // It does not wait for the lock: a former session of ours, whose end the server has not noticed yet, may still hold it.
  // Until then, the beats alone show that this process is alive.
  async function takeLock(on: OpenConnection): Promise<void> {
    if (holdsLock) return
    const sql = `select pg_try_advisory_lock(${processLock('$1')}) as taken`
    holdsLock = (await withinPatience(on.query(sql, [id]))).rows[0].taken
  }

  /** Its row is the first beat. */
  async function register(): Promise<void> {
    const { rows } = await withinPatience(
      client!.query(
        `insert into worker_process (id, instance, role, host, version, pool_ids) values ($1, $2, $3, $4, $5, $6)
         returning ${NOW_MS} as now`,
        [id, options.firstId, options.role, options.host, options.version, poolIds],
      ),
    )
    answered(rows[0])
  }

  function answered({ now }: { now: string }): void {
    lastBeatAtMs = clock.monotonicMs()
    clock.correct(Number(now), lastBeatAtMs)
  }

  async function beat(): Promise<void> {
    client ??= await connect()
    const { rows } = await withinPatience(
      client.query(
        `update worker_process set beat_at = now(), pool_ids = $2, suspect_since = null
         where id = $1 and died_at is null returning ${NOW_MS} as now`,
        [id, poolIds],
      ),
    )
    if (rows[0]) {
      answered(rows[0])
      await endLostSessions(client)
      await takeLock(client)
      return
    }
    // Another process took this one for dead and ended its leases. The tokens fence the results of what it still sends.
    log.warn({ processId: id }, 'process.taken_for_dead')
    await client.end().catch(() => {})
    id = randomUUID()
    client = await connect()
    await register()
  }

  // One connection without an answer proves little: the watch examines each of them. If even a new connection is not
  // answered, all connections are dropped, so that nothing waits for them when the database can be reached again.
  async function findWay(): Promise<void> {
    mayHaveLost = true
    const connecting = connect()
    try {
      client = await withinPatience(connecting, WAY_PATIENCE_MS)
    } catch {
      access.watch.dropAll()
      // One that is answered after all would stay, and hold the lock of this process.
      connecting.then((late) => late.end()).catch(() => {})
    }
  }

  async function beatAndAgain(failures: number): Promise<void> {
    if (closed) return
    let next = BEAT_MS
    try {
      await beat()
      failures = 0
    } catch (error) {
      if (closed) return
      next = backOffMs(failures)
      failures++
      log.warn({ err: error, failures }, 'process.beat_failed')
      client?.stream.destroy()
      client = null
      if (error instanceof NoAnswer) await findWay()
    }
    beatIn(next, failures)
  }

  function beatIn(ms: number, failures: number): void {
    timer = setTimeout(() => beatNow(failures), ms)
  }

  function beatNow(failures: number): void {
    timer = null
    beating = beatAndAgain(failures)
  }

  const silentForMs = () => clock.monotonicMs() - lastBeatAtMs

  client = await connect()
  await register()
  beatIn(BEAT_MS, 0)

  return {
    processId: () => id,
    sessionEndedAtMs: () => sessionEndedAtMs,
    silentForMs,
    mayBeTakenForDead: () => silentForMs() > SILENT_MS,
    setPoolIds(ids) {
      poolIds = [...ids]
      // Told at once, so that others can unlock the jobs of a process that dies in its first second. A beat under way tells it next time.
      if (!timer || closed) return
      clearTimeout(timer)
      beatNow(0)
    },
    async close() {
      closed = true
      if (timer) clearTimeout(timer)
      await beating
      // A connection that is lost meanwhile is no longer `client`.
      const last = client
      if (!last) return
      await withinPatience(last.query('delete from worker_process where id = $1', [id])).catch(() => {})
      await last.end().catch(() => {})
    },
  }
}

function withinPatience<T>(work: Promise<T>, patienceMs = BEAT_PATIENCE_MS): Promise<T> {
  return within(patienceMs, work)
}
