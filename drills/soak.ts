// Traffic that goes on while retention drops what is old, with partitions of seconds or minutes instead of weeks. A row must take
// as many bytes at the end as when retention took its first partition, and all other tables must stay as they were: nothing is
// left behind that would fill a disk in a year.

import { setTimeout as delay } from 'node:timers/promises'
import { type House, openHouse } from '../bench/house.ts'
import { readOptions } from '../bench/options.ts'
import type { Config } from '../src/config.ts'
import { listPartitions, makePartitions, PARTITIONED } from '../src/database/partitions.ts'
import { openAccess, openHotDatabase } from '../src/database/pools.ts'
import { ROLL_UPS, SUCCEEDED } from '../src/domain/delivery/stats.ts'
import { dropExpiredPartitions } from '../src/gateway/retention/drop-partitions.ts'
import { createLog } from '../src/log.ts'
import type { Tell } from './stand.ts'

const FAN_OUT = 2
const EVENTS_AT_ONCE = 50
/** Partitions in the whole run, and how many of them retention keeps beside the one that is being written. */
const SPANS = 16
const KEPT = 4
/** After this span everything that is kept was written at full rate, and something was dropped. */
const FIRST = KEPT + 3
const MOST_GROWTH = 1.1
const MOST_GROWTH_OF_OTHERS = 1.3
/** What a table may take beside: a few pages more are no growth. */
const SLACK_BYTES = 2_000_000
const MOST_DEAD = 0.35
const DEFAULT_DELIVERIES = 10_000_000
const DEFAULT_PER_SECOND = 1_000

type Size = { readonly deliveries: number; readonly perSecond: number }

/** `soak [deliveries] [deliveries a second]`. Returns the exit code: 0 if everything stays flat and nothing was lost. */
export async function soak(args: readonly string[], tell: Tell): Promise<number> {
  const size = readSize(args)
  if (typeof size === 'string') {
    process.stderr.write(`${size}\n`)
    return 64
  }
  const house = await openHouse({ ...readOptions([]), workers: 0 }, tell)
  const interrupted = new Promise<never>((_, reject) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
      process.once(signal, () => reject(new Error('The run was interrupted.')))
  })
  try {
    const figures = await Promise.race([runIn(house, size, tell), interrupted])
    const failures = failuresOf(figures)
    for (const failure of failures) tell(failure)
    process.stdout.write(`${JSON.stringify({ drill: 'soak', passed: failures.length === 0, ...figures })}\n`)
    return failures.length === 0 ? 0 : 1
  } finally {
    await house.close()
  }
}

function readSize([deliveries, perSecond, ...rest]: readonly string[]): Size | string {
  const size = {
    deliveries: Number(deliveries ?? DEFAULT_DELIVERIES),
    perSecond: Number(perSecond ?? DEFAULT_PER_SECOND),
  }
  const isFit = size.deliveries / size.perSecond >= SPANS * 5 && size.perSecond >= FAN_OUT * EVENTS_AT_ONCE
  return isFit && rest.length === 0
    ? size
    : `Expected soak [deliveries] [deliveries a second]: at least ${SPANS * 5} seconds of traffic, at ${FAN_OUT * EVENTS_AT_ONCE} a second or more; got ${[deliveries, perSecond, ...rest].join(' ')}.`
}

type Figures = {
  readonly deliveries: number
  readonly spanSeconds: number
  /** Deliveries of acknowledged events that were never recorded as a success, and requests beyond one for each delivery. */
  readonly lost: number
  readonly again: number
  /** Partitions that retention dropped, and those that it should have dropped and did not. */
  readonly dropped: number
  readonly overdue: readonly string[]
  readonly first: Sizes
  readonly last: Sizes
  /** Rows that should be gone when everything is delivered. */
  readonly leftOver: Readonly<Record<string, number>>
}

