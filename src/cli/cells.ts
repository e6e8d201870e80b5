// npm run cells -- map | move | moved: what an installation of many cells needs beside the gateway. Exit codes: 0 done; 1 the move
// cannot be made, or not now; 64 for arguments it does not know; 69 a database cannot be reached; 78 the settings are not valid.

import { userInfo } from 'node:os'
import { parseArgs } from 'node:util'
import { readDatabaseConfig } from '../config/database.ts'
import { ConfigurationError, EXIT_CONFIGURATION } from '../config/setting.ts'
import { type Config, readConfig } from '../config.ts'
import { migrationsAreCurrent } from '../database/migrate.ts'
import { type DatabaseAccess, openAccess, openConnection, openPool } from '../database/pools.ts'
import { checkDatabase, DatabaseUnfit } from '../database/start-checks.ts'
import { isCellName } from '../domain/access/cell.ts'
import { backendOf, linesOfCells } from '../domain/access/cell-map.ts'
import { parseDuration } from '../domain/retry-schedule.ts'
import { fromPublicId } from '../domain/values/id.ts'
import { MoveRefused, moveTenant } from '../gateway/move/move-tenant.ts'
import { createLog } from '../log.ts'
import { createVault, type Vault } from '../vault.ts'

const EXIT_REFUSED = 1
const EXIT_USAGE = 64
const EXIT_UNAVAILABLE = 69
const USAGE = `npm run --silent cells -- map NAME…            prints cells.map for deploy/haproxy-cells.cfg, such as: map eu1 us1
npm run cells -- move ten_… --to NAME          moves a tenant from the cell of DATABASE_URL to another one
npm run --silent cells -- moved                prints moved.map: the keys of tenants that left the cell of DATABASE_URL

move takes --freeze 30s: how long nobody may publish for the tenant at most, 1s to 2m. Its settings are DATABASE_URL and
SIVO_SECRETS_KEY of the source (with SIVO_SECRETS_KEYS_FORMER), SIVO_TARGET_DATABASE_URL and SIVO_TARGET_SECRETS_KEY of the target;
both URLs are those of the tables' owners.
`

class UsageError extends Error {}

