// node scripts/bootstrap.mjs src/cli/rewrap-secrets.ts: seals all secrets again, with the key in SIVO_SECRETS_KEY.
// SIVO_SECRETS_KEYS_FORMER must hold the keys that open them. Exit codes: 0 if no former key is needed afterwards, 1 if
// some are, 78 if the configuration is not valid, 69 if the database cannot be reached.

import { PrismaPg } from '@prisma/adapter-pg'
import { ConfigurationError, EXIT_CONFIGURATION } from '../config/setting.ts'
import { type ReadyConfig, readConfig } from '../config.ts'
import { migrate } from '../database/migrate.ts'
import { openAccess, openPool } from '../database/pools.ts'
import { databaseOf } from '../databases.ts'
import { openEmbedded } from '../dev/embedded.ts'
import { toPublicId } from '../domain/values/id.ts'
import { rewrapSecrets } from '../gateway/admin/rewrap-secrets.ts'
import { PrismaClient } from '../generated/prisma/client.ts'
import { createLog } from '../log.ts'
import { createVault } from '../vault.ts'

const EXIT_UNAVAILABLE = 69

try {
  process.exitCode = await main()
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n`)
  process.exitCode = error instanceof ConfigurationError ? EXIT_CONFIGURATION : EXIT_UNAVAILABLE
}

async function main(): Promise<number> {
  const config = readConfig(process.env)
  const log = createLog({ level: 'warn', readable: true })
  const embedded = config.databaseUrl === null ? await openEmbedded(config, log, (error) => log.fatal(error)) : null
  const ready = (embedded?.config ?? config) as ReadyConfig
  const { secretsKey } = ready
  const access = openAccess({ ...databaseOf(ready), applicationName: 'sivo rewrap', log })
  const pool = openPool(access, 'tool', 2)
  const adapter = new PrismaPg(pool, { schema: access.schema, disposeExternalPool: true })
  const db = new PrismaClient({ adapter })
  try {
    await migrate(access)
    const { sealed, current, unreadable, unreadableRecipients } = await rewrapSecrets(
      db,
      createVault([secretsKey!, ...config.formerSecretsKeys]),
    )
    process.stdout.write(
      `Sealed ${sealed} secrets, header values and addresses of notices with the current key; ${current} already had it.\n`,
    )
    const names = [
      ...unreadable.map((id) => toPublicId('endpoint', id)),
      ...unreadableRecipients.map((id) => toPublicId('noticeRecipient', id)),
    ]
    if (names.length === 0) return 0
    process.stderr.write(
      `Expected keys that open all secrets, got none for those of ${names.length} owners: ${names.join(', ')}. Add the key that sealed them to SIVO_SECRETS_KEYS_FORMER and run this again.\n`,
    )
    return 1
  } finally {
    await db.$disconnect()
    await embedded?.close()
  }
}
