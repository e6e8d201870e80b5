// A gateway of real processes on a Postgres of its own that can be ended and started again, behind a network that can
// break; and receivers to deliver to.

import { randomBytes } from 'node:crypto'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { type GatewayProcess, startGatewayProcess } from '../../harness/gateway-process.ts'
import { type HalfOpenProxy, openHalfOpenProxy } from '../../harness/half-open-proxy.ts'
import {
  type CertificateAuthority,
  type IssuedCertificate,
  openCertificateAuthority,
} from '../../src/dev/certificate-authority.ts'
import { type Receiver, type ReceiverOptions, startReceiver } from '../../src/dev/receiver.ts'
import { makeSigningSecret } from '../../src/domain/signing/secret.ts'
import { belongsToEndpoint, createVault } from '../../src/vault.ts'
import { cloneDatabase } from '../support/database.ts'
import { openTestPool } from '../support/database-session.ts'
import { type OwnPostgres, startOwnPostgres } from '../support/test-postgres.ts'

const SECRETS_KEY = Buffer.alloc(32, 9)
export const OPERATOR_KEY = 'sivo_faults_000000000000000000000'
const READY_MS = 45_000

export type Stage = {
  readonly databaseUrl: string
  /** null: the database is a clone in the run's shared Postgres. */
  readonly postgres: OwnPostgres | null
  readonly tenantId: string
  /** For `localhost`, of the authority that the gateway trusts. */
  readonly certificate: IssuedCertificate
  /** The certificate of that authority, a file in PEM. */
  readonly authorityPath: string
  query<Row = Record<string, unknown>>(text: string, values?: unknown[]): Promise<Row[]>
  receiver(options?: Partial<ReceiverOptions>): Promise<Receiver>
  /** An endpoint for every event type, written straight to the table. */
  addEndpoint(url: string): Promise<{ id: string; secret: string }>
  /** A process of the gateway that is ready; restarted when it ends. */
  start(role: 'api' | 'worker' | 'all', options?: StartOptions): Promise<GatewayProcess>
  /** A proxy in front of the database. */
  proxy(): Promise<HalfOpenProxy>
  /** What the processes said. */
  logOf(name: string): Promise<string>
  /** Resolves with what `look` gives once it is neither null nor false; a database that is away counts as not yet. */
  until<T>(look: () => Promise<T | null | false> | T | null | false, timeoutMs?: number): Promise<T>
}

export type StartOptions = {
  readonly name?: string
  readonly port?: number
  /** Reach the database through this proxy. */
  readonly through?: HalfOpenProxy
  readonly env?: Record<string, string>
}

/** Opens a stage; everything on it is closed when the test has finished. */
export async function openStage(options: StageOptions = {}): Promise<Stage> {
  const { stage, close } = await raiseStage(options)
  onTestFinished(close, 60_000)
  return stage
}

type StageOptions = { readonly ownPostgres?: boolean }

/** Opens a stage for several tests; `close` closes everything on it. */
export async function raiseStage({ ownPostgres = false }: StageOptions = {}): Promise<{
  stage: Stage
  close(): Promise<void>
}> {
  const closers: (() => Promise<unknown> | unknown)[] = []
  const close = async () => {
    for (const closer of closers.splice(0).reverse()) await closer()
  }
  const folder = await mkdtemp(join(tmpdir(), 'sivo-faults-'))
  closers.push(() => rm(folder, { recursive: true, force: true }))
  const postgres = ownPostgres ? await startOwnPostgres() : null
  const clone = postgres ? null : await cloneDatabase()
  closers.push(() => postgres?.close() ?? clone?.drop())
  const databaseUrl = postgres?.url ?? clone!.url
  const pool = openTestPool(databaseUrl, 3)
  pool.on('error', () => {})
  closers.push(() => pool.end())
  const query: Stage['query'] = async (text, values) => (await pool.query(text, values)).rows
  const authority: CertificateAuthority = await openCertificateAuthority(folder)
  const vault = createVault([SECRETS_KEY])
  const [tenant] = await query<{ id: string }>(`insert into tenant (name) values ('Acme') returning id`)
  const tenantId = tenant!.id
  let started = 0

  const stage: Stage = {
    databaseUrl,
    postgres,
    tenantId,
    certificate: authority.issue(['localhost', '127.0.0.1']),
    authorityPath: authority.certificatePath,
    query,
    async receiver(options = {}) {
      const receiver = await startReceiver({ tls: { authority }, hostname: 'localhost', ...options })
      closers.push(receiver.close)
      return receiver
    },
    async addEndpoint(url) {
      const [row] = await query<{ id: string }>(
        `insert into endpoint (tenant_id, name, url) values ($1, 'CRM', $2) returning id`,
        [tenantId, url],
      )
      const secret = makeSigningSecret(randomBytes)
      await query(
        `insert into signing_secret (tenant_id, endpoint_id, sealed, hint, active_from)
         values ($1, $2, $3, 'hint', to_timestamp(0))`,
        [tenantId, row!.id, vault.seal(secret, belongsToEndpoint(tenantId, row!.id))],
      )
      return { id: row!.id, secret }
    },
    async start(role, { name = `${role}-${++started}`, port = 0, through, env = {} } = {}) {
      const url = new URL(databaseUrl)
      if (through) url.port = String(through.port)
      const process = startGatewayProcess({
        name,
        logPath: join(folder, `${name}.log`),
        env: {
          SIVO_ROLE: role,
          PORT: String(port),
          DATABASE_URL: url.href,
          SIVO_OPERATOR_KEY: OPERATOR_KEY,
          SIVO_SECRETS_KEY: SECRETS_KEY.toString('base64'),
          SIVO_ALLOWED_NETWORKS: '127.0.0.0/8,::1/128',
          SIVO_RETRY_JITTER: '0',
          NODE_EXTRA_CA_CERTS: authority.certificatePath,
          LOG_LEVEL: 'info',
          ...env,
        },
      })
      closers.push(process.end)
      await process.ready(READY_MS)
      return process
    },
    async proxy() {
      const proxy = await openHalfOpenProxy(Number(new URL(databaseUrl).port))
      closers.push(proxy.close)
      return proxy
    },
    logOf: (name) => readFile(join(folder, `${name}.log`), 'utf8'),
    async until(look, timeoutMs = 20_000) {
      const deadline = performance.now() + timeoutMs
      for (;;) {
        const found = await Promise.resolve()
          .then(look)
          .catch((error) => {
            if (performance.now() > deadline) throw error
            return null
          })
        if (found) return found
        if (performance.now() > deadline) throw new Error(`Waited ${timeoutMs} ms for something that did not happen.`)
        await new Promise((resolve) => setTimeout(resolve, 20))
      }
    },
  }
  return { stage, close }
}
