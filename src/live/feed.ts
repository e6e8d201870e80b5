// What changed, live: deliveries, events and endpoints of the tenants that somebody watches.
//
// Live and replay are one read: the rows whose `changed_xid` an earlier snapshot could not see, taken together with the
// snapshot of now. So no change is missed, whatever order transactions commit in, and whatever happened to a connection.
// A bell (see listener.ts) only says when to look; without it the feed looks every few seconds.
//
// Per kind there is one cursor and one read for all subscribers of this process. A subscriber is admitted between two
// reads, with the snapshot of that moment as its start: the next read begins no later, and what it repeats is left out.
// Each subscriber has its own bounded buffer; a slow one is told what it lost and slows nobody.
//
// Reads must go to the primary. Who may watch which tenant is for the caller to settle.

import { createHash } from 'node:crypto'
import type { Logger } from 'pino'
import type { HotDatabase, Statement } from '../database/pools.ts'
import type { Clock } from '../domain/clock.ts'
import type { EndpointView } from '../domain/delivery.ts'
import { RequestError } from '../errors.ts'
import type { Delivery, Endpoint, EndpointStatus, Event } from '../generated/prisma/client.ts'
import { type Cursor, decodeCursor, encodeCursor, isVisibleIn, parseSnapshot, type Snapshot } from './cursor.ts'
import { openBell, pause, within } from './listener.ts'
import { type Batch, createLiveBuffer, type LiveBuffer, splitBatch } from './live-buffer.ts'
import { type Stream, streamOf } from './live-stream.ts'

type Stamped = {
  /** The transaction that changed the row last. */
  readonly changedXid: string
}

/** A delivery's row without its lease, and what a list of deliveries says of its event and its endpoint. */
export type ChangedDelivery = Omit<
  Delivery,
  'leaseToken' | 'leaseUntil' | 'leaseBy' | 'gated' | 'crashCount' | 'bulkRetryId'
> &
  Stamped & {
    readonly event: Pick<Event, 'id' | 'type' | 'subject'>
    readonly endpoint: EndpointView & Pick<Endpoint, 'id' | 'name' | 'url'>
  }

/** An event's row without its body. */
export type ChangedEvent = Omit<Event, 'body'> & Stamped

export type ChangedEndpoint = Stamped & { readonly id: string; readonly tenantId: string }

export type ChangedRow = { delivery: ChangedDelivery; event: ChangedEvent; endpoint: ChangedEndpoint }
export type ChangeKind = keyof ChangedRow

export type UpdatesRequest<Kind extends ChangeKind> = {
  readonly kind: Kind
  readonly tenantId: string
  /** Pure. */
  readonly matches: (row: ChangedRow[Kind]) => boolean
  /** Requests of one kind and tenant with the same key have the same `matches`; they share its work. */
  readonly filterKey: string
  /** The cursor to go on from, as it was given out; null: from now. */
  readonly after: string | null
}

export type ChangeFeed = {
  /**
   * What changes from now on, or since `after`. The first batch comes at once; then one whenever something that matches
   * changed, and an empty one at least every 15 s. Each changed row comes once per batch, in its newest state; states in
   * between may be merged. A cursor too old to replay, or of another database, gives `resyncRequired`, and the stream
   * goes on from now. Throws RequestError (BAD_USER_INPUT) for an `after` that is no cursor. `.return()` frees everything
   * at once, also while a batch is awaited.
   */
  updates<Kind extends ChangeKind>(request: UpdatesRequest<Kind>): Stream<Batch<ChangedRow[Kind]>>
  /** How many streams are open. */
  subscriberCount(): number
  /** Ends every stream and every connection of the feed. */
  close(): Promise<void>
}

