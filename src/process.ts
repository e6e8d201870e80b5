// The gateway's process: reads the configuration, opens the app, serves and works, and on a signal closes everything in
// reverse order. An unexpected error ends the process: the database keeps every promise, and other processes take over
// within seconds. main.mjs loads it.

import { setTimeout as delay } from 'node:timers/promises'
import { type App, openApp } from './app.ts'
import { ConfigurationError, EXIT_CONFIGURATION } from './config/setting.ts'
import { type ReadyConfig, readConfig } from './config.ts'
import { migrate } from './database/migrate.ts'
import { weeksHeld } from './database/partitions.ts'
import { openAccess } from './database/pools.ts'
import { DatabaseUnavailable, DatabaseUnfit, openChecked } from './database/start-checks.ts'
import { databaseOf, MOST_CONNECTIONS } from './databases.ts'
import { type Demo, openDemoAuthority, startDemo } from './dev/demo.ts'
import { openEmbedded, PostgresUnavailable } from './dev/embedded.ts'
import { openReceiverFront, type ReceiverFront } from './dev/receiver-front.ts'
import { printWelcomeOnRequest, welcome } from './dev/welcome.ts'
import { attemptsPerCycle } from './domain/delivery.ts'
import { parseNetworks } from './domain/values/network-address.ts'
import { isDatabaseAway } from './errors.ts'
import { ensureOperatorKey } from './gateway/admin/api-keys.ts'
import { offerSqlPublish } from './gateway/publish/sql-publish.ts'
import { createLog } from './log.ts'
import { createParts } from './parts.ts'
import { schema } from './schema/index.ts'
import { CannotListen } from './server/http/listening.ts'
import { startServer } from './server/http.ts'
import { warmUp } from './warm-up.ts'

/** Running attempts end within ten seconds. The remaining time is for recording them. */
const DRAIN_MS = 12_000
/** The time after which the process exits even if something is still open. */
const LEAVE_MS = 14_500
const EXIT_UNAVAILABLE = 69
/** Their sentences say what to do; a stack would say no more. */
const EXPECTED: (new (message: string) => Error)[] = [
  PostgresUnavailable,
  DatabaseUnfit,
  DatabaseUnavailable,
  CannotListen,
]

const parts = createParts()
let leavingSince = 0
/** What a person reads in the terminal when the process has ended. */
let lastWord = ''
/** Goes on serving until no balancer sends anything more. */
let drain = async () => {}

const log = createLog({ level: 'info', readable: process.stdout.isTTY || Boolean(process.env['SIVO_DEV']) })

process.on('SIGTERM', () => void leave(0, 'SIGTERM'))
process.on('SIGINT', () => void leave(0, 'SIGINT'))
process.on('SIGHUP', () => void leave(0, 'SIGHUP'))
process.on('unhandledRejection', (error) => {
  // graphile-worker does not await its last writes. If the database goes away, their errors arrive here. Its supervisor restarts it.
  if (isDatabaseAway(error)) return log.warn({ err: error }, 'process.write_lost')
  log.fatal({ err: error }, 'process.unhandled_rejection')
  process.exit(1)
})
process.on('uncaughtException', (error) => {
  if (isDatabaseAway(error)) return log.warn({ err: error }, 'process.connection_lost')
  log.fatal({ err: error }, 'process.uncaught_exception')
  process.exit(1)
})

try {
  await start()
} catch (error) {
  if (error instanceof ConfigurationError) {
    process.stderr.write(`${error.message}\n`)
    process.exit(EXIT_CONFIGURATION)
  }
  const expected = EXPECTED.some((kind) => error instanceof kind)
  if (expected) process.stderr.write(`${(error as Error).message}\n`)
  else log.fatal({ err: error }, 'process.start_failed')
  await leave(error instanceof DatabaseUnfit ? EXIT_CONFIGURATION : EXIT_UNAVAILABLE, 'start failed')
}

