import { randomBytes } from 'node:crypto'
import { PrismaPg } from '@prisma/adapter-pg'
import { pino } from 'pino'
import { readConfig } from '../../src/config.ts'
import type { Context, Viewer } from '../../src/context.ts'
import { openHotDatabase, openPool } from '../../src/database/pools.ts'
import { createClock } from '../../src/domain/clock.ts'
import { createIdSource } from '../../src/domain/values/id.ts'
import { createPublisher, type PublishContext } from '../../src/gateway/publish/publisher.ts'
import { PrismaClient, type Role } from '../../src/generated/prisma/client.ts'
import { createMetrics } from '../../src/metrics.ts'
import { createVault } from '../../src/vault.ts'
import { cloneDatabase } from './database.ts'
import { accessTo } from './database-session.ts'

export type Administration = {
  ctx: PublishContext
  databaseUrl: string
  /** Lines the log took, oldest first. */
  logged: string[]
  operator: Viewer
  viewerOf(role: Role, tenantId: string | null): Viewer
  close(): Promise<void>
}

/** A context on a database of its own, without workers: what administration and the server need. */
export async function openAdministration(env: Record<string, string> = {}): Promise<Administration> {
  const database = await cloneDatabase()
  const logged: string[] = []
  const log = pino({ level: 'debug' }, { write: (line: string) => logged.push(line) })
  const access = accessTo(database.url)
  const db = new PrismaClient({ adapter: new PrismaPg(openPool(access, 'admin', 8), { disposeExternalPool: true }) })
  const hot = openHotDatabase(access, 2)
  const ctx: Context = {
    config: readConfig({
      DATABASE_URL: database.url,
      SIVO_OPERATOR_KEY: 'operator-key-of-the-tests',
      SIVO_SECRETS_KEY: randomBytes(32).toString('base64'),
      PORT: '0',
      ...env,
    }),
    log,
    clock: createClock(() => performance.now(), Date.now()),
    newId: createIdSource(Date.now, randomBytes),
    random: Math.random,
    db,
    hot,
    vault: createVault([randomBytes(32)]),
  }
  const publisher = createPublisher({
    ctx,
    metrics: createMetrics(() => 0),
    nearby: () => null,
    onFlushed: () => {},
  })
  const viewerOf = (role: Role, tenantId: string | null): Viewer => ({
    role,
    tenantId,
    name: `Test ${role}`,
    expiresAt: null,
    credential: { kind: 'key', id: ctx.newId() },
  })
  return {
    ctx: { ...ctx, publisher },
    databaseUrl: database.url,
    logged,
    operator: viewerOf('OPERATOR', null),
    viewerOf,
    async close() {
      await db.$disconnect()
      await hot.close()
      await database.drop()
    },
  }
}
