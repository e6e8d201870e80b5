// Where the database is.

import { AddressError, readAddress } from '../database/address.ts'
import { ConfigurationError, type Environment } from './setting.ts'

export type DatabaseConfig = {
  /** null for the embedded Postgres under `dataDir`. */
  readonly databaseUrl: string | null
  /** Used instead of `databaseUrl` for every connection, where that is a pooler in transaction mode. */
  readonly databaseDirectUrl: string | null
  /** A streaming standby from which lists are read; null: there is none. */
  readonly databaseReplicaUrl: string | null
  /** The schema of the tables. */
  readonly databaseSchema: string
}

/** The settings of the database alone, for commands that need no others. Throws ConfigurationError. */
export function readDatabaseConfig(env: Environment): DatabaseConfig {
  const problems: string[] = []
  const config = readDatabase(env, problems)
  if (problems.length) throw new ConfigurationError(problems)
  return config
}

export function readDatabase(env: Environment, problems: string[]): DatabaseConfig {
  const databaseUrl = readDatabaseUrl('DATABASE_URL', env, problems)
  const databaseDirectUrl = readDatabaseUrl('DATABASE_DIRECT_URL', env, problems)
  if (databaseDirectUrl !== null && databaseUrl === null)
    problems.push('DATABASE_DIRECT_URL: expected DATABASE_URL beside it, got none. Set both, or DATABASE_URL alone.')
  const databaseReplicaUrl = readReplicaUrl(env, problems)
  if (databaseReplicaUrl !== null && databaseUrl === null)
    problems.push('DATABASE_REPLICA_URL: expected DATABASE_URL beside it, got none. Set both, or neither.')
  const databaseSchema = env['SIVO_DATABASE_SCHEMA']?.trim() || 'public'
  if (!SCHEMA_NAME.test(databaseSchema) || OTHER_SCHEMAS.test(databaseSchema))
    problems.push(
      `SIVO_DATABASE_SCHEMA: expected a name of a-z, 0-9 and _ with at most 63 characters, none of Postgres' own, sivo or graphile_worker, got ${JSON.stringify(databaseSchema)}.`,
    )
  return { databaseUrl, databaseDirectUrl, databaseReplicaUrl, databaseSchema }
}

const SCHEMA_NAME = /^[a-z_][a-z0-9_]{0,62}$/
/** They hold something else. */
const OTHER_SCHEMAS = /^(pg_.*|information_schema|sivo|graphile_worker)$/

/** null: none is given. A problem does not show the text, which holds a password. */
function readDatabaseUrl(name: string, env: Environment, problems: string[]): string | null {
  const text = env[name]?.trim() ?? ''
  if (text === '') return null
  try {
    readAddress(text)
  } catch (error) {
    if (!(error instanceof AddressError)) throw error
    problems.push(...error.problems.map((problem) => `${name}: ${problem}`))
  }
  return text
}

function readReplicaUrl(env: Environment, problems: string[]): string | null {
  const before = problems.length
  const url = readDatabaseUrl('DATABASE_REPLICA_URL', env, problems)
  if (url !== null && problems.length === before && readAddress(url).wantsPrimary)
    problems.push(
      'DATABASE_REPLICA_URL: expected the URL of one standby without target_session_attrs, got several hosts or a wish for one that takes writes. Name one standby.',
    )
  return url
}
