// A gateway whose server can be stopped and started again on the same port, while its database goes on to change.

import { randomBytes } from 'node:crypto'
import { pino } from 'pino'
import { openApp } from '../../src/app.ts'
import type { ReadyConfig } from '../../src/config.ts'
import { readConfig } from '../../src/config.ts'
import { toPublicId } from '../../src/domain/values/id.ts'
import { createApiKey } from '../../src/gateway/admin/api-keys.ts'
import { schema } from '../../src/schema/index.ts'
import { startServer } from '../../src/server/http.ts'
import { cloneDatabase } from '../support/database.ts'
import { operatorNamed } from '../support/viewers.ts'
import { openRows } from './gateway-rows.ts'

export type LiveGateway = {
  readonly url: string
  /** A viewer's key. */
  readonly key: string
  adminKey(): Promise<string>
  /** Writes deliveries of the key's tenant; gives their public ids. */
  deliver(count: number): Promise<string[]>
  openStreams(): number
  stop(): Promise<void>
  start(): Promise<void>
  close(): Promise<void>
}

export async function openLiveGateway(): Promise<LiveGateway> {
  const database = await cloneDatabase()
  const rows = openRows(database.url)
  const config = readConfig({
    DATABASE_URL: database.url,
    SIVO_OPERATOR_KEY: 'operator-key-of-the-tests',
    SIVO_SECRETS_KEY: randomBytes(32).toString('base64'),
    SIVO_ROLE: 'api',
    PORT: '0',
  }) as ReadyConfig
  const app = await openApp({ config, log: pino({ level: 'silent' }) })
  const { ctx, feed } = app
  let server = await startServer({ ctx, feed, schema })
  const { port } = server
  const tenant = await rows.tenant()
  const operator = operatorNamed('Operator')
  const keyOf = async (role: 'ADMIN' | 'VIEWER') =>
    (await createApiKey(ctx, operator, { tenantId: tenant.tenantId, name: 'Console', role, expiresAt: null })).secret
  return {
    url: `http://127.0.0.1:${port}`,
    key: await keyOf('VIEWER'),
    adminKey: () => keyOf('ADMIN'),
    async deliver(count) {
      const ids: string[] = []
      for (let made = 0; made < count; made++) ids.push(toPublicId('delivery', await rows.delivery(tenant)))
      await rows.ring()
      return ids
    },
    openStreams: () => feed.subscriberCount(),
    stop: () => server.close(1_000),
    async start() {
      server = await startServer({ ctx: { ...ctx, config: { ...config, port } }, feed, schema })
    },
    async close() {
      await server.close(1_000)
      await app.close(1_000)
      await rows.close()
      await database.drop()
    },
  }
}
