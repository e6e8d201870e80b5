// Opens the connections of a process to its databases: the pools of the primary, and the replica for lists where one is
// configured. It wires them and does nothing else.

import { PrismaPg } from '@prisma/adapter-pg'
import type pg from 'pg'
import type { Logger } from 'pino'
import type { ReadyConfig } from './config.ts'
import { type DatabaseAccess, type HotDatabase, openAccess, openHotDatabase, openPool } from './database/pools.ts'
import { openReplica, type Replica } from './database/replica.ts'
import type { Clock } from './domain/clock.ts'
import { PrismaClient } from './generated/prisma/client.ts'
import type { FaultLog } from './log.ts'
import type { Metrics } from './metrics.ts'
import type { Parts } from './parts.ts'

/**
 * Connections by purpose: publishes, records and reads of the feed; claims and rings; lists and administration; the job
 * runner of a worker; lists from the replica.
 */
export const CONNECTIONS = { hot: 5, unsynced: 4, admin: 5, jobs: 3, replica: 5 } as const
/** Beside the pools: the heartbeat, the listener, and the look at a connection that does not answer. */
const SINGLE_CONNECTIONS = 3
/** The most connections that a process of any role opens to the database; those to a replica are beside them. */
export const MOST_CONNECTIONS =
  SINGLE_CONNECTIONS + CONNECTIONS.jobs + CONNECTIONS.hot + CONNECTIONS.unsynced + CONNECTIONS.admin

/** Where the database is, as `openAccess` takes it. */
export function databaseOf({ databaseUrl, databaseDirectUrl, databaseSchema }: ReadyConfig): {
  url: string
  schema: string
} {
  return { url: databaseDirectUrl ?? databaseUrl, schema: databaseSchema }
}

export type DatabasesOptions = {
  readonly config: ReadyConfig
  /** The access to the primary. */
  readonly access: DatabaseAccess
  readonly metrics: Metrics
  readonly faults: FaultLog
  readonly clock: Clock
  readonly log: Logger
}

export type Databases = {
  readonly hot: HotDatabase
  readonly db: PrismaClient
  /** null: none is configured, or this process shows no lists. */
  readonly replica: Replica<PrismaClient> | null
  /** The pools of the primary, for the gauges. */
  readonly pools: { readonly hot: pg.Pool; readonly unsynced: pg.Pool; readonly admin: pg.Pool }
}

/** The access of a process to its primary. `firstId` is in the name of its connections. */
export function openPrimary(
  config: ReadyConfig,
  { firstId, metrics, log }: { firstId: string; metrics: Metrics; log: Logger },
): DatabaseAccess {
  return openAccess({
    ...databaseOf(config),
    applicationName: `sivo ${firstId}`,
    log,
    onDropped: (kind, reason) => metrics.connectionsDropped.inc({ kind, reason }),
    onWaited: (pool, seconds) => metrics.poolWaitSeconds.observe({ pool }, seconds),
  })
}

/** Opens the pools; connections are made when first needed. What it opens becomes a part of `parts`. */
export function openDatabases(options: DatabasesOptions, parts: Parts): Databases {
  const { access } = options
  const hot = openHotDatabase(access, CONNECTIONS)
  parts.add('delivery pools', () => hot.close())
  const admin = openPool(access, 'admin', CONNECTIONS.admin)
  parts.add('admin pool', () => admin.end())
  const db = new PrismaClient({ adapter: new PrismaPg(admin, { schema: access.schema }) })
  parts.add('Prisma', () => db.$disconnect())
  return {
    hot,
    db,
    replica: openLists(options, { pool: admin, db }, parts),
    pools: { hot: hot.pool, unsynced: hot.unsyncedPool, admin },
  }
}

/** The replica for lists, where one is configured and this process serves. It may be away now and come later. */
function openLists(
  { config, access: { applicationName }, metrics, faults, clock, log }: DatabasesOptions,
  primary: { readonly pool: pg.Pool; readonly db: PrismaClient },
  parts: Parts,
): Replica<PrismaClient> | null {
  if (config.databaseReplicaUrl === null || config.role === 'worker') return null
  const access = openAccess({
    url: config.databaseReplicaUrl,
    schema: config.databaseSchema,
    applicationName,
    log,
    onDropped: (kind, reason) => metrics.connectionsDropped.inc({ kind, reason }),
  })
  const pool = openPool(access, 'admin', CONNECTIONS.replica)
  parts.add('replica pool', () => pool.end())
  const db = new PrismaClient({ adapter: new PrismaPg(pool, { schema: access.schema }) })
  parts.add('Prisma of the replica', () => db.$disconnect())
  const replica = openReplica({
    pool,
    db,
    primaryPool: primary.pool,
    primaryDb: primary.db,
    clock,
    onUnused: (error) => faults('replica.unused', error),
    onRead: (from) => metrics.listReads.inc({ from }),
  })
  parts.add('replica', replica.close)
  return replica
}