export type FeedBounds = {
  /** Reads follow each other no faster than this, */
  readonly intervalMs: number
  /** nor than this for each subscriber, about twice what telling one costs, */
  readonly intervalPerSubscriberMs: number
  /** but no slower than this. */
  readonly maxIntervalMs: number
  /** Without a bell the feed looks this often. */
  readonly idleIntervalMs: number
  /** A stream without a batch for this long gets an empty one. */
  readonly renewAfterMs: number
  /** A live read that finds more changed rows of one tenant gives up on them: its subscribers are told to read anew. */
  readonly maxChangedRows: number
  /** A cursor with more changed rows of its tenant behind it is too old to replay. */
  readonly maxReplayedRows: number
  /** What a subscriber that does not keep up may have waiting. */
  readonly maxBufferedRows: number
  readonly maxBatchRows: number
}

const BOUNDS: FeedBounds = {
  intervalMs: 75,
  intervalPerSubscriberMs: 0.08,
  maxIntervalMs: 1_000,
  idleIntervalMs: 3_000,
  renewAfterMs: 5_000,
  maxChangedRows: 5_000,
  maxReplayedRows: 10_000,
  maxBufferedRows: 5_000,
  maxBatchRows: 500,
}

/** Endpoints have no `resyncRequired` to tell; a tenant has few enough of them to hold them all. */
const ENDPOINT_BOUNDS = { maxChangedRows: 1_000_000, maxReplayedRows: 1_000_000, maxBufferedRows: 1_000_000 }

const ANSWER_WITHIN_MS = 8_000
const BACKOFF_MS = [100, 200, 500, 1_000, 2_000]
const REPLAYS_AT_ONCE = 2

/**
 * Opens the feed. `hot` is what it reads with: at most one read per kind and two replays are under way at a time.
 * Never throws for a database that is away: streams then start when it is back.
 */
export function openChangeFeed(options: {
  databaseUrl: string
  /** Shows in pg_stat_activity for the listening connection. */
  applicationName?: string
  hot: Pick<HotDatabase, 'query'>
  log: Logger
  clock: Pick<Clock, 'monotonicMs'>
  bounds?: Partial<FeedBounds>
}): ChangeFeed {
  const { databaseUrl, log, clock } = options
  const bounds = { ...BOUNDS, ...options.bounds }
  const database = openReads(options.hot)
  const deps = { database, log, clock }
  const readers: { [Kind in ChangeKind]: Reader<ChangedRow[Kind]> } = {
    delivery: createReader<ChangedDelivery>('delivery', { ...deps, bounds }),
    event: createReader<ChangedEvent>('event', { ...deps, bounds }),
    endpoint: createReader<ChangedEndpoint>('endpoint', { ...deps, bounds: { ...bounds, ...ENDPOINT_BOUNDS } }),
  }
  const ends = new Set<() => void>()
  let closed = false
  const bell = openBell({
    databaseUrl,
    applicationName: options.applicationName ?? 'sivo-changes',
    log,
    onRing: () => {
      for (const reader of Object.values(readers)) reader.ring()
    },
  })

  return {
    updates(request) {
      const after = request.after === null ? null : decodeCursor(request.after)
      if (request.after !== null && after === null)
        throw new RequestError(
          'BAD_USER_INPUT',
          `after: expected a cursor as a batch of this stream gave it, came ${JSON.stringify(request.after.slice(0, 80))}. Leave it out to start from now.`,
        )
      const reader = readers[request.kind] as Reader<ChangedRow[typeof request.kind]>
      const ending = new AbortController()
      const end = () => {
        ends.delete(end)
        ending.abort()
      }
      ends.add(end)
      if (closed) end()
      const stream = reader.stream(request, after, ending.signal, end)
      const next = () => stream.next()
      return streamOf(next, () => {
        end()
        return stream.return()
      })
    },
    subscriberCount: () => Object.values(readers).reduce((sum, reader) => sum + reader.subscriberCount(), 0),
    async close() {
      closed = true
      for (const end of [...ends]) end()
      await bell.close()
      await Promise.all(Object.values(readers).map((reader) => reader.idle()))
    },
  }
}

