// Every advisory lock there is. Two of them never share a number: a lock with two purposes would be held
// for both of them at once.

/** Held by the process that migrates. */
export const MIGRATION_LOCK = 7_314_552_001
/** Held for one round of the reconciler. */
export const RECONCILER_LOCK = 7_314_552_002
// 7_314_552_003 is held while a partition is made (make_partition, in the migrations).
/** Held while tallies are added up. */
export const STATISTICS_LOCK = 7_314_552_004
/** Held while the operator key of the configuration is put in place. */
export const OPERATOR_KEY_LOCK = 7_314_552_005
/** Held while one process looks at the endpoints that fail. */
export const HEALTH_LOCK = 7_314_552_006
/** Held while one process takes the reports, or ends incidents. */
export const NOTICES_LOCK = 7_314_552_008
/** Held for one round that drops or packs partitions, and by who migrates: then no partition is locked for long. */
export const RETENTION_LOCK = 7_314_552_007
/** Held in a transaction that puts segments of the search index together, or takes events out of one. */
export const SEGMENTS_LOCK = 7_314_552_009

/** SQL: the rows of `pg_locks` that say who holds a lock of this database, as a condition on `l`. */
export const isHeld = (lock: number) => `l.locktype = 'advisory' and l.granted
  and l.database = (select oid from pg_database where datname = current_database())
  and (l.classid::bigint << 32) + l.objid::bigint = ${lock}`

/** SQL for the number of the lock that a replay to an endpoint holds for one turn; `endpointId` is SQL for its id as text. */
export const replayLock = (endpointId: string) => `hashtextextended('replay ' || ${endpointId}, 0)`

/** SQL for the number of the lock that a process holds for as long as it lives; `id` is SQL for its id as text. */
export const processLock = (id: string) => `hashtextextended(${id}, 0)`

/** Whether a statement was refused because it did not get a lock within its time limit (lock_not_available). */
export const isLockRefused = (error: unknown): boolean => (error as { code?: unknown } | null)?.code === '55P03'
