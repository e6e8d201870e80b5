// Moves a tenant to another cell while events are published. Promise: an event is acknowledged by one cell, and is stored and
// delivered by exactly one; ids, secrets and keys stay. A move that was killed goes on where it was, and until the switch the
// tenant works at the source as if nothing had been.
//
//   COPYING   everything is copied, and then what changed meanwhile. The tenant works at the source. At its end the move takes the
//             leases of the deliveries that wait, so that the freeze need not take them all
//   FROZEN    nobody publishes for it. Attempts in the air end; the move holds the lease of every delivery that waits
//   STILL     nothing of it changes any more. The last changes are copied, and both cells count the same rows
//   SWITCHED  the decision, in one row of the source: the tenant is at the target, where it is made to work
//   MOVED     the source answers with the name of the target, and deletes what it has
//
// FROZEN and STILL end by themselves at `frozen_until`, also if nobody is there to end them.

import type { Pool, PoolClient } from 'pg'
import { smallestIdAt } from '../../database/filters/id-window.ts'
import { isFree, NO_LEASE } from '../../database/leases.ts'
import { isLockRefused } from '../../database/locks.ts'
import { listPartitions } from '../../database/partitions.ts'
import { timeOfId, toPublicId } from '../../domain/values/id.ts'
import { arrive, type Vaults } from './arrive.ts'
import {
  type Changes,
  copyDeliveries,
  copyEvents,
  copyKeys,
  copyWhatDiffers,
  type Ends,
  inPages,
  OF_TENANT,
} from './copy-rows.ts'
import { setGuards } from './guard.ts'
import { leave } from './leave.ts'

export type Phase = 'COPYING' | 'FROZEN' | 'STILL' | 'SWITCHED' | 'MOVED'

export type MoveOptions = {
  readonly source: Pool
  readonly target: Pool
  readonly vaults: Vaults
  readonly tenantId: string
  readonly toCell: string
  /** How long nobody may publish at most, ms. */
  readonly freezeMs: number
  /** Who moves it, for the audit log of both cells. */
  readonly actor: string
  /** Told of each step before it begins. */
  readonly onStep: (step: MoveStep) => void
}

export type MoveStep =
  | 'copy'
  | 'hold what waits'
  | 'freeze'
  | 'guard publishing'
  | 'wait for attempts'
  | 'guard everything'
  | 'copy the rest'
  | 'compare'
  | 'switch'
  | 'arrive'
  | 'leave'
  | 'guard what left'

/** `frozenMs`: how long nobody could publish; null: the switch was made by an earlier run. */
export type Moved = { readonly events: number; readonly deliveries: number; readonly frozenMs: number | null }

/** The move cannot be made, or not now. The tenant works at the source. */
export class MoveRefused extends Error {
  override name = 'MoveRefused'
}

type Row = { readonly id: string; readonly phase: Phase; readonly toCell: string }
type Move = Omit<MoveOptions, 'source' | 'target'> & Ends

const MAX_PASSES = 5
/** A pass that copied no more than this is short enough for the freeze. */
const FEW = 500
const LOOK_EVERY_MS = 50

/** Moves the tenant, or goes on with a move. Throws MoveRefused, and what the databases throw. */
export async function moveTenant({ source: from, target: to, ...options }: MoveOptions): Promise<Moved> {
  const source = await from.connect()
  const target = await to.connect()
  const move: Move = { ...options, source, target }
  try {
    // Two runs for one tenant would take each other's leases away.
    await source.query('select set_config($1, $2, false)', ['sivo.moving', options.tenantId])
    await takeLock(source, options.tenantId)
    return await goOn(move)
  } finally {
    // The sessions hold the lock and a setting: they end.
    source.release(true)
    target.release(true)
  }
}

/** The session of a run that was killed may hold the lock for a moment. */
const LOCK_WAIT_MS = 3_000

async function takeLock(source: PoolClient, tenantId: string): Promise<void> {
  await source.query(`set lock_timeout = ${LOCK_WAIT_MS}`)
  try {
    await source.query('select pg_advisory_lock(hashtextextended($1, 0))', [`move ${tenantId}`])
  } catch (error) {
    if (!isLockRefused(error)) throw error
    throw new MoveRefused('Expected that nobody else moves this tenant, but another run does. Wait for it.')
  }
  await source.query('reset lock_timeout')
}

