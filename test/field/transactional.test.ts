// Transactional publishing from other languages: the code of docs/transactional-publishing.md as it stands there, by a role
// that may publish and nothing else.

import { cp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openConnection } from '../../src/database/pools.ts'
import { fromPublicId, toPublicId } from '../../src/domain/values/id.ts'
import { installSqlPublish } from '../../src/gateway/publish/sql-publish.ts'
import { writePage } from '../receivers/pages.ts'
import { accessTo } from '../support/database-session.ts'
import { exampleEvent, type House, openHouse } from '../support/house.ts'
import { has, run, workFolder } from './programs.ts'

const SOURCES = join(import.meta.dirname, 'transactional')
const PAGE = '../transactional-publishing.md'
const ROLE = 'producer_of_the_field'

let house: House
let owner: pg.Client

beforeAll(async () => {
  house = await openHouse()
  const installer = await openConnection(accessTo(house.database.url), 'start')
  await installSqlPublish(installer, { maxAttempts: 7 })
  await installer.end()
  owner = new pg.Client({ connectionString: house.database.url })
  await owner.connect()
  await owner.query(`drop role if exists ${ROLE}`)
  await owner.query(`create role ${ROLE} login password 'p' in role sivo_publisher`)
  // The shop's own table, and the isolation that Postgres has by default.
  await owner.query(`create schema shop authorization ${ROLE}`)
  await owner.query(`create table shop.ended_call (id text primary key, ended_at timestamptz not null default now())`)
  await owner.query(`alter table shop.ended_call owner to ${ROLE}`)
  await owner.query(`alter role ${ROLE} set search_path = shop, public`)
  await owner.query(`alter role ${ROLE} set default_transaction_isolation = 'read committed'`)
})
afterAll(async () => {
  await owner?.query(`drop owned by ${ROLE} cascade`)
  await owner?.query(`drop role ${ROLE}`)
  await owner?.end()
  await house?.close()
})

type Driver = (url: string, tenant: string, call: string) => Promise<{ stdout: string }>

const DRIVERS: Record<string, { needs: string[]; build: () => Promise<Driver> }> = {
  'psycopg (Python)': {
    needs: ['python3'],
    async build() {
      const folder = await workFolder('transactional/python')
      await run('python3', ['-m', 'venv', folder])
      const python = join(folder, 'bin/python')
      await run(python, ['-m', 'pip', 'install', '--quiet', '--requirement', join(SOURCES, 'requirements.txt')])
      await cp(join(SOURCES, 'drive.py'), join(folder, 'drive.py'))
      await writePage(PAGE, folder)
      return (...args) => run(python, [join(folder, 'drive.py'), ...args])
    },
  },
  'pgx (Go)': {
    needs: ['go'],
    async build() {
      const folder = await workFolder('transactional/go')
      await cp(join(SOURCES, 'main.go'), join(folder, 'main.go'))
      await writePage(PAGE, folder)
      await rm(join(folder, 'go.mod'), { force: true })
      await run('go', ['mod', 'init', 'example'], { cwd: folder })
      await run('go', ['get', 'github.com/jackc/pgx/v5@v5.8.0'], { cwd: folder })
      await run('go', ['build', '-o', 'drive'], { cwd: folder })
      return (...args) => run(join(folder, 'drive'), args)
    },
  },
}

for (const [name, { needs, build }] of Object.entries(DRIVERS))
  test.skipIf(!has(...needs))(
    `${name} publishes within its own transaction, and its rollback takes the event back`,
    async () => {
      const drive = await build()
      const tenantId = await house.addTenant()
      const receiver = await house.receiver()
      await house.addEndpoint(receiver.url('/hooks'), { tenantId })
      const { data } = exampleEvent({ type: 'call.ended' })
      const call = { ...(data as { call_id: string }), call_id: `call_of_${needs[0]}` }
      const url = new URL(house.database.url)
      url.username = ROLE
      url.password = 'p'
      const { stdout } = await drive(url.href, toPublicId('tenant', tenantId), JSON.stringify(call))
      const said = new Map(
        stdout
          .trim()
          .split('\n')
          .map((line) => JSON.parse(line))
          .map(({ case: name, value }: { case: string; value: unknown }) => [name, value]),
      )
      expect(said.get('refused row')).toBe('23505')
      expect(said.get('rolled back')).toBe('the shop changed its mind')
      expect(said.get('unknown tenant')).toBe('22023')
      expect(said.get('may not read')).toBe('42501')
      const whole = said.get('whole') as string[]
      expect(whole).toHaveLength(1)

      // Two events were committed, and each is delivered once.
      await receiver.until((requests) => requests.length === 2)
      const bodies = receiver.requests.map(({ body }) => JSON.parse(body.toString()))
      const committed = bodies.find(({ id }) => id === said.get('committed'))
      expect(committed).toMatchObject({ type: 'call.ended', subject: call.call_id, data: call })
      expect(bodies.find(({ id }) => id === whole[0])).toMatchObject({
        subject: 'call_whole Zoë 😀',
        sequence: 9007199254740991,
        timestamp: '2026-11-28T12:00:00.123Z',
        data: { ...call, call_id: 'call_whole', rate: 0.25 },
      })
      const stored = await house.app.ctx.db.event.findMany({ where: { tenantId }, select: { id: true } })
      expect(stored.map(({ id }) => id).sort()).toEqual(
        [said.get('committed') as string, whole[0]!].map((id) => fromPublicId('event', id)).sort(),
      )
      const { rows } = await owner.query('select id from shop.ended_call where id like $1', [`%${needs[0]}`])
      expect(rows).toEqual([{ id: call.call_id }])
    },
  )
