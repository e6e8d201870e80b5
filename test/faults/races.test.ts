// Several processes after the same thing at the same moment: one gets it, the others get nothing, and none of them an
// error.

import { randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import type { Context } from '../../src/context.ts'
import { listMigrations, migrate } from '../../src/database/migrate.ts'
import type { Queryable, Statement } from '../../src/database/pools.ts'
import { claimDeliveries } from '../../src/gateway/deliver/claim-deliveries.ts'
import { reconcile } from '../../src/gateway/recover/reconcile.ts'
import { cloneDatabase } from '../support/database.ts'
import { accessTo, openClient } from '../support/database-session.ts'
import { diedLongAgo, openHouse } from '../support/house.ts'

/** A house in which nobody delivers. */
const openQuietHouse = () => openHouse({ SIVO_ROLE: 'api' })

test('when fifty claims compete for a thousand deliveries, each delivery goes to one of them', async () => {
  const house = await openQuietHouse()
  try {
    const { id: endpointId } = await house.addEndpoint('https://127.0.0.1/crm')
    await house.publish(...Array.from({ length: 500 }, () => ({})))
    await house.publish(...Array.from({ length: 500 }, () => ({})))
    const claims = await Promise.all(
      Array.from({ length: 50 }, () =>
        claimDeliveries(house.app.ctx.hot, [{ endpointId, test: false, slots: 100, low: null }], {
          token: randomUUID(),
          processId: randomUUID(),
          now: new Date(),
        }),
      ),
    )
    const claimed = claims.flatMap(({ deliveries }) => deliveries.map(({ id }) => id))
    expect(new Set(claimed).size).toBe(claimed.length)
    expect(claimed).toHaveLength(1_000)
    const leased = await house.deliveries({ leaseToken: { not: null } })
    expect(leased).toHaveLength(1_000)
  } finally {
    await house.close()
  }
})

test('of reconcilers that begin at once, one runs a round; a second round soon after finds nothing to do', async () => {
  const house = await openQuietHouse()
  try {
    const { hot, db } = house.app.ctx
    await house.addEndpoint('https://127.0.0.1/crm')
    await house.publish({})
    await db.$executeRaw`update delivery set next_attempt_at = now() - interval '3 s'`
    await db.$executeRaw`delete from graphile_worker._private_jobs`
    const memory = new Map()
    const look = (nowMs: number) => reconcile(house.app.ctx, { processId: randomUUID(), memory, nowMs })
    const rounds = await Promise.all(Array.from({ length: 8 }, () => look(0)))
    expect(rounds.flatMap((round) => round?.woken ?? [])).toHaveLength(1)
    expect((await look(500))?.woken).toEqual([])
    const jobs = await hot.pool.query(`select 1 from graphile_worker.jobs where task_identifier = 'deliver'`)
    expect(jobs.rows).toHaveLength(1)
  } finally {
    await house.close()
  }
})

test('a reconciler that freezes in its round blocks the others for two seconds', async () => {
  const house = await openQuietHouse()
  let thaw = () => {}
  try {
    const { ctx } = house.app
    await diedLongAgo(house)
    const frozen = new Promise<void>((resolve) => {
      thaw = resolve
    })
    const { promise: holdsTheRound, resolve: hold } = Promise.withResolvers<void>()
    const freezing = {
      ...ctx,
      hot: {
        ...ctx.hot,
        unsynced: {
          ...ctx.hot.unsynced,
          transaction: <T>(work: (tx: Queryable) => Promise<T>) =>
            ctx.hot.unsynced.transaction((tx) =>
              work({
                async query<Row>(statement: Statement, values: unknown[]) {
                  const rows = await tx.query<Row>(statement, values)
                  hold()
                  await frozen
                  return rows
                },
              }),
            ),
        },
      },
    }
    const look = (from: Context) => reconcile(from, { processId: randomUUID(), memory: new Map(), nowMs: 0 })
    const ofTheFrozen = look(freezing).catch((error: Error) => error)
    await holdsTheRound
    const sinceMs = performance.now()
    expect(await look(ctx)).toBeNull()
    while ((await look(ctx)) === null) await new Promise((resolve) => setTimeout(resolve, 50))
    expect(performance.now() - sinceMs).toBeGreaterThan(1_500)
    expect(performance.now() - sinceMs).toBeLessThan(4_000)
    thaw()
    expect(await ofTheFrozen).toBeInstanceOf(Error)
  } finally {
    thaw()
    await house.close()
  }
})

test('of processes that start at once on an empty database, one migrates, and the others find it done', async () => {
  const database = await cloneDatabase()
  const client = await openClient(database.url)
  try {
    await client.query('drop schema public cascade')
    await client.query('drop schema graphile_worker cascade')
    await client.query('create schema public')
    await Promise.all(Array.from({ length: 4 }, () => migrate(accessTo(database.url))))
    const { rows } = await client.query('select migration_name from _prisma_migrations where finished_at is not null')
    expect(rows).toHaveLength((await listMigrations()).length)
    // And once more beside a gateway that runs.
    await migrate(accessTo(database.url))
  } finally {
    await client.end()
    await database.drop()
  }
})