async function goOn(move: Move): Promise<Moved> {
  const row = await begin(move)
  let done = { events: 0, deliveries: 0 }
  let frozenMs: number | null = null
  if (row.phase !== 'SWITCHED' && row.phase !== 'MOVED') {
    await thaw(move, row.id)
    await refuseWhatWouldStay(move)
    done = await copyWhileItWorks(move)
    let frozenAt = 0
    try {
      await holdWhatWaits(move, row.id)
      done = sum(done, await copyWhileItWorks(move))
      frozenAt = performance.now()
      done = sum(done, await freezeAndCopyTheRest(move, row.id))
      await decide(move, row.id)
    } catch (error) {
      await thaw(move, row.id).catch(() => {})
      throw error
    }
    frozenMs = Math.round(performance.now() - frozenAt)
  }
  if (row.phase !== 'MOVED') {
    move.onStep('arrive')
    await arrive(move, move.tenantId, move.vaults, move.actor)
    move.onStep('leave')
    await leave(move.source, { tenantId: move.tenantId, toCell: row.toCell, actor: move.actor })
  }
  move.onStep('guard what left')
  await setGuards(move.source)
  return { ...done, frozenMs }
}

async function begin({ source, target, tenantId, toCell }: Move): Promise<Row> {
  const [tenant] = (await source.query('select erased_at from tenant where id = $1', [tenantId])).rows
  if (!tenant) throw new MoveRefused('Expected a tenant of the source, got an id that it does not know. Check the id.')
  const find = async () =>
    (await source.query<Row>(`select id, phase, to_cell as "toCell" from tenant_move where tenant_id = $1`, [tenantId]))
      .rows[0]
  const present = await find()
  if (!present && tenant.erased_at) throw new MoveRefused('Expected a tenant that is not erased, got one that is.')
  if (present && present.toCell !== toCell)
    throw new MoveRefused(
      `Expected the cell ${present.toCell}, to which a move of this tenant was begun, got ${toCell}. Name that cell.`,
    )
  const switched = present?.phase === 'SWITCHED' || present?.phase === 'MOVED'
  const there = await target.query('select 1 from tenant where id = $1', [tenantId])
  if (there.rowCount && !switched)
    throw new MoveRefused('Expected a target that never had this tenant, got one that has. A tenant cannot move back.')
  if (present) return present
  await source.query('insert into tenant_move (tenant_id, to_cell) values ($1, $2)', [tenantId, toCell])
  return (await find())!
}

type Copied = { readonly events: number; readonly deliveries: number }

function sum(a: Copied, b: Copied): Copied {
  return { events: a.events + b.events, deliveries: a.deliveries + b.deliveries }
}

/** Copies what there is, and then what changed meanwhile, until little is left. */
async function copyWhileItWorks(move: Move): Promise<Copied> {
  let done: Copied = { events: 0, deliveries: 0 }
  for (let pass = 1; pass <= MAX_PASSES; pass++) {
    move.onStep('copy')
    const { rows } = await move.source.query('select pg_snapshot_xmin(pg_current_snapshot())::text as mark')
    const copied = await copyChanges(move)
    done = sum(done, copied)
    await move.source.query('update tenant_move set copied_since = $2::xid8 where tenant_id = $1', [
      move.tenantId,
      rows[0].mark,
    ])
    if (copied.events + copied.deliveries <= FEW) break
  }
  return done
}

/** Copies what changed since the last pass that ended. */
async function copyChanges(move: Move): Promise<Copied> {
  const { source, target, tenantId } = move
  const { rows } = await source.query<{ since: string }>(
    'select copied_since::text as since from tenant_move where tenant_id = $1',
    [tenantId],
  )
  const changes: Changes = { tenantId, since: rows[0]!.since, from: await oldestId(target) }
  await copyKeys(move, changes)
  return { events: await copyEvents(move, changes), deliveries: await copyDeliveries(move, changes) }
}

/** What is older has no partition at the target, whose retention has dropped it. */
async function oldestId(target: PoolClient): Promise<string> {
  let from = Number.NEGATIVE_INFINITY
  for (const table of ['event', 'delivery', 'attempt'] as const) {
    const [oldest] = await listPartitions(target, table)
    from = Math.max(from, oldest?.from ?? from)
  }
  return smallestIdAt(Number.isFinite(from) ? from : 0)
}

/**
 * Takes the leases of the deliveries that wait and that nobody is sending, page by page. Publishing goes on, and what is published
 * now is delivered. As long again as a freeze may last is left for this and the copy after it.
 */
