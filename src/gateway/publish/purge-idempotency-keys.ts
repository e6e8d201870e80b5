// Idempotency keys are kept for at least a day, those of events and those of mutations. This deletes older ones, in chunks.

import type { Context } from '../../context.ts'
import type { Statement } from '../../database/pools.ts'

const CHUNK = 10_000

const PURGE_OF_EVENTS: Statement = {
  name: 'purge-idempotency-keys',
  text: `
    with old as (
      select tenant_id, key from idempotency_key where created_at < now() - interval '25 h'
      order by created_at limit ${CHUNK} for update skip locked
    ), gone as (
      delete from idempotency_key k using old where k.tenant_id = old.tenant_id and k.key = old.key returning 1
    )
    select count(*)::int as count from gone`,
}

const PURGE_OF_MUTATIONS: Statement = {
  name: 'purge-mutation-keys',
  text: `
    with old as (
      select tenant_id, mutation, key from mutation_key where created_at < now() - interval '25 h'
      order by created_at limit ${CHUNK} for update skip locked
    ), gone as (
      delete from mutation_key k using old
      where k.tenant_id = old.tenant_id and k.mutation = old.mutation and k.key = old.key returning 1
    )
    select count(*)::int as count from gone`,
}

/** Returns the number of deleted keys. */
export async function purgeIdempotencyKeys(ctx: Context): Promise<number> {
  return (await purgeAll(ctx, PURGE_OF_EVENTS)) + (await purgeAll(ctx, PURGE_OF_MUTATIONS))
}

async function purgeAll(ctx: Context, purge: Statement): Promise<number> {
  let total = 0
  for (;;) {
    const [row] = await ctx.hot.query<{ count: number }>(purge, [])
    total += row!.count
    if (row!.count < CHUNK) return total
  }
}