// ── the reads ─────────────────────────────────────────────────────────────────────────────────────────────────────────

type Changes<Row> = { readonly origin: string; readonly snapshot: Snapshot; readonly byTenant: Map<string, Row[]> }

type Reads = {
  /** The snapshot of now. */
  now(): Promise<{ origin: string; snapshot: Snapshot }>
  /** What the tenants' rows changed since a snapshot; at most `limit` rows of each. */
  changedSince<Row extends { tenantId: string }>(
    kind: ChangeKind,
    tenantIds: string[],
    since: Snapshot,
    limit: number,
  ): Promise<Changes<Row>>
}

const DELIVERY = `d.id, d.tenant_id as "tenantId", d.event_id as "eventId", d.endpoint_id as "endpointId",
  d.event_type as "eventType", d.subject, d.test, d.status, d.reason, d.attempt_count as "attemptCount",
  d.cycle_start as "cycleStart", d.max_attempts as "maxAttempts", d.manual, d.resend,
  d.next_attempt_at as "nextAttemptAt", d.last_status_code as "lastStatusCode", d.last_error_code as "lastErrorCode",
  d.last_latency_ms as "lastLatencyMs", d.created_at as "createdAt", d.completed_at as "completedAt",
  p.status as "endpointStatus", p.deleted_at as "endpointDeletedAt", p.name as "endpointName", p.url as "endpointUrl",
  d.changed_xid::text as "changedXid"`
const EVENT = `d.id, d.tenant_id as "tenantId", d.type, d.subject, d.sequence, d.test, d.occurred_at as "occurredAt",
  d.created_at as "createdAt", d.changed_xid::text as "changedXid"`
const ENDPOINT = 'd.id, d.tenant_id as "tenantId", d.changed_xid::text as "changedXid"'

// `$2` is the snapshot's xmax, `$3` what was in progress. Two branches, so that each is one walk of the index on
// (tenant_id, changed_xid); asking for its order keeps the planner from other indexes. The upper end keeps out stamps
// that came with a restored dump and lie in the future.
const changedSince = (columns: string, rows: string) => `
  select pg_current_snapshot()::text as snapshot, pg_postmaster_start_time()::text as server, changed.*
  from (select) as once left join lateral (
    select found.* from unnest($1::uuid[]) as tenant (id) cross join lateral (
      (select ${columns} from ${rows} where d.tenant_id = tenant.id
         and d.changed_xid >= $2::xid8 and d.changed_xid < pg_snapshot_xmax(pg_current_snapshot())
       order by d.changed_xid limit $4::int)
      union all
      (select ${columns} from ${rows} where d.tenant_id = tenant.id and d.changed_xid = any($3::xid8[]))
      limit $4::int
    ) as found
  ) as changed on true`

/** Values: tenants, the snapshot's xmax, what was in progress then, and the most rows of each tenant. */
export const CHANGED_SINCE: Record<ChangeKind, Statement> = {
  delivery: {
    name: 'live_deliveries',
    text: changedSince(DELIVERY, 'delivery d join endpoint p on p.id = d.endpoint_id'),
  },
  event: { name: 'live_events', text: changedSince(EVENT, 'event d') },
  endpoint: { name: 'live_endpoints', text: changedSince(ENDPOINT, 'endpoint d') },
}

const NOW: Statement = {
  name: 'live_now',
  text: 'select pg_current_snapshot()::text as snapshot, pg_postmaster_start_time()::text as server',
}

// A snapshot means something on one database and one timeline only: after a failover its numbers are given out again.
const ORIGIN: Statement = {
  name: 'live_origin',
  text: `select pg_postmaster_start_time()::text as server,
    concat_ws(':', (select system_identifier from pg_control_system()),
      (select oid from pg_database where datname = current_database()),
      left(pg_walfile_name(pg_current_wal_insert_lsn()), 8)) as origin`,
}