async function holdWhatWaits({ source, tenantId, onStep, freezeMs }: Move, moveId: string): Promise<void> {
  await refuseBulkRetry(source, tenantId)
  onStep('hold what waits')
  await source.query(
    `update tenant_move set frozen_until = clock_timestamp() + 2 * $2::int * interval '1 ms' where tenant_id = $1`,
    [tenantId, freezeMs],
  )
  const waiting = `select d.id from delivery d where ${OF_TENANT} and d.status = 'PENDING' order by d.id`
  await inPages<{ id: string }>(source, waiting, [tenantId], async (rows) => {
    await source.query(
      `with free as materialized (
        select d.id from delivery d
        where d.id = any ($3::uuid[]) and d.status = 'PENDING' and ${isFree('d')} order by d.id for update
      )
      update delivery d set ${HELD} from tenant_move m
      where m.tenant_id = $1 and d.id = any (array(select id from free))`,
      [tenantId, moveId, rows.map(({ id }) => id)],
    )
  })
}

async function freezeAndCopyTheRest(move: Move, moveId: string): Promise<Copied> {
  const { source, tenantId, onStep, freezeMs } = move
  await refuseBulkRetry(source, tenantId)
  onStep('freeze')
  // Not longer than the leases that are held already.
  await source.query(
    `update tenant_move set phase = 'FROZEN',
       frozen_until = least(frozen_until, clock_timestamp() + $2::int * interval '1 ms')
     where tenant_id = $1`,
    [tenantId, freezeMs],
  )
  onStep('guard publishing')
  await setGuards(source)
  onStep('wait for attempts')
  await holdAll(move, moveId)
  onStep('guard everything')
  await source.query(`update tenant_move set phase = 'STILL' where tenant_id = $1`, [tenantId])
  await setGuards(source)
  await holdAll(move, moveId)
  await refuseBulkRetry(source, tenantId)
  await refuseWhatWouldStay(move)
  onStep('copy the rest')
  const rest = await copyChanges(move)
  await copyWhatDiffers(move, { tenantId, from: await oldestId(move.target) })
  onStep('compare')
  await compare(move)
  return rest
}

async function refuseBulkRetry(source: PoolClient, tenantId: string): Promise<void> {
  const running = await source.query(
    `select 1 from bulk_retry where tenant_id = $1 and status in ('RUNNING', 'PAUSED') limit 1`,
    [tenantId],
  )
  if (running.rowCount)
    throw new MoveRefused(
      'Expected no bulk retry of this tenant that is running or paused, got one. Wait for it, or cancel it.',
    )
}

const MOST_NAMED = 3

/**
 * Refuses to leave behind what waits: retention keeps it at the source, however old it is, and the target has no partition for it or
 * for its event.
 */
async function refuseWhatWouldStay({ source, target, tenantId }: Move): Promise<void> {
  const from = await oldestId(target)
  const { rows } = await source.query<{ id: string; count: number }>(
    `select d.endpoint_id as id, count(*)::int as count from delivery d
     where d.endpoint_id = any (array(select id from endpoint where tenant_id = $1 and deleted_at is null))
       and d.status = 'PENDING' and least(d.id, d.event_id) < $2::uuid
     group by 1 order by 2 desc, 1`,
    [tenantId, from],
  )
  if (rows.length === 0) return
  const waiting = rows.reduce((sum, { count }) => sum + count, 0)
  const names = rows.slice(0, MOST_NAMED).map(({ id }) => toPublicId('endpoint', id))
  const others = rows.length > MOST_NAMED ? ` and ${rows.length - MOST_NAMED} more endpoints` : ''
  throw new MoveRefused(
    `Expected no waiting delivery from before ${timeOfId(from).toISOString()}, which the target no longer keeps, got ${waiting} for ${names.join(', ')}${others}. Resume what is paused until they are delivered, or cancel them, and run the move again.`,
  )
}

/** SQL for `set`: the move $2 holds the delivery, as long as its row `m` says. */
const HELD = `lease_token = $2::uuid, lease_by = $2::uuid, lease_until = m.frozen_until, gated = false, sent_alone = false`

/**
 * Takes the lease of every delivery that waits and is not held already. A delivery in the air is taken when its attempt is recorded
 * or its lease has ended. The leases end with the freeze.
 */
