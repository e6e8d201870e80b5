// The parts of a deployment without settings: an embedded Postgres, and keys that the first start creates, in one folder.

import { randomBytes } from 'node:crypto'
import { access, constants, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import type { Logger } from 'pino'
import { ConfigurationError } from '../config/setting.ts'
import type { Config, ReadyConfig } from '../config.ts'
import { KEY_PREFIX, makeToken } from '../domain/access/credential.ts'
import { startPostgres } from './postgres.ts'

export { PostgresUnavailable } from './postgres.ts'

export type Embedded = {
  readonly config: ReadyConfig
  /** Stops Postgres. Call it after everything else is closed. */
  close(): Promise<void>
}

/**
 * Starts Postgres in `dataDir`, and reads or creates the keys that are not configured. Throws PostgresUnavailable, and
 * ConfigurationError for a folder that cannot be made or written.
 */
export async function openEmbedded(config: Config, log: Logger, onLost: (error: Error) => void): Promise<Embedded> {
  const dataDir = resolve(config.dataDir)
  try {
    await mkdir(dataDir, { recursive: true })
    await access(dataDir, constants.W_OK | constants.X_OK)
  } catch (error) {
    throw new ConfigurationError([
      `SIVO_DATA_DIR: expected a folder that this user may make and write, got ${JSON.stringify(dataDir)} (${(error as NodeJS.ErrnoException).code}). Choose another folder, or set DATABASE_URL.`,
    ])
  }
  const quiet = (level: 'debug' | 'warn' | 'error') => (message: string) => log[level](`postgres: ${message}`)
  const postgres = await startPostgres({
    dataDir: join(dataDir, 'postgres'),
    log: { debug: quiet('debug'), info: quiet('debug'), warn: quiet('warn'), error: quiet('error') },
    onUnexpectedExit: onLost,
  })
  return {
    config: {
      ...config,
      databaseUrl: postgres.url,
      operatorKey:
        config.operatorKey ??
        (await kept(join(dataDir, 'operator-key'), () => makeToken(KEY_PREFIX, config.cell, randomBytes))),
      secretsKey:
        config.secretsKey ??
        Buffer.from(await kept(join(dataDir, 'secrets-key'), () => randomBytes(32).toString('base64')), 'base64'),
    },
    close: () => postgres.stop(),
  }
}

/** The text kept in a file only its owner can read; made when it is not there yet. */
async function kept(path: string, make: () => string): Promise<string> {
  try {
    return (await readFile(path, 'utf8')).trim()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    const made = make()
    await writeFile(path, `${made}\n`, { mode: 0o600, flag: 'wx' })
    return made
  }
}
