import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Client } from 'pg'
import { pino } from 'pino'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { schema } from '../src/schema/index.ts'
import { startServer } from '../src/server/http.ts'
import { warmUp } from '../src/warm-up.ts'
import { type House, openHouse } from './support/house.ts'

let house: House
beforeAll(async () => {
  house = await openHouse({ SIVO_ROLE: 'api', PORT: '0' })
})
afterAll(() => house.close())

/** The statements that each open connection of a pool knows. */
async function preparedOn(pool: { idleCount: number; connect(): Promise<Client & { release(): void }> }) {
  const clients = await Promise.all(Array.from({ length: pool.idleCount }, () => pool.connect()))
  const known = await Promise.all(
    clients.map(async (client) => {
      const { rows } = await client.query('select name, generic_plans from pg_prepared_statements')
      return new Map(rows.map(({ name, generic_plans }) => [name.replace(/-until-\d+$/, ''), Number(generic_plans)]))
    }),
  )
  for (const client of clients) client.release()
  return known
}

test('before traffic comes, three connections have planned what stores and records, and one what claims', async () => {
  const { ctx } = house.app
  const connectionsOf = async () => [
    await preparedOn(ctx.hot.pool as never),
    await preparedOn(ctx.hot.unsyncedPool as never),
  ]
  await warmUp(ctx, 'all')
  const [hot, unsynced] = await connectionsOf()
  const statements = ['store-single', 'store-events', 'record-delivered', 'record-attempts']
  expect(hot!.filter((known) => statements.every((name) => known.get(name)! > 0))).toHaveLength(3)
  expect(unsynced!.filter((known) => known.get('claim-deliveries')! > 0)).toHaveLength(1)
})

test('warming up stores nothing and logs nothing, and a server that warmed up serves', async () => {
  const lines: string[] = []
  const log = pino({ level: 'debug' }, { write: (line) => void lines.push(line) })
  const ctx = { ...house.app.ctx, log }
  const server = await startServer({ ...house.app, ctx, schema, warmingUp: warmUp(ctx, 'all') })
  const ready = await fetch(`http://127.0.0.1:${server.port}/ready`)
  expect(ready.status).toBe(200)
  await server.close(1_000)
  expect(lines.filter((line) => line.includes('not_warm'))).toEqual([])
  for (const table of ['event', 'delivery', 'attempt', 'delivery_tally', 'graphile_worker._private_jobs']) {
    const { rows } = await ctx.hot.pool.query(`select count(*)::int as count from ${table}`)
    expect(rows[0].count, table).toBe(0)
  }
})

test('a database that goes away while a process warms up does not keep it from starting', async () => {
  const lines: string[] = []
  const log = pino({ level: 'debug' }, { write: (line) => void lines.push(line) })
  const away = () => Promise.reject(new Error('The connection ended.'))
  const { hot } = house.app.ctx
  await warmUp({ ...house.app.ctx, log, hot: { ...hot, transaction: away } }, 'all')
  expect(lines.join('')).toContain('gateway.not_warm')
})

/** The text that a start writes to stderr which ends at its configuration, after everything was loaded. */
async function loadedOnly(env: Record<string, string>, file = 'main.mjs'): Promise<string> {
  const main = join(import.meta.dirname, '../src', file)
  const ended = await promisify(execFile)(process.execPath, [main], {
    env: { PATH: process.env['PATH'], PORT: 'none', ...env },
    maxBuffer: 100_000_000,
  }).catch((error: { stderr: string; code: number }) => error)
  expect('code' in ended && ended.code).toBe(78)
  return ended.stderr
}

const TELL_BUILT_IN = `data:text/javascript,process.on('exit',()=>process._rawDebug(process.moduleLoadList.join()))`

test('from the second start on, the process is loaded from the compile cache', async () => {
  const env = { NODE_DEBUG_NATIVE: 'COMPILE_CACHE' }
  await loadedOnly(env)
  const second = await loadedOnly(env)
  expect(second).toMatch(/src\/process\.ts.* was accepted/)
  expect(second).toMatch(/src\/gateway\/publish\/store-events\.ts.* was accepted/)
  const files = [...second.matchAll(/reading cache from .* for (?:ESM|CommonJS) \S*\/node_modules\/(\S+?\.[cm]?js)/g)]
  const read = files.map(([, path]) => path!.split('/node_modules/').at(-1)!)
  expect(read.length).toBeGreaterThan(500)
  // Packages are there once. These small ones are there in several versions.
  const twice = read.filter((path, at) => read.indexOf(path) !== at).map((path) => /^(?:@[^/]+\/)?[^/]+/.exec(path)![0])
  const small = ['@whatwg-node/disposablestack', '@whatwg-node/promise-helpers', 'postgres-array']
  expect([...new Set(twice)].filter((name) => !small.includes(name))).toEqual([])
  for (const optional of [/openid-client/, /nodemailer/, /pino-pretty/, /@opentelemetry\/sdk/])
    expect(read.filter((path) => optional.test(path))).toEqual([])
  // What is left of TypeScript without its types is in the cache too: the compiler is not loaded.
  const builtIn = await loadedOnly({ NODE_OPTIONS: `--import=${TELL_BUILT_IN}` })
  expect(builtIn).toContain('internal/modules/esm/loader')
  expect(builtIn).not.toContain('deps/amaro')
})

test('what starts the file of earlier releases gets the same process', async () => {
  expect(await loadedOnly({}, 'main.ts')).toBe(await loadedOnly({}))
})