function openReads(hot: Pick<HotDatabase, 'query'>): Reads {
  let known: { server: string; origin: string } | null = null

  const identify = async () => {
    const [row] = await within(ANSWER_WITHIN_MS, hot.query<{ server: string; origin: string }>(ORIGIN, []))
    if (!row) throw new Error('Expected one row that names the database, came none.')
    const origin = createHash('sha256').update(row.origin).digest().subarray(0, 12).toString('base64url')
    known = { server: row.server, origin }
    return known
  }

  const ask = async <Row>(statement: Statement, values: unknown[]) => {
    const { server, origin } = known ?? (await identify())
    try {
      const rows = await within(
        ANSWER_WITHIN_MS,
        hot.query<Row & { snapshot: string; server: string }>(statement, values),
      )
      const [first] = rows
      if (!first) throw new Error('Expected a snapshot from the database, came no row.')
      if (first.server !== server) throw new Error('The database server was restarted or is another one.')
      return { origin, rows, snapshot: parseSnapshot(first.snapshot) }
    } catch (error) {
      known = null
      throw error
    }
  }

  return {
    async now() {
      const { origin, snapshot } = await ask(NOW, [])
      return { origin, snapshot }
    },
    async changedSince<Row extends { tenantId: string }>(
      kind: ChangeKind,
      tenantIds: string[],
      since: Snapshot,
      limit: number,
    ) {
      const values = [tenantIds, since.xmax.toString(), since.xip.map(String), limit]
      const { origin, snapshot, rows } = await ask<Row & { id: string | null }>(CHANGED_SINCE[kind], values)
      const byTenant = new Map<string, Row[]>()
      for (const { snapshot: _snapshot, server: _server, ...row } of rows) {
        if (row.id === null) continue
        const ofTenant = byTenant.get(row.tenantId)
        const shaped = (kind === 'delivery' ? withRelated(row as never) : row) as unknown as Row
        if (ofTenant) ofTenant.push(shaped)
        else byTenant.set(row.tenantId, [shaped])
      }
      return { origin, snapshot, byTenant }
    },
  }
}

type DeliveryRow = Omit<ChangedDelivery, 'event' | 'endpoint'> & {
  endpointStatus: EndpointStatus
  endpointDeletedAt: Date | null
  endpointName: string
  endpointUrl: string
}

function withRelated({
  endpointStatus,
  endpointDeletedAt,
  endpointName,
  endpointUrl,
  ...delivery
}: DeliveryRow): ChangedDelivery {
  return {
    ...delivery,
    event: { id: delivery.eventId, type: delivery.eventType, subject: delivery.subject },
    endpoint: {
      id: delivery.endpointId,
      name: endpointName,
      url: endpointUrl,
      status: endpointStatus,
      deletedAt: endpointDeletedAt,
    },
  }
}

// ── the reader of one kind ────────────────────────────────────────────────────────────────────────────────────────────

type Row = { readonly id: string; readonly tenantId: string; readonly changedXid: string }

type Request<R> = Omit<UpdatesRequest<ChangeKind>, 'kind' | 'matches'> & { readonly matches: (row: R) => boolean }

type Member<R> = {
  readonly buffer: LiveBuffer<R>
  /** What was visible here has been given already. */
  floor: Snapshot | null
  /** The number of the last read that began before the floor was set. */
  floorSetAt: number
  failure: unknown
  wake: () => void
}

type Group<R> = {
  readonly tenantId: string
  readonly matches: (row: R) => boolean
  readonly members: Set<Member<R>>
  lastBatchMs: number
}

type Start = { readonly origin: string; readonly snapshot: Snapshot }
type Join<R> = { readonly request: Request<R>; readonly member: Member<R>; admitted(start: Start): void }

type Reader<R extends Row> = {
  /** `onClose` is called when the stream ends by itself. */
  stream(request: Request<R>, after: Cursor | null, ended: AbortSignal, onClose: () => void): Stream<Batch<R>>
  ring(): void
  subscriberCount(): number
  /** Resolves when nothing is under way any more. */
  idle(): Promise<void>
}