try {
  await main(process.argv.slice(2))
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n`)
  process.exitCode =
    error instanceof UsageError
      ? EXIT_USAGE
      : error instanceof ConfigurationError || error instanceof DatabaseUnfit
        ? EXIT_CONFIGURATION
        : error instanceof MoveRefused
          ? EXIT_REFUSED
          : EXIT_UNAVAILABLE
}

async function main([command, ...args]: string[]): Promise<void> {
  if (command === 'map') printMap(args)
  else if (command === 'move') await move(args)
  else if (command === 'moved' && args.length === 0) await printMoved()
  else throw new UsageError(`Expected map, move or moved, got ${[command, ...args].join(' ') || 'nothing'}.\n${USAGE}`)
}

function printMap(names: string[]): void {
  const wrong = names.filter((name) => !isCellName(name))
  if (names.length === 0 || wrong.length > 0 || new Set(names).size < names.length)
    throw new UsageError(
      `Expected different names of cells, each of 1 to 16 characters a-z and 0-9 that begins with a letter, got ${
        names.length === 0 ? 'none' : names.map((name) => JSON.stringify(name)).join(', ')
      }.\n${USAGE}`,
    )
  process.stdout.write(`${linesOfCells(names).join('\n')}\n`)
}

async function printMoved(): Promise<void> {
  const client = await openConnection(accessTo('DATABASE_URL'), 'tool')
  try {
    const { rows } = await client.query<{ hash: string; cell: string }>(
      `select encode(c.hash, 'hex') as hash, m.to_cell as cell
       from moved_credential c join tenant_move m on m.tenant_id = c.tenant_id order by m.moved_at, c.hash`,
    )
    process.stdout.write(rows.map(({ hash, cell }) => `${hash} ${backendOf(cell)}\n`).join(''))
  } finally {
    await client.end()
  }
}

async function move(args: string[]): Promise<void> {
  const { tenantId, toCell, freezeMs } = readMove(args)
  const from = accessTo('DATABASE_URL')
  const to = accessTo('SIVO_TARGET_DATABASE_URL')
  const vaults = {
    from: vaultOf(process.env['SIVO_SECRETS_KEY'], process.env['SIVO_SECRETS_KEYS_FORMER']),
    to: vaultOf(process.env['SIVO_TARGET_SECRETS_KEY']),
  }
  for (const [name, access] of [
    ['source', from],
    ['target', to],
  ] as const) {
    await checkDatabase(access, { connections: 1 })
    await requireMigrated(name, access)
  }
  const source = openPool(from, 'tool', 1)
  const target = openPool(to, 'tool', 1)
  try {
    const started = performance.now()
    const moved = await moveTenant({
      source,
      target,
      vaults,
      tenantId,
      toCell,
      freezeMs,
      actor: `cells move (${userInfo().username})`,
      onStep: (step) => process.stdout.write(`${step}\n`),
    })
    const seconds = ((performance.now() - started) / 1_000).toFixed(1)
    process.stdout.write(
      `Moved to ${toCell} in ${seconds} s: ${moved.events} events and ${moved.deliveries} deliveries were copied${
        moved.frozenMs === null ? '' : `, and nobody could publish for ${(moved.frozenMs / 1_000).toFixed(1)} s`
      }. Now write moved.map again and reload the proxy.\n`,
    )
  } finally {
    await Promise.all([source.end(), target.end()])
  }
}

function readMove(args: string[]): { tenantId: string; toCell: string; freezeMs: number } {
  try {
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      options: { to: { type: 'string' }, freeze: { type: 'string', default: '30s' } },
    })
    const tenantId = fromPublicId('tenant', positionals[0] ?? '')
    if (tenantId === null || positionals.length !== 1)
      throw new Error(`Expected the id of one tenant, ten_…, got ${positionals.join(' ') || 'nothing'}.`)
    const toCell = values.to ?? ''
    if (!isCellName(toCell))
      throw new Error(`Expected --to with the name of a cell, such as us1, got ${JSON.stringify(toCell)}.`)
    const freezeMs = parseDuration(values.freeze)
    if (!(freezeMs >= 1_000 && freezeMs <= 120_000))
      throw new Error(`Expected --freeze from 1s to 2m, got ${JSON.stringify(values.freeze)}.`)
    return { tenantId, toCell, freezeMs }
  } catch (error) {
    throw new UsageError(`${(error as Error).message}\n${USAGE}`)
  }
}

function accessTo(name: 'DATABASE_URL' | 'SIVO_TARGET_DATABASE_URL'): DatabaseAccess {
  const url = process.env[name]?.trim()
  if (!url) throw new ConfigurationError([`${name}: expected the URL of a database, got nothing.`])
  const { databaseUrl, databaseSchema } = readDatabaseConfig({
    DATABASE_URL: url,
    SIVO_DATABASE_SCHEMA: process.env['SIVO_DATABASE_SCHEMA'],
  })
  return openAccess({
    url: databaseUrl!,
    schema: databaseSchema,
    applicationName: 'sivo cells',
    log: createLog({ level: 'warn', readable: true }),
  })
}

function vaultOf(key: string | undefined, former?: string): Vault {
  const { secretsKey, formerSecretsKeys } = readConfig({
    DATABASE_URL: 'postgres://localhost/any',
    SIVO_OPERATOR_KEY: 'of no use for a vault of secrets'.replaceAll(' ', '-'),
    SIVO_SECRETS_KEY: key,
    SIVO_SECRETS_KEYS_FORMER: former,
  }) as Config & { secretsKey: Buffer }
  return createVault([secretsKey, ...formerSecretsKeys])
}

async function requireMigrated(name: string, access: DatabaseAccess): Promise<void> {
  const client = await openConnection(access, 'tool')
  try {
    if (!(await migrationsAreCurrent(client)))
      throw new DatabaseUnfit(
        `Expected the ${name} to be migrated to this version, got another state. Run npm run migrate there.`,
      )
  } finally {
    await client.end()
  }
}