async function holdAll({ source, tenantId }: Move, moveId: string): Promise<void> {
  for (;;) {
    const { rows } = await source.query<{ inTheAir: number; over: boolean }>(
      `with m as materialized (
        select id, frozen_until, frozen_until <= clock_timestamp() as over from tenant_move where tenant_id = $1
      ), waiting as materialized (
        select d.id, ${isFree('d')} as free from delivery d
        where ${OF_TENANT} and d.status = 'PENDING' and d.lease_by is distinct from $2::uuid order by d.id for update
      ), held as (
        update delivery d set ${HELD}
        from m where not m.over and d.id = any (array(select id from waiting where free))
      )
      select (select count(*) from waiting where not free)::int as "inTheAir", (select over from m) as over`,
      [tenantId, moveId],
    )
    const [{ inTheAir, over }] = rows as [{ inTheAir: number; over: boolean }]
    if (over)
      throw new MoveRefused(
        inTheAir > 0
          ? `Expected every attempt in the air to end within the freeze, but ${inTheAir} had not. Run the move again, with a longer freeze if this comes again.`
          : 'Expected everything that waits to be held within the freeze, which was too short. Run the move again with a longer one.',
      )
    if (inTheAir === 0) return
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS))
  }
}

/** Both cells must have the same number of events, of deliveries in each status, and of attempts. */
async function compare({ source, target, tenantId }: Move): Promise<void> {
  const from = await oldestId(target)
  const count = async (client: PoolClient) =>
    JSON.stringify(
      (
        await client.query(
          `select 'events' as what, count(*)::int as count from event where tenant_id = $1 and id >= $2::uuid
           union all select 'deliveries ' || status, count(*)::int from delivery
             where tenant_id = $1 and id >= $2::uuid group by status
           union all select 'attempts', coalesce(sum(attempt_count), 0)::int from delivery where tenant_id = $1 and id >= $2::uuid
           order by 1`,
          [tenantId, from],
        )
      ).rows,
    )
  const [here, there] = [await count(source), await count(target)]
  if (here !== there)
    throw new MoveRefused(`Expected the same rows at the target, ${here}, got ${there}. Run the move again.`)
}

/** The one moment at which the tenant changes its cell. It fails if the time of the freeze is over. */
async function decide({ source, tenantId, onStep }: Move, moveId: string): Promise<void> {
  onStep('switch')
  await source.query('begin')
  try {
    const { rowCount } = await source.query(
      `select 1 from tenant_move where tenant_id = $1 and phase = 'STILL' for update`,
      [tenantId],
    )
    // Looked at with the row locked: a write that the guard lets through now waits for this transaction.
    const { rows } = await source.query(
      `select frozen_until > clock_timestamp() as "inTime", not exists (
         select 1 from delivery d where ${OF_TENANT} and d.status = 'PENDING' and d.lease_by is distinct from $2::uuid) as held
       from tenant_move where tenant_id = $1`,
      [tenantId, moveId],
    )
    if (!rowCount || !rows[0].inTime || !rows[0].held)
      throw new MoveRefused(
        'Expected the switch within the time of the freeze, which was too short. Run the move again with a longer one.',
      )
    // Deleted here, so that no claim takes what is at the target. Nothing that a user sees of them changes.
    await source.query(`set local sivo.rewrapping = 'on'`)
    await source.query(
      `update tenant_move set phase = 'SWITCHED',
         live_endpoints = array(select id from endpoint where tenant_id = $1 and deleted_at is null)
       where tenant_id = $1`,
      [tenantId],
    )
    await source.query('update endpoint set deleted_at = now() where tenant_id = $1 and deleted_at is null', [tenantId])
    await source.query('commit')
  } catch (error) {
    await source.query('rollback').catch(() => {})
    throw error
  }
}

/** Lets the tenant work at the source again, as if no move had begun to hold or freeze anything. */
async function thaw({ source, tenantId }: Move, moveId: string): Promise<void> {
  const { rowCount } = await source.query(
    `update tenant_move set phase = 'COPYING', frozen_until = null
     where tenant_id = $1 and phase in ('COPYING', 'FROZEN', 'STILL')`,
    [tenantId],
  )
  if (!rowCount) return
  await setGuards(source)
  await source.query(
    `update delivery d set ${NO_LEASE} where ${OF_TENANT} and d.status = 'PENDING' and d.lease_by = $2::uuid`,
    [tenantId, moveId],
  )
}