async function start(): Promise<void> {
  const config = readConfig(process.env)
  log.level = config.logLevel
  for (const { name, meant } of config.misspelled) log.warn({ name, meant }, 'config.unknown_setting')
  let ready: ReadyConfig
  if (config.databaseUrl === null) {
    const embedded = await openEmbedded(config, log, (error) => {
      log.fatal({ reason: error.message }, 'postgres.lost')
      // Once more as the last line: what other parts say of their lost connections comes between.
      lastWord = `\n${error.message}\n`
      void leave(1, 'the embedded Postgres ended')
    })
    parts.add('postgres', embedded.close)
    ready = embedded.config
  } else ready = config as ReadyConfig

  const authority = ready.demo ? await openDemoAuthority(ready.dataDir) : null
  if (authority)
    ready = { ...ready, allowedNetworks: [...ready.allowedNetworks, ...parseNetworks('127.0.0.0/8,::1/128')] }
  let front: ReceiverFront | null = null
  if (authority && ready.role !== 'worker' && ready.receiverUrl === null) {
    front = await openReceiverFront(authority)
    parts.add('front of the test receivers', front.close)
    ready = { ...ready, receiverUrl: front.url }
  }
  const access = openAccess({ ...databaseOf(ready), applicationName: 'sivo start', log })
  const client = await openChecked(access, { connections: MOST_CONNECTIONS, weeks: weeksHeld(ready.retentionDays) })
  try {
    await migrate(access, { client })
    const { retrySchedule, eventTtls } = ready
    await offerSqlPublish(client, { maxAttempts: attemptsPerCycle(retrySchedule), eventTtls, log })
  } finally {
    await client.end()
  }
  const app: App = await openApp({
    config: ready,
    log,
    ca: authority ? [authority.certificate] : [],
    narrate: ready.demo,
  })
  parts.add('app', app.close)
  const warmingUp = warmUp(app.ctx, ready.role)
  await ensureOperatorKey(app.ctx, ready.operatorKey)
  const server = await startServer({ ...app, schema, warmingUp })
  drain = async () => {
    if (ready.drainDelayMs === 0) return
    log.info({ delayMs: ready.drainDelayMs }, 'gateway.draining')
    server.drain()
    await delay(ready.drainDelayMs)
  }
  front?.forwardTo(server.port)
  const url = `http://${ready.host.includes(':') ? `[${ready.host}]` : ready.host}:${server.port}`
  // Both at the same time: neither new claims nor new requests begin while the other one closes.
  parts.add('server', server.close, app.stopWorking)
  let demo: Demo | null = null
  if (authority && ready.role !== 'worker') {
    demo = await startDemo(app, authority)
    parts.add('demo', demo.close)
  }
  log.info({ role: ready.role, url }, 'gateway.ready')
  if (config.databaseUrl === null) {
    const welcomeParts = { app, url, demo, config: ready }
    process.stdout.write(await welcome(welcomeParts))
    parts.add('terminal', printWelcomeOnRequest(welcomeParts))
  }
}

/** Closes everything in reverse order and exits. A second signal exits at once, and so does the time limit. */
async function leave(code: number, why: string): Promise<void> {
  if (leavingSince > 0) {
    // One Ctrl-C may arrive twice, from the terminal and from the parent. Only a later second one ends the process at once.
    if (why.startsWith('SIG') && performance.now() - leavingSince > 1_500) process.exit(130)
    return
  }
  leavingSince = performance.now()
  if (code === 0) {
    log.info({ why }, 'gateway.leaving')
    await drain()
  }
  const late = setTimeout(() => {
    log.error({}, 'gateway.left_late')
    process.exit(1)
  }, LEAVE_MS)
  await parts.close(DRAIN_MS).catch((error: unknown) => log.error({ err: error }, 'gateway.close_failed'))
  clearTimeout(late)
  if (code === 0) log.info({}, 'gateway.left')
  process.stderr.write(lastWord)
  process.exit(code)
}