function createReader<R extends Row>(
  kind: ChangeKind,
  deps: { database: Reads; log: Logger; clock: Pick<Clock, 'monotonicMs'>; bounds: FeedBounds },
): Reader<R> {
  const { database, log, clock, bounds } = deps
  const groups = new Map<string, Map<string, Group<R>>>()
  const replays = createReplays<R>(kind, database, bounds.maxReplayedRows)
  let joins: Join<R>[] = []
  let memberCount = 0
  let openStreams = 0
  let base: (Start & { readonly cursor: string }) | null = null
  let readNumber = 0
  let lastReadMs = Number.NEGATIVE_INFINITY
  let isRung = false
  let isRunning = false
  let running = Promise.resolve()
  let wake = () => {}

  const run = async () => {
    let failures = 0
    while (memberCount > 0 || joins.length > 0) {
      try {
        const waitMs = nextReadMs() - clock.monotonicMs()
        if (joins.length > 0) await admit()
        else if (waitMs <= 0) await read()
        else await sleep(waitMs)
        failures = 0
      } catch (error) {
        if (failures === 0) log.warn({ err: error, kind }, 'changes.read_failed')
        isRung = true
        renewIdleGroups()
        await sleep(BACKOFF_MS[Math.min(failures++, BACKOFF_MS.length - 1)]!, { onlyEnd: true })
      }
    }
    base = null
    isRunning = false
  }

  const start = () => {
    if (isRunning) return wake()
    isRunning = true
    running = run()
  }

  // A ring cuts the wait short, except after a failure: then only an end does.
  const sleep = (ms: number, { onlyEnd = false } = {}) =>
    new Promise<void>((resolve) => {
      const done = () => {
        clearTimeout(timer)
        wake = () => {}
        resolve()
      }
      const timer = setTimeout(done, ms)
      wake = () => {
        if (!onlyEnd || (memberCount === 0 && joins.length === 0)) done()
      }
    })

  const nextReadMs = () => {
    const stretched = Math.max(bounds.intervalMs, memberCount * bounds.intervalPerSubscriberMs)
    return lastReadMs + (isRung ? Math.min(stretched, bounds.maxIntervalMs) : bounds.idleIntervalMs)
  }

  const admit = async () => {
    const admitted = joins
    const now = await database.now()
    joins = joins.filter((join) => !admitted.includes(join))
    if (base === null || base.origin !== now.origin) startFrom(now)
    for (const { request, member, admitted: tell } of admitted) {
      if (member.failure === LEFT) continue
      groupOf(request).members.add(member)
      memberCount++
      member.floor = now.snapshot
      member.floorSetAt = readNumber
      tell(now)
    }
  }

  const groupOf = (request: Request<R>): Group<R> => {
    const ofTenant = groups.get(request.tenantId) ?? new Map<string, Group<R>>()
    groups.set(request.tenantId, ofTenant)
    const group = ofTenant.get(request.filterKey) ?? {
      tenantId: request.tenantId,
      matches: request.matches,
      members: new Set(),
      lastBatchMs: clock.monotonicMs(),
    }
    ofTenant.set(request.filterKey, group)
    return group
  }

  /** Begins anew at a moment: whoever watched before cannot know what it missed. */
  const startFrom = (now: Start) => {
    const cursor = encodeCursor(now)
    base = { ...now, cursor }
    lastReadMs = clock.monotonicMs()
    for (const group of allGroups())
      deliver(group, [{ cursor, rows: [], droppedCount: 0, resyncRequired: true }], readNumber)
  }

  const read = async () => {
    const number = ++readNumber
    lastReadMs = clock.monotonicMs()
    isRung = false
    if (base === null) return startFrom(await database.now())
    const before = base
    const changes = await database.changedSince<R>(kind, [...groups.keys()], before.snapshot, bounds.maxChangedRows + 1)
    if (changes.origin !== before.origin) return startFrom(changes)
    base = { origin: changes.origin, snapshot: changes.snapshot, cursor: encodeCursor(changes) }
    for (const group of allGroups())
      distribute(group, changes.byTenant.get(group.tenantId) ?? [], before.cursor, number)
  }

  const distribute = (group: Group<R>, rows: R[], cursorBefore: string, number: number) => {
    const cursor = base!.cursor
    if (rows.length > bounds.maxChangedRows)
      return deliver(group, [{ cursor, rows: [], droppedCount: rows.length, resyncRequired: true }], number)
    try {
      const matching = rows.filter(group.matches)
      const batch = { cursor, rows: matching, droppedCount: 0, resyncRequired: false }
      if (matching.length > 0) return deliver(group, splitBatch(batch, cursorBefore, bounds.maxBatchRows), number)
      if (isIdle(group)) return deliver(group, [batch], number)
      deliver(group, [], number)
    } catch (error) {
      for (const member of group.members) {
        member.failure = error
        member.wake()
      }
    }
  }

  const deliver = (group: Group<R>, batches: Batch<R>[], number: number) => {
    if (batches.length > 0) group.lastBatchMs = clock.monotonicMs()
    for (const member of group.members) {
      const { floor } = member
      const fresh = floor ? withoutVisible(batches, floor) : batches
      if (number > member.floorSetAt) member.floor = null
      if (fresh.length === 0) continue
      member.buffer.add(fresh)
      member.wake()
    }
  }

  const isIdle = (group: Group<R>) => clock.monotonicMs() - group.lastBatchMs >= bounds.renewAfterMs

  const renewIdleGroups = () => {
    if (base === null) return
    const batch = { cursor: base.cursor, rows: [], droppedCount: 0, resyncRequired: false }
    for (const group of allGroups()) if (isIdle(group)) deliver(group, [batch], readNumber)
  }

  const allGroups = () => [...groups.values()].flatMap((ofTenant) => [...ofTenant.values()])

  const join = (request: Request<R>, member: Member<R>, ended: AbortSignal) =>
    new Promise<Start | null>((resolve) => {
      ended.addEventListener('abort', () => resolve(null), { once: true })
      joins.push({ request, member, admitted: resolve })
      start()
    })

  const leave = (request: Request<R>, member: Member<R>) => {
    member.failure = LEFT
    joins = joins.filter((entry) => entry.member !== member)
    const ofTenant = groups.get(request.tenantId)
    const group = ofTenant?.get(request.filterKey)
    if (group?.members.delete(member)) {
      memberCount--
      if (group.members.size === 0) ofTenant!.delete(request.filterKey)
      if (ofTenant!.size === 0) groups.delete(request.tenantId)
    }
    if (memberCount === 0 && joins.length === 0) wake()
  }

  /** The first batch of a stream that goes on from a cursor. Retries while the database is away; null: it has ended. */
  const replay = async (request: Request<R>, after: Cursor, member: Member<R>, ended: AbortSignal) => {
    for (let failures = 0; !ended.aborted; failures++) {
      try {
        const { rows, origin, snapshot } = await replays.read(request.tenantId, after)
        const cursor = encodeCursor({ origin, snapshot })
        member.floor = snapshot
        member.floorSetAt = readNumber
        member.buffer.forget((row) => isVisibleIn(snapshot, BigInt(row.changedXid)))
        if (rows === null) return { cursor, rows: [], droppedCount: 0, resyncRequired: true }
        return { cursor, rows: rows.filter(request.matches), droppedCount: 0, resyncRequired: false }
      } catch (error) {
        if (failures === 0) log.warn({ err: error, kind }, 'changes.replay_failed')
        await pause(BACKOFF_MS[Math.min(failures, BACKOFF_MS.length - 1)]!, ended)
      }
    }
    return null
  }

  async function* stream(request: Request<R>, after: Cursor | null, ended: AbortSignal, onClose: () => void) {
    if (ended.aborted) return
    const buffer = createLiveBuffer<R>({ maxRows: bounds.maxBufferedRows, partRows: bounds.maxBatchRows })
    const member: Member<R> = { buffer, floor: null, floorSetAt: 0, failure: null, wake: () => {} }
    // Also for a stream that nobody asks for its next batch: it would never come to its own end.
    const free = () => {
      ended.removeEventListener('abort', free)
      openStreams--
      leave(request, member)
      member.wake()
    }
    ended.addEventListener('abort', free)
    openStreams++
    try {
      const started = await join(request, member, ended)
      if (!started) return
      let cursor = encodeCursor(started)
      let first: Batch<R> | null = { cursor, rows: [], droppedCount: 0, resyncRequired: false }
      if (after) {
        first = await replay(request, after, member, ended)
        cursor = encodeCursor(after)
      }
      if (!first) return
      for (const part of splitBatch(first, cursor, bounds.maxBatchRows)) {
        cursor = part.cursor
        yield part
      }
      while (!ended.aborted) {
        const batch = buffer.take(cursor)
        if (batch) {
          cursor = batch.cursor
          yield batch
        } else if (member.failure) {
          throw member.failure
        } else {
          await new Promise<void>((resolve) => {
            member.wake = resolve
          })
        }
      }
    } finally {
      if (!ended.aborted) free()
      onClose()
    }
  }

  return {
    stream,
    ring() {
      if (isRung) return
      isRung = true
      wake()
    },
    subscriberCount: () => openStreams,
    idle: () => running,
  }
}

