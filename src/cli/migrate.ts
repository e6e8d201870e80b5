// npm run migrate: brings the database to the state of this version, with the rights of the tables' owner, so that the
// gateway itself may run as a role without DDL. Exit codes: 0 done, or with --check nothing to do; 1 with --check: something
// is missing; 64 for arguments it does not know; 69 the database cannot be reached; 78 it cannot be used as it is.

import { parseArgs } from 'node:util'
import { readDatabaseConfig } from '../config/database.ts'
import { ConfigurationError, EXIT_CONFIGURATION } from '../config/setting.ts'
import { type Config, readConfig } from '../config.ts'
import { changeTables } from '../database/change-tables.ts'
import { grantRuntime } from '../database/grants.ts'
import { migrate, migrationsAreCurrent } from '../database/migrate.ts'
import { type DatabaseAccess, openAccess, openConnection } from '../database/pools.ts'
import { checkDatabase, DatabaseUnfit } from '../database/start-checks.ts'
import { attemptsPerCycle } from '../domain/delivery.ts'
import { installSqlPublish } from '../gateway/publish/sql-publish.ts'
import { createLog } from '../log.ts'

const EXIT_USAGE = 64
const EXIT_UNAVAILABLE = 69
const USAGE = `npm run migrate -- [options]      DATABASE_URL is the owner's

  --check           change nothing; exit code 1 if something is missing
  --grant-to role   let this role run the gateway: rows and functions, no DDL
`

type Options = { readonly check: boolean; readonly grantTo: string | null }

try {
  process.exitCode = await main(readOptions(process.argv.slice(2)))
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n`)
  process.exitCode =
    error instanceof TypeError
      ? EXIT_USAGE
      : error instanceof ConfigurationError || error instanceof DatabaseUnfit
        ? EXIT_CONFIGURATION
        : EXIT_UNAVAILABLE
}

/** Throws TypeError with the usage. */
function readOptions(args: string[]): Options {
  try {
    const { values } = parseArgs({ args, options: { check: { type: 'boolean' }, 'grant-to': { type: 'string' } } })
    return { check: values.check === true, grantTo: values['grant-to'] ?? null }
  } catch (error) {
    throw new TypeError(`${(error as Error).message}\n${USAGE}`)
  }
}

async function main({ check, grantTo }: Options): Promise<number> {
  const { databaseUrl, databaseDirectUrl, databaseSchema } = readDatabaseConfig(process.env)
  const url = databaseDirectUrl ?? databaseUrl
  if (url === null)
    throw new ConfigurationError([
      'DATABASE_URL: expected the URL of the database to migrate, got nothing. The embedded database is migrated by npm start.',
    ])
  const access = openAccess({
    url,
    schema: databaseSchema,
    applicationName: 'sivo migrate',
    log: createLog({ level: 'info', readable: true }),
  })
  await checkDatabase(access, { connections: 1 })
  if (check) return report(access)
  await migrate(access)
  const owner = await openConnection(access, 'start')
  try {
    const { retrySchedule, eventTtls } = readDeliverySettings()
    await installSqlPublish(owner, { maxAttempts: attemptsPerCycle(retrySchedule), eventTtls })
  } finally {
    await owner.end()
  }
  if (grantTo !== null) await grantTables(access, grantTo)
  process.stdout.write(
    `The database is migrated.${grantTo === null ? '' : ` The role ${grantTo} may run the gateway.`}\n`,
  )
  return 0
}

async function grantTables(access: DatabaseAccess, role: string): Promise<void> {
  const owner = await openConnection(access, 'migrate')
  try {
    await changeTables(owner, access, () => grantRuntime(owner, role, access.schema))
  } finally {
    await owner.end()
  }
}

async function report(access: DatabaseAccess): Promise<number> {
  const client = await openConnection(access, 'start')
  try {
    const current = await migrationsAreCurrent(client)
    process.stdout.write(current ? 'The database is migrated.\n' : 'The database is not migrated yet.\n')
    return current ? 0 : 1
  } finally {
    await client.end()
  }
}

/** The function for publishing by SQL names the attempts of a cycle. */
function readDeliverySettings(): Pick<Config, 'retrySchedule' | 'eventTtls'> {
  const { SIVO_RETRY_SCHEDULE, SIVO_RETRY_JITTER, SIVO_RETENTION_DAYS, SIVO_EVENT_TTLS } = process.env
  return readConfig({ SIVO_RETRY_SCHEDULE, SIVO_RETRY_JITTER, SIVO_RETENTION_DAYS, SIVO_EVENT_TTLS })
}
