// The commands of docs/operating.md, run in the order of the page against real processes and a real Postgres with a standby.
// The test does what the page leaves to a supervisor: it starts and stops processes and servers.

import { spawn } from 'node:child_process'
import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type ApiAccess, ask, expectSuccess } from '../../harness/api-client.ts'
import { type GatewayProcess, startGatewayProcess } from '../../harness/gateway-process.ts'
import { openStandby } from '../../harness/standby.ts'
import { hasProgram } from '../../harness/web-proxy.ts'
import { freePort } from '../../src/dev/free-port.ts'
import { type PostgresServer, startPostgres } from '../../src/dev/postgres.ts'
import { toPublicId } from '../../src/domain/values/id.ts'
import { exampleEvent } from '../support/house.ts'
import { makeDataDir, quietLog } from '../support/test-postgres.ts'

const ROOT = join(import.meta.dirname, '../..')
const PASSWORD = 'app-password'
const KEY = 'operator-key-of-this-very-test'
const SECRETS_KEY = Buffer.alloc(32, 7).toString('base64')

/** The commands that the page marks to be run, below their headings, in its order. */
function commandsOf(page: string): { heading: string; commands: string }[] {
  let heading = ''
  const found: { heading: string; commands: string }[] = []
  for (const [, title, indent = '', body = ''] of page.matchAll(/^#{2,3} (.+)$|^( *)```sh run\n([\s\S]*?)^ *```$/gm)) {
    if (title !== undefined) heading = title
    else found.push({ heading, commands: body.replaceAll(new RegExp(`^${indent}`, 'gm'), '') })
  }
  return found
}

describe.skipIf(!['psql', 'curl', 'bash'].every(hasProgram))('the commands of the operating page', () => {
  let dataDir: string
  let standbyDir: string
  let logDir: string
  let primary: PostgresServer
  let standby: PostgresServer | null = null
  let standbyPort: number
  let port: number
  let blocks: { heading: string; commands: string }[]
  let api: ApiAccess
  let tenantId: string
  const running = new Set<GatewayProcess>()

  beforeAll(async () => {
    blocks = commandsOf(await readFile(join(ROOT, 'docs/operating.md'), 'utf8'))
    dataDir = await makeDataDir()
    standbyDir = await makeDataDir()
    logDir = await mkdtemp(join(tmpdir(), 'sivo-operating-'))
    await chmod(logDir, 0o755)
    primary = await open()
    port = await freePort()
    standbyPort = await freePort()
    api = { url: `http://127.0.0.1:${port}/graphql`, key: KEY }
  })
  afterAll(async () => {
    await Promise.all([...running].map((each) => each.end()))
    await standby?.stopImmediate()
    await primary.stopImmediate()
    for (const folder of [dataDir, standbyDir, logDir]) await rm(folder, { recursive: true, force: true })
  })

  const open = (at?: number) =>
    startPostgres({
      dataDir,
      log: quietLog,
      fsync: false,
      settings: { max_connections: 100 },
      ...(at && { port: at }),
    })
  const asApp = (hosts: string) => `postgres://sivo_app:${PASSWORD}@${hosts}/sivo`
  const environment = () => ({
    PATH: process.env['PATH'],
    HOME: process.env['HOME'],
    OWNER_URL: primary.url,
    APP_PASSWORD: PASSWORD,
    GATEWAY: `http://127.0.0.1:${port}`,
    PGDATA: primary.pgdata,
    BACKUP: join(dataDir, 'backup'),
    STANDBY_URL: primary.url.replace(`:${primary.port}/`, `:${standbyPort}/`),
  })

  /** Runs the next commands of the page, which must stand below this heading. Returns what they print. */
  async function follow(heading: string): Promise<string> {
    const block = blocks.shift()
    expect(block?.heading).toBe(heading)
    // Without a standard input: bash takes a socket there for a remote shell, and reads the settings of its host.
    const child = spawn('bash', ['-euo', 'pipefail', '-c', block!.commands], {
      cwd: ROOT,
      env: environment(),
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let said = ''
    const add = (chunk: Buffer) => {
      said += chunk
    }
    child.stdout.on('data', add)
    child.stderr.on('data', add)
    const code = await new Promise((resolve) => child.once('close', resolve))
    expect(code, `${block!.commands}\n${said}`).toBe(0)
    return said
  }

  async function start(role: 'all' | 'worker', at: number, more: Record<string, string> = {}): Promise<GatewayProcess> {
    const gateway = startGatewayProcess({
      name: role,
      logPath: join(logDir, `${role}-${at}.log`),
      env: {
        SIVO_ROLE: role,
        PORT: String(at),
        DATABASE_URL: asApp(`127.0.0.1:${primary.port},127.0.0.1:${standbyPort}`),
        SIVO_DATA_DIR: logDir,
        SIVO_OPERATOR_KEY: KEY,
        SIVO_SECRETS_KEY: SECRETS_KEY,
        ...more,
      },
    })
    running.add(gateway)
    await gateway.ready(30_000)
    return gateway
  }
  async function stopAll(): Promise<void> {
    for (const each of running) expect((await each.leave(15_000)).code).toBe(0)
    running.clear()
  }

  const publish = async () => {
    const { publishEvents } = await ask<{ publishEvents: { __typename: string } }>(
      api,
      `mutation ($input: PublishEventsInput!) {
        publishEvents(input: $input) { __typename ... on PublishEventsSuccess { events { id } } ... on Error { message } }
      }`,
      { input: { tenantId, events: [exampleEvent()] } },
    )
    return expectSuccess<{ events: { id: string }[] }>(publishEvents).events[0]!.id
  }
  const listed = async () => {
    const { events } = await ask<{ events: { nodes: { id: string }[] } }>(
      api,
      'query ($tenantId: ID!) { events(filter: { tenantId: $tenantId }) { nodes { id } } }',
      { tenantId },
    )
    return events.nodes.map(({ id }) => id)
  }

  test('install, upgrade, scale out, and the maps of cells', async () => {
    await follow('Install')
    await start('all', port)
    const said = await follow('Install')
    expect(said).toContain('{"status":"ready"}')
    expect(said).toContain('"delivers":true')
    const { createTenant } = await ask<{ createTenant: { __typename: string } }>(
      api,
      'mutation { createTenant(input: { name: "Acme" }) { __typename ... on CreateTenantSuccess { tenant { id } } } }',
      {},
    )
    tenantId = expectSuccess<{ tenant: { id: string } }>(createTenant).tenant.id
    await follow('Upgrade')
    await start('worker', await freePort())
    const alive = await follow('Scale out')
    expect(alive.match(/^ (all|worker) /gm)?.sort()).toEqual([' all ', ' worker '])
    expect(await follow('Cells')).toBe(await readFile(join(ROOT, 'deploy/cells.map'), 'utf8'))
  })

  test('back up and restore: what was published before the backup is there again', async () => {
    const before = await publish()
    await follow('Backup')
    const after = await publish()
    expect(await listed()).toEqual([after, before])
    await stopAll()
    const { port: at } = primary
    await primary.stop()
    await follow('Restore')
    primary = await open(at)
    await start('all', port)
    expect(await listed()).toEqual([before])
    expect([await publish(), before]).toEqual(await listed())
  })

  test('fail over: processes find the standby that was promoted', async () => {
    standby = await openStandby({ primary, dataDir: standbyDir, log: quietLog, port: standbyPort })
    await stopAll()
    await start('all', port, { DATABASE_REPLICA_URL: asApp(`127.0.0.1:${standbyPort}`) })
    await expect.poll(listReadsOfReplica, { interval: 200 }).toBeGreaterThan(0)
    const before = await publish()
    await expect.poll(() => eventsOn(standby!)).toContain(before)
    await primary.stopImmediate()
    expect(await follow('Failover')).toContain('{"status":"ready"}')
    const after = await publish()
    expect((await listed()).slice(0, 2)).toEqual([after, before])
    await follow('Failover')
    expect(blocks).toEqual([])
  })

  /** Lists, and tells how many lists the role of the gateway has read from the standby. */
  async function listReadsOfReplica(): Promise<number> {
    await listed()
    const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text()
    return Number(/^sivo_list_reads_total\{from="replica"\} (.+)$/m.exec(text)?.[1] ?? 0)
  }
})

async function eventsOn({ url }: PostgresServer): Promise<string[]> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  const { rows } = await client.query('select id from event').finally(() => client.end())
  return rows.map(({ id }) => toPublicId('event', id))
}