const LEFT = new Error('The subscriber left.')

function withoutVisible<R extends Row>(batches: Batch<R>[], floor: Snapshot): Batch<R>[] {
  const isKnown = (row: R) => isVisibleIn(floor, BigInt(row.changedXid))
  return batches.flatMap((batch) => {
    if (!batch.rows.some(isKnown)) return [batch]
    const rows = batch.rows.filter((row) => !isKnown(row))
    return rows.length > 0 || batch.resyncRequired ? [{ ...batch, rows }] : []
  })
}

// ── replays ───────────────────────────────────────────────────────────────────────────────────────────────────────────

/** null rows: too old to replay. */
type Replay<R> = Start & { readonly rows: R[] | null }

/**
 * Reads what changed since a subscriber's own cursor, a few at a time. Those that wait with the same cursor share one
 * read: it begins after each of them was admitted, so it ends where their live part begins or later.
 */
function createReplays<R extends Row>(kind: ChangeKind, database: Reads, maxRows: number) {
  const waiting = new Map<string, Promise<Replay<R>>>()
  const queue: (() => void)[] = []
  let free = REPLAYS_AT_ONCE

  const readNow = async (tenantId: string, after: Cursor): Promise<Replay<R>> => {
    const { origin, snapshot, byTenant } = await database.changedSince<R>(kind, [tenantId], after.snapshot, maxRows + 1)
    const rows = byTenant.get(tenantId) ?? []
    const isFromHere = after.origin === origin && after.snapshot.xmax <= snapshot.xmax
    return { origin, snapshot, rows: isFromHere && rows.length <= maxRows ? rows : null }
  }

  const inTurn = async (key: string, tenantId: string, after: Cursor) => {
    if (free > 0) free--
    else await new Promise<void>((resolve) => queue.push(resolve))
    waiting.delete(key)
    try {
      return await readNow(tenantId, after)
    } finally {
      const next = queue.shift()
      if (next) next()
      else free++
    }
  }

  return {
    read(tenantId: string, after: Cursor): Promise<Replay<R>> {
      const key = `${tenantId} ${encodeCursor(after)}`
      const shared = waiting.get(key)
      if (shared) return shared
      const isQueued = free === 0
      const replay = inTurn(key, tenantId, after)
      if (isQueued) waiting.set(key, replay)
      return replay
    },
  }
}
