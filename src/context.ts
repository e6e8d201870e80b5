// The one value that every function of the gateway gets: all that it may use. There are no globals.

import type { Logger } from 'pino'
import type { Config } from './config.ts'
import type { HotDatabase } from './database/pools.ts'
import type { Replica } from './database/replica.ts'
import type { Clock } from './domain/clock.ts'
import type { Tracing } from './domain/trace.ts'
import type { IdSource } from './domain/values/id.ts'
import type { PrismaClient, Role } from './generated/prisma/client.ts'
import type { Vault } from './vault.ts'

export type Context = {
  readonly config: Config
  readonly log: Logger
  readonly clock: Clock
  readonly newId: IdSource
  /** A number in [0, 1), for jitter. */
  readonly random: () => number
  /** The database for reads and administration. */
  readonly db: PrismaClient
  /** A standby for lists; absent or null: there is none. */
  readonly replica?: Replica<PrismaClient> | null
  /** The database for the delivery path: prepared statements on a separate pool. */
  readonly hot: HotDatabase
  readonly vault: Vault
  /** Absent or null: nothing is traced. */
  readonly tracing?: Tracing | null
  /** The place in a trace from which a caller's request came, if it says so. */
  readonly traceparent?: string | null
}

/** The caller. `tenantId` is null for operators, and for publishers that serve every tenant. */
export type Viewer = {
  readonly role: Role
  readonly tenantId: string | null
  readonly name: string
  readonly expiresAt: Date | null
  /** The address from which the caller came; absent where no request brought it. */
  readonly address?: string | undefined
  /** The API key or console session that identified the caller. */
  readonly credential: { readonly kind: 'key' | 'session'; readonly id: string }
}