async function runIn(house: House, { deliveries, perSecond }: Size, tell: Tell): Promise<Figures> {
  const spanMs = Math.ceil(deliveries / perSecond / SPANS) * 1_000
  const firstSpanAt = await openSpans(house, spanMs)
  // Postgres looks as often for what is to be cleaned as it does beside partitions of a week.
  await house.query(`alter system set autovacuum_naptime = '5s'`)
  await house.query('select pg_reload_conf()')
  await house.startGateway({ workers: 0 })
  const { id } = await house.openTenant('Soak', ['/count/a', '/usual/b'])
  const publisher = await house.openPublisher()
  const round = openRetention(house, KEPT * spanMs)

  await delay(firstSpanAt - Date.now())
  const count = Math.floor(deliveries / FAN_OUT / EVENTS_AT_ONCE) * EVENTS_AT_ONCE
  const input = {
    tenantIds: [id],
    bodyBytes: 0,
    eventsPerCall: EVENTS_AT_ONCE,
    parallel: 8,
    ofCalls: true,
  }
  let isPublishing = true
  const published = publisher.ask('publish', { ...input, count, rate: perSecond / FAN_OUT }).finally(() => {
    isPublishing = false
  })
  let dropped = 0
  let first: Sizes | null = null
  for (let span = 1; span <= SPANS; span++) {
    await Promise.race([delay(firstSpanAt + span * spanMs - Date.now()), rejectionOf(published)])
    dropped += await round()
    if (span === FIRST) first = await sizesOf(house)
    if (span < SPANS) tell(`span ${span} of ${SPANS}: ${await house.receiver.ask('total', null)} deliveries`)
  }
  if (isPublishing) tell('the machine does not keep up with the rate; the rest is published now')
  const last = await sizesOf(house)
  await published
  await untilDelivered(house)
  dropped += await round()
  const received = await house.receiver.ask('total', null)
  const stored = count * FAN_OUT
  return {
    deliveries: stored,
    spanSeconds: spanMs / 1_000,
    lost: stored - (await succeededOf(house)),
    again: received - stored,
    dropped,
    overdue: await overdueIn(house, Date.now() - (KEPT + 2) * spanMs),
    first: first!,
    last,
    leftOver: await leftOverIn(house),
  }
}

/** Rejects when the promise does, and never resolves. */
function rejectionOf(promise: Promise<unknown>): Promise<never> {
  return new Promise((_, reject) => void promise.catch(reject))
}

/**
 * Makes this week of partitions of `spanMs`, and one for the rest of it. Returns when the first of them begins, Unix ms. Statements
 * that name the partition of this week must not find one that holds a part of it, so the last one ends a second later than the week.
 */
async function openSpans(house: House, spanMs: number): Promise<number> {
  const client = await house.connect()
  const begins = Math.ceil((Date.now() + 15_000) / 1_000) * 1_000
  for (const table of PARTITIONED) {
    const [thisWeek, nextWeek] = await listPartitions(client, table)
    await client.query(`drop table "${thisWeek!.name}", "${nextWeek!.name}"`)
    const ends = Array.from({ length: SPANS + 1 }, (_, span) => begins + span * spanMs)
    let from: number | null = null
    for (const to of [...ends, thisWeek!.to + 1_000]) {
      await client.query('select make_partition($1, $2, $3)', [table, from, to])
      from = to
    }
  }
  // It makes what is missing up to the week after the next.
  await makePartitions(client)
  await client.end()
  return begins
}

/** A round of retention as the gateway's job runs it, with a retention in milliseconds. Returns how many partitions it dropped. */
function openRetention(house: House, retentionMs: number): () => Promise<number> {
  const hot = openHotDatabase(openAccess({ url: house.databaseUrl, applicationName: 'soak' }), 2)
  house.onClose(() => hot.close())
  const log = createLog({ level: 'warn', readable: true })
  return async () => {
    let dropped = 0
    // Events go in the round after the one that took their deliveries.
    for (let again = 0; again < 2; again++) {
      const done = await dropExpiredPartitions({ hot, log, config: {} as Config }, { pool: hot.pool, retentionMs })
      dropped += done?.dropped.length ?? 0
    }
    return dropped
  }
}

type Sizes = {
  /** Bytes of the partitions for each row that they hold: of rows, and of indexes. */
  readonly rowBytes: Readonly<Record<string, number>>
  readonly indexBytes: Readonly<Record<string, number>>
  /** The largest share of dead rows in a partition that has been vacuumed or should have been. */
  readonly dead: number
  /** Bytes of all other tables with their indexes, the largest first. */
  readonly others: Readonly<Record<string, number>>
}

/** The index of the search grows with what events say, and has a retention of its own. */
const MEASURED = ['event', 'delivery', 'attempt'] as const

