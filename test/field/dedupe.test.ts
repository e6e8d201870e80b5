// The Postgres store of the package, called through the database clients that receivers have.

import { writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { PostgresDedupeStore, type Queryable } from '../../packages/verify/src/dedupe.ts'
import { type ClonedDatabase, cloneDatabase } from '../support/database.ts'
import { run, workFolder } from './programs.ts'

const PACKAGES = {
  '@electric-sql/pglite': '0.5.14',
  pg: '8.23.1',
  'pg-promise': '12.7.1',
  postgres: '3.4.9',
  'reflect-metadata': '0.2.2',
  sequelize: '6.37.8',
  typeorm: '1.1.1',
}

type Open = (load: NodeJS.Require, url: string) => Promise<{ db: Queryable; close(): Promise<unknown> }>
const CLIENTS: Record<string, Open> = {
  async TypeORM(load, url) {
    load('reflect-metadata')
    const { DataSource } = load('typeorm')
    const db = await new DataSource({ type: 'postgres', url }).initialize()
    return { db, close: () => db.destroy() }
  },
  async 'pg-promise'(load, url) {
    const db = load('pg-promise')({ noWarnings: true })(url)
    return { db, close: () => db.$pool.end() }
  },
  async 'postgres.js'(load, url) {
    const sql = load('postgres')(url, { onnotice: () => {} })
    return { db: { query: (text, values) => sql.unsafe(text, values) }, close: () => sql.end() }
  },
  async Sequelize(load, url) {
    const { QueryTypes, Sequelize } = load('sequelize')
    const db = new Sequelize(url, { logging: false })
    const query: Queryable['query'] = (text, bind) => db.query(text, { bind, type: QueryTypes.SELECT })
    return { db: { query }, close: () => db.close() }
  },
  async PGlite(load) {
    const { PGlite } = load('@electric-sql/pglite')
    const db = await PGlite.create()
    return { db, close: () => db.close() }
  },
}

let database: ClonedDatabase
let load: NodeJS.Require
beforeAll(async () => {
  const cwd = await workFolder('dedupe')
  await writeFile(join(cwd, 'package.json'), JSON.stringify({ private: true, dependencies: PACKAGES }))
  await run('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--no-package-lock'], { cwd })
  load = createRequire(join(cwd, 'package.json'))
  database = await cloneDatabase()
}, 300_000)
afterAll(() => database?.drop())

test.each(Object.entries(CLIENTS))('%s claims an id once, and notices a claim that ended', async (name, open) => {
  const { db, close } = await open(load, database.url)
  try {
    const store = new PostgresDedupeStore(db, { receiver: name })
    await store.createTable()
    const slow = await store.claim('evt_1', 0)
    const fast = await store.claim('evt_1', 60)
    if (slow.state !== 'claimed' || fast.state !== 'claimed') throw new Error('expected both claims')
    expect(await store.claim('evt_1', 60)).toEqual({ state: 'busy' })
    expect(await store.finish('evt_1', slow.token)).toBe(false)
    expect(await store.finish('evt_1', fast.token)).toBe(true)
    expect(await store.claim('evt_1', 60)).toEqual({ state: 'done' })
    expect(await store.claimInTransaction(db, 'evt_2')).toBe('first')
    expect(await store.claimInTransaction(db, 'evt_2')).toBe('done')
    expect(await store.purge(0)).toBe(2)
  } finally {
    await close()
  }
})
