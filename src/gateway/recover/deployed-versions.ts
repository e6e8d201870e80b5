// Which version of the gateway ran since when. While old and new processes run side by side, a process of the old version that
// starts again counts as one more change.

import type { PrismaClient } from '../../generated/prisma/client.ts'

export type DeployedVersion = { readonly version: string; readonly at: Date }

const MOST_SHOWN = 50

/** Notes that a process of this version starts, unless the last one that started had the same. */
export async function noteVersion(db: PrismaClient, version: string): Promise<void> {
  await db.$executeRaw`
    insert into deployed_version (version)
    select ${version} where ${version} is distinct from (select version from deployed_version order by id desc limit 1)`
}

/** The versions that started, the newest first. Processes that start at once may have noted one twice. */
export async function listVersions(db: PrismaClient): Promise<DeployedVersion[]> {
  const rows = await db.deployedVersion.findMany({ orderBy: { id: 'desc' }, take: MOST_SHOWN })
  return rows.filter(({ version }, index) => version !== rows[index + 1]?.version)
}