async function sizesOf(house: House): Promise<Sizes> {
  const rowBytes: Record<string, number> = {}
  const indexBytes: Record<string, number> = {}
  for (const table of MEASURED) {
    const [row] = await house.query<{ rows: number; heap: number; indexes: number }>(
      `select (select count(*) from ${table})::float8 as rows, sum(pg_table_size(inhrelid))::float8 as heap,
         sum(pg_indexes_size(inhrelid))::float8 as indexes from pg_inherits where inhparent = $1::regclass`,
      [table],
    )
    rowBytes[table] = Math.round(row!.heap / row!.rows)
    indexBytes[table] = Math.round(row!.indexes / row!.rows)
  }
  const [dead] = await house.query<{ share: number }>(
    `select sum(n_dead_tup)::float8 / greatest(1, sum(n_live_tup)) as share from pg_stat_user_tables
     where relid in (select inhrelid from pg_inherits where inhparent = any ($1::regclass[]))`,
    [MEASURED],
  )
  const others = await house.query<{ name: string; bytes: number }>(OTHERS)
  return {
    rowBytes,
    indexBytes,
    dead: Number(dead!.share.toFixed(2)),
    others: Object.fromEntries(others.map(({ name, bytes }) => [name, bytes])),
  }
}

const OTHERS = `
  select c.oid::regclass::text as name, pg_total_relation_size(c.oid)::float8 as bytes
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
  where c.relkind = 'r' and not c.relispartition and n.nspname !~ '^(pg_|information_schema)' and c.relname !~ '^search_'
  order by 2 desc limit 12`

async function untilDelivered(house: House): Promise<void> {
  for (;;) {
    const waiting = await house.query(`select 1 from delivery where status = 'PENDING' limit 1`)
    if (waiting.length === 0) return
    await delay(200)
  }
}

/** The deliveries that succeeded, as the statistics count them: their rows may be gone. */
async function succeededOf(house: House): Promise<number> {
  for (;;) {
    const [row] = await house.query<{ folded: boolean; succeeded: number }>(
      `select not exists (select from delivery_tally) as folded, (select coalesce(sum(count), 0)::int from statistic
         where seconds = $1 and measure = $2 and scope_id in (select id from endpoint)) as succeeded`,
      [ROLL_UPS.at(-1)!.seconds, SUCCEEDED],
    )
    if (row!.folded) return row!.succeeded
    await delay(200)
  }
}

/** The partitions that ended before this time, and are still there. */
async function overdueIn(house: House, beforeMs: number): Promise<string[]> {
  const client = await house.connect()
  const overdue: string[] = []
  for (const table of MEASURED)
    for (const { name, to } of await listPartitions(client, table)) if (to < beforeMs) overdue.push(name)
  await client.end()
  return overdue
}

/** What the path of an event writes for a moment: wake-ups, lines, and tallies that are not summed yet. */
const PASSING = ['graphile_worker._private_jobs', 'subject_wake_up', 'delivery_tally'] as const
const MOST_LEFT_OVER = 5_000

async function leftOverIn(house: House): Promise<Record<string, number>> {
  const counts: Record<string, number> = {}
  for (const table of PASSING) {
    const [row] = await house.query<{ count: number }>(`select count(*)::int as count from ${table}`)
    counts[table] = row!.count
  }
  return counts
}

/** A sentence for each thing that was not kept. */
function failuresOf({ lost, overdue, dropped, first, last, leftOver }: Figures): string[] {
  const failures: string[] = []
  const expect = (isKept: boolean, sentence: string) => void (isKept || failures.push(sentence))
  expect(lost === 0, `${lost} deliveries did not succeed`)
  expect(dropped >= MEASURED.length * (SPANS - KEPT - 2), `retention dropped only ${dropped} partitions`)
  expect(overdue.length === 0, `retention did not drop ${overdue.join(', ')}`)
  for (const kind of ['rowBytes', 'indexBytes'] as const)
    for (const [table, bytes] of Object.entries(last[kind]))
      expect(
        bytes <= first[kind][table]! * MOST_GROWTH,
        `${kind} of ${table} grew from ${first[kind][table]} to ${bytes}`,
      )
  expect(last.dead <= MOST_DEAD, `${Math.round(last.dead * 100)} % of the rows are dead`)
  for (const [table, bytes] of Object.entries(last.others)) {
    const before = first.others[table] ?? 0
    expect(bytes <= before * MOST_GROWTH_OF_OTHERS + SLACK_BYTES, `${table} grew from ${before} to ${bytes} bytes`)
  }
  for (const [table, count] of Object.entries(leftOver))
    expect(count <= MOST_LEFT_OVER, `${count} rows are left over in ${table}`)
  return failures
}
