import { hostname } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import { reasonOf } from '../client.ts'
import { command } from '../command.ts'
import { variable } from '../environment.ts'
import { CommandFailure, EXIT, usage } from '../failure.ts'
import { outboxTable, readOutbox } from '../outbox.ts'

const AGAIN_MS = 2_000

export const outboxCommand = command({
  command: 'outbox',
  describe: 'Publish the rows of an outbox table of another Postgres, in order, until Ctrl-C',
  options: {
    from: { type: 'string', describe: 'URL of the database that holds the table (SIVO_OUTBOX_URL)' },
    table: { type: 'string', default: 'sivo_outbox', describe: 'The table, with its schema if need be' },
    'poll-ms': { type: 'number', default: 500, describe: 'How long to wait when the table has nothing new' },
    once: { type: 'boolean', default: false, describe: 'End when the table has nothing new' },
    'print-table': { type: 'boolean', default: false, describe: 'Print the SQL that makes the table, and end' },
  },
  examples: [
    ['outbox --print-table | psql shop', 'makes the table'],
    ['outbox --from postgres://reader@db/shop --table sivo_outbox', 'publishes what services write into it'],
  ],
  async run({ client, output }, args) {
    if (args.printTable) return void process.stdout.write(outboxTable(args.table))
    const from = args.from ?? variable('SIVO_OUTBOX_URL')
    if (from === undefined) throw usage('Expected --from or SIVO_OUTBOX_URL with the URL of the database, got none.')
    if (!/^(postgres(ql)?:\/\/|\/)/i.test(from))
      throw usage('Expected the URL of a database in --from, such as postgres://reader@db/shop, got another text.')
    const stopping = new AbortController()
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stopping.abort())
    const counts = { published: 0, duplicates: 0, parked: 0 }
    let isAway = false
    while (!stopping.signal.aborted) {
      const database = new pg.Client({
        connectionString: from,
        application_name: `sivo outbox ${hostname()}`,
        keepAlive: true,
        connectionTimeoutMillis: 10_000,
        query_timeout: 30_000,
      })
      database.on('error', () => {})
      try {
        await database.connect()
        const done = await readOutbox({
          client,
          database,
          table: args.table,
          once: args.once,
          pollMs: args.pollMs,
          signal: stopping.signal,
          onBatch: (batch) => {
            isAway = false
            for (const name of Object.keys(counts) as (keyof typeof counts)[]) counts[name] += batch[name]
            output.note(`${counts.published} published, ${counts.duplicates} known before, ${counts.parked} parked`)
          },
          onWaiting: (text) => output.note(text),
        })
        if (done) break
      } catch (error) {
        if (!isPassing(error)) throw error
        // Whatever was not marked is published again under the same key, and is known there.
        if (!isAway) output.note(`${sayAway(error)} Trying again.`)
        isAway = true
        await delay(AGAIN_MS, undefined, { signal: stopping.signal }).catch(() => {})
      } finally {
        void database.end().catch(() => {})
      }
    }
    output.result(
      counts,
      `Published ${counts.published} rows; ${counts.duplicates} were known before, ${counts.parked} are parked.`,
    )
  },
})

function sayAway(error: unknown): string {
  return error instanceof CommandFailure
    ? error.message
    : `The database of the outbox is away or busy: ${reasonOf(error)}.`
}

/** What goes away by itself: a gateway or a database that cannot be reached. */
function isPassing(error: unknown): boolean {
  if (error instanceof CommandFailure) return error.exitCode === EXIT.unavailable
  const code = (error as { code?: string }).code ?? ''
  const message = (error as Error).message ?? ''
  // 08 connection exception, 53 insufficient resources, 57P operator intervention, 40 transaction rollback
  return (
    /^(08|53|57P|40)/.test(code) ||
    /^E[A-Z]+$/.test(code) ||
    /Connection terminated|timeout|Client has encountered a connection error/i.test(message)
  )
}
