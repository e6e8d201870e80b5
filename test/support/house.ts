// A whole gateway on a database of its own, with verbs to tell a story: house.publish, house.until, receiver.answer.

import { randomBytes, randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Logger, pino } from 'pino'
import { type App, openApp } from '../../src/app.ts'
import type { ReadyConfig } from '../../src/config.ts'
import { readConfig } from '../../src/config.ts'
import { type CertificateAuthority, openCertificateAuthority } from '../../src/dev/certificate-authority.ts'
import { type Receiver, type ReceiverOptions, startReceiver } from '../../src/dev/receiver.ts'
import type { EventInput } from '../../src/domain/event/input.ts'
import { EVENT_TYPES, findEventType } from '../../src/domain/event-types/catalogue.ts'
import { makeSigningSecret } from '../../src/domain/signing/secret.ts'
import { publishEvents } from '../../src/gateway/publish/publish-events.ts'
import type { Delivery, Endpoint } from '../../src/generated/prisma/client.ts'
import { belongsToEndpoint } from '../../src/vault.ts'
import { type ClonedDatabase, cloneDatabase } from './database.ts'

export type House = {
  app: App
  database: ClonedDatabase
  authority: CertificateAuthority
  /** A tenant made for this house. */
  tenantId: string
  receiver(options?: Partial<ReceiverOptions>): Promise<Receiver>
  addTenant(name?: string): Promise<string>
  /** An endpoint written straight to the table: for stories that are not about configuring one. */
  addEndpoint(url: string, fields?: Partial<Endpoint>): Promise<{ id: string; tenantId: string; secret: string }>
  publish(...events: Partial<EventInput>[]): ReturnType<typeof publishEvents>
  publishFor(tenantId: string, ...events: Partial<EventInput>[]): ReturnType<typeof publishEvents>
  /** The deliveries of this house, oldest first. */
  deliveries(where?: object): Promise<Delivery[]>
  /** Resolves with what `look` gives once it is neither null nor false. */
  until<T>(look: () => Promise<T | null | false>, timeoutMs?: number): Promise<T>
  /** Another process' worth of gateway on the same database. */
  openAnother(env?: Record<string, string>): Promise<App>
  close(): Promise<void>
}

/** The settings of a test house: loopback is allowed, nothing is logged. */
export function testConfig(databaseUrl: string, env: Record<string, string> = {}): ReadyConfig {
  return readConfig({
    DATABASE_URL: databaseUrl,
    SIVO_OPERATOR_KEY: 'test-operator-key-000000000000',
    SIVO_SECRETS_KEY: Buffer.alloc(32, 7).toString('base64'),
    SIVO_ALLOWED_NETWORKS: '127.0.0.0/8,::1/128',
    SIVO_RETRY_JITTER: '0',
    LOG_LEVEL: process.env['TEST_LOG_LEVEL'] ?? 'silent',
    ...env,
  }) as ReadyConfig
}

/** An event of the catalogue's example, with what is given put over it. */
export function exampleEvent(fields: Partial<EventInput> = {}): EventInput {
  const type = fields.type ?? EVENT_TYPES[0]!.name
  return { type, data: findEventType(type)?.example.data, ...fields }
}

/** `log` absent: as TEST_LOG_LEVEL says, by default nothing. */
export async function openHouse(env: Record<string, string> = {}, options: { log?: Logger } = {}): Promise<House> {
  const database = await cloneDatabase()
  const folder = await mkdtemp(join(tmpdir(), 'sivo-house-'))
  const authority = await openCertificateAuthority(folder)
  const open = (more: Record<string, string> = {}) => {
    const config = testConfig(database.url, { ...env, ...more })
    return openApp({ config, log: options.log ?? pino({ level: config.logLevel }), ca: [authority.certificate] })
  }
  const app = await open()
  const others: App[] = []
  const receivers: Receiver[] = []
  const { db, vault } = app.ctx

  const house: House = {
    app,
    database,
    authority,
    tenantId: '',
    async receiver(options = {}) {
      const receiver = await startReceiver({ tls: { authority }, ...options })
      receivers.push(receiver)
      return receiver
    },
    async addTenant(name = 'Acme') {
      return (await db.tenant.create({ data: { name } })).id
    },
    async addEndpoint(url, fields = {}) {
      const tenantId = fields.tenantId ?? house.tenantId
      const { headers, metadata, ...rest } = fields
      const { id } = await db.endpoint.create({
        data: { name: 'CRM', url, ...rest, headers: headers ?? [], metadata: metadata ?? {}, tenantId },
      })
      const secret = makeSigningSecret(randomBytes)
      await db.signingSecret.create({
        data: {
          tenantId,
          endpointId: id,
          sealed: new Uint8Array(vault.seal(secret, belongsToEndpoint(tenantId, id))),
          hint: 'hint',
          activeFrom: new Date(0),
        },
      })
      return { id, tenantId, secret }
    },
    publish: (...events) => house.publishFor(house.tenantId, ...events),
    publishFor: (tenantId, ...events) => publishEvents(app.ctx, { tenantId, events: events.map(exampleEvent) }),
    deliveries: (where = {}) => db.delivery.findMany({ where, orderBy: { id: 'asc' } }),
    async until(look, timeoutMs = 20_000) {
      const deadline = performance.now() + timeoutMs
      for (;;) {
        const found = await look()
        if (found) return found
        if (performance.now() > deadline) throw new Error(`Waited ${timeoutMs} ms for something that did not happen.`)
        await new Promise((resolve) => setTimeout(resolve, 10))
      }
    },
    async openAnother(more) {
      const another = await open(more)
      others.push(another)
      return another
    },
    async close() {
      await Promise.all([app, ...others].map((each) => each.close(1_000)))
      await Promise.all(receivers.map((receiver) => receiver.close()))
      await database.drop()
      await rm(folder, { recursive: true, force: true })
    },
  }
  house.tenantId = await house.addTenant()
  return house
}

/** Leaves behind what a process that died an hour ago left: the next round of the reconciler has something to do. */
export async function diedLongAgo({ app }: House): Promise<void> {
  await app.ctx.hot.pool.query(
    `insert into worker_process (id, instance, role, host, version, pool_ids, died_at)
     values ($1, $1, 'worker', 'somewhere', '0.1.0', '{}', now() - interval '1 h')`,
    [randomUUID()],
  )
}
