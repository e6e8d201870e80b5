// Everything that a run needs, each in a separate process: a Postgres that syncs to the disk, the gateway, a receiver, and
// publishers. Promise: after `close`, no process and no folder of the run is left.

import { randomBytes } from 'node:crypto'
import { chmodSync, mkdirSync, rmSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { ask, expectSuccess } from '../harness/api-client.ts'
import type { ReadyConfig } from '../src/config.ts'
import { readConfig } from '../src/config.ts'
import { migrate } from '../src/database/migrate.ts'
import { openAccess } from '../src/database/pools.ts'
import { openCertificateAuthority } from '../src/dev/certificate-authority.ts'
import { freePort } from '../src/dev/free-port.ts'
import { type PostgresServer, startPostgres } from '../src/dev/postgres.ts'
import { fromPublicId } from '../src/domain/values/id.ts'
import { type Child, startChild } from './child.ts'
import { envelopeOf, eventData } from './event.ts'
import { createGateways, sumOf } from './gateways.ts'
import type { BenchOptions } from './options.ts'
import type { PosterCommands } from './poster.ts'
import type { PublisherCommands } from './publisher.ts'
import type { ReceiverCommands } from './receiver.ts'
import { cpuMs, familyCpuMs } from './usage.ts'

export type House = {
  readonly options: BenchOptions
  readonly api: { readonly url: string; readonly key: string }
  readonly receiver: Child<ReceiverCommands>
  query<Row = Record<string, unknown>>(text: string, values?: unknown[]): Promise<Row[]>
  readonly databaseUrl: string
  /** Calls this when the house closes, before what was opened earlier. */
  onClose(close: () => unknown): void
  /** Opens a separate connection, for transactions. */
  connect(): Promise<pg.Client>
  /** Sends an operation to the API. */
  ask<Data>(query: string, variables: object): Promise<Data>
  /** Makes a tenant with an endpoint for each of these paths of the receiver; `fields` are those of each. Returns public ids. */
  openTenant(
    name: string,
    paths: readonly string[],
    fields?: object,
  ): Promise<{ id: string; uuid: string; endpointIds: string[] }>
  /** Starts the process of a publisher, which ends with the house. */
  openPublisher(): Promise<Child<PublisherCommands>>
  /** Starts an API process and this many workers, or with 0 one process that does everything; `--workers` has precedence. */
  startGateway(layout: { workers: number }): Promise<void>
  stopGateway(): Promise<void>
  /** Measures bare undici now: posts per second, and CPU microseconds per post of both ends together. */
  bareUndici(bodyBytes: number): Promise<{ perSecond: number; cpuMicros: number }>
  usage(): Usage
  /** The statements that took Postgres longest so far, one line for each; empty without --statements. */
  costliestStatements(): Promise<string[]>
  /** Prints a step that takes some time. */
  tell(line: string): void
  close(): Promise<void>
}

/** CPU milliseconds used so far, and memory in MB; NaN if the system does not tell. */
export type Usage = Record<'gateway' | 'postgres' | 'receiver' | 'publishers', number> & { readonly gatewayMb: number }

const BARE_MS = 2_000
const BARE_IN_FLIGHT = 100

/** Opens everything but the gateway. `startGateway` starts the gateway of the tree in `root`, or of this tree. */
export async function openHouse(options: BenchOptions, tell: (line: string) => void, root?: string): Promise<House> {
  const folder = await mkdtemp(join(tmpdir(), 'sivo-bench-'))
  // Postgres may run as another user.
  chmodSync(folder, 0o755)
  const closers: (() => Promise<unknown> | unknown)[] = [() => rmSync(folder, { recursive: true, force: true })]
  const close = async () => {
    for (const closer of closers.splice(0).reverse()) await Promise.resolve(closer()).catch(() => {})
  }
  try {
    return await openIn(folder)
  } catch (error) {
    await close()
    throw error
  }

  async function openIn(folder: string): Promise<House> {
    mkdirSync(join(folder, 'postgres'))
    const quiet = () => {}
    const postgres: PostgresServer = await startPostgres({
      dataDir: join(folder, 'postgres'),
      log: { debug: quiet, info: quiet, warn: quiet, error: tell },
      settings: options.statements ? { shared_preload_libraries: 'pg_stat_statements' } : {},
    })
    closers.push(postgres.stopImmediate)
    // With --against, each gateway migrates the database itself, to the tables of its release.
    if (options.against === null) await migrate(openAccess({ url: postgres.url, applicationName: 'bench' }))
    const pool = new pg.Pool({ connectionString: postgres.url, max: 4 })
    pool.on('error', () => {})
    closers.push(() => pool.end())

    const authority = await openCertificateAuthority(join(folder, 'authority'))
    const receiver = startChild<ReceiverCommands>('receiver.ts')
    closers.push(receiver.end)
    const receiverPort = await receiver.ask('open', authority.issue(['localhost', '127.0.0.1']))
    const urlOf = (path: string) => `https://localhost:${receiverPort}${path}`
    const poster = startChild<PosterCommands>('poster.ts')
    closers.push(poster.end)

    const port = await freePort()
    const api = { url: `http://127.0.0.1:${port}/graphql`, key: `sivo_${randomBytes(24).toString('hex')}` }
    const env = {
      DATABASE_URL: postgres.url,
      SIVO_DATA_DIR: folder,
      SIVO_DEMO: '0',
      SIVO_OPERATOR_KEY: api.key,
      SIVO_SECRETS_KEY: randomBytes(32).toString('base64'),
      SIVO_ALLOWED_NETWORKS: '127.0.0.0/8,::1/128',
      NODE_EXTRA_CA_CERTS: authority.certificatePath,
      LOG_LEVEL: 'info',
    }
    const gateways = createGateways({ options, folder, env, port, root })
    closers.push(gateways.end)
    const publishers: Child<PublisherCommands>[] = []
    return {
      options,
      api,
      receiver,
      async query<Row>(text: string, values?: unknown[]) {
        return (await pool.query(text, values)).rows as Row[]
      },
      databaseUrl: postgres.url,
      onClose: (close) => void closers.push(close),
      async connect() {
        const client = new pg.Client({ connectionString: postgres.url })
        client.on('error', () => {})
        await client.connect()
        closers.push(() => client.end())
        return client
      },
      ask: (query, variables) => ask(api, query, variables, 60_000),
      async openTenant(name, paths, fields = {}) {
        const { createTenant } = await ask<{ createTenant: { __typename: string } }>(api, CREATE_TENANT, { name })
        const { id } = expectSuccess<{ tenant: { id: string } }>(createTenant).tenant
        const endpointIds: string[] = []
        for (const path of paths) {
          const input = { tenantId: id, name: path, url: urlOf(path), ...fields }
          const { createEndpoint } = await ask<{ createEndpoint: { __typename: string } }>(api, CREATE_ENDPOINT, {
            input,
          })
          endpointIds.push(expectSuccess<{ endpoint: { id: string } }>(createEndpoint).endpoint.id)
        }
        return { id, uuid: fromPublicId('tenant', id)!, endpointIds }
      },
      async openPublisher() {
        const publisher = startChild<PublisherCommands>('publisher.ts')
        publishers.push(publisher)
        closers.push(publisher.end)
        const config = readConfig({ ...env, SIVO_ROLE: 'api' }) as ReadyConfig
        await publisher.ask('open', { url: new URL(api.url).origin, key: api.key, config })
        return publisher
      },
      startGateway: gateways.start,
      stopGateway: gateways.stop,
      async bareUndici(bodyBytes) {
        const receiverBefore = cpuMs(receiver.pid) ?? Number.NaN
        const { perSecond, cpuMicros, count } = await poster.ask('post', {
          url: urlOf('/count/bare'),
          ca: authority.certificate,
          body: envelopeOf(eventData(bodyBytes)),
          forMs: options.quick ? BARE_MS / 2 : BARE_MS,
          inFlight: BARE_IN_FLIGHT,
        })
        const receiverMicros = (((cpuMs(receiver.pid) ?? Number.NaN) - receiverBefore) * 1_000) / count
        return { perSecond, cpuMicros: cpuMicros + receiverMicros }
      },
      usage: () => ({
        gateway: gateways.cpuMs(),
        postgres: familyCpuMs(postgres.pid) ?? Number.NaN,
        receiver: cpuMs(receiver.pid) ?? Number.NaN,
        publishers: sumOf(publishers, cpuMs),
        gatewayMb: gateways.largestMb(),
      }),
      async costliestStatements() {
        if (!options.statements) return []
        await pool.query('create extension if not exists pg_stat_statements')
        const { rows } = await pool.query(COSTLIEST)
        return rows.map(({ line }) => line)
      },
      tell,
      close,
    }
  }
}

const COSTLIEST = `
  select format('%s ms in all, %s calls of %s ms and %s rows, %s pages and %s bytes of log each: %s',
    round(total_exec_time), calls, round(mean_exec_time::numeric, 2), round(rows::numeric / calls, 1),
    (shared_blks_hit + shared_blks_read) / calls, round(wal_bytes / calls), left(regexp_replace(query, '\\s+', ' ', 'g'), 120)) as line
  from pg_stat_statements order by total_exec_time desc limit 14`

const CREATE_TENANT = `mutation ($name: String!) {
  createTenant(input: { name: $name }) { __typename ... on CreateTenantSuccess { tenant { id } } }
}`
const CREATE_ENDPOINT = `mutation ($input: CreateEndpointInput!) {
  createEndpoint(input: $input) { __typename ... on CreateEndpointSuccess { endpoint { id } } }
}`
