// Seals every signing secret and header value anew under the current key, so that a former key can be thrown away. Safe
// beside a running gateway, and to be run again after it was broken off: an endpoint's secrets change together in one
// transaction, and what is sealed under the current key already is left alone. What no given key opens stays as it is
// and is counted; nothing that anybody sees of an endpoint changes.

import type { PrismaClient } from '../../generated/prisma/client.ts'
import { belongsToEndpoint, type Vault, VaultError } from '../../vault.ts'
import type { StoredHeader } from './configure-endpoint.ts'

const BATCH = 200

export type Rewrapped = {
  /** Secrets and header values that were sealed anew. */
  sealed: number
  /** Those that were under the current key already. */
  current: number
  /** Endpoints of which no given key opens everything; all of theirs stays as it was. */
  unreadable: string[]
}

/** Goes through all endpoints, deleted ones too. Throws what the database throws. */
export async function rewrapSecrets(db: PrismaClient, vault: Vault): Promise<Rewrapped> {
  const done: Rewrapped = { sealed: 0, current: 0, unreadable: [] }
  let after: string | null = null
  for (;;) {
    const endpoints: { id: string; tenantId: string }[] = await db.endpoint.findMany({
      where: after === null ? {} : { id: { gt: after } },
      orderBy: { id: 'asc' },
      select: { id: true, tenantId: true },
      take: BATCH,
    })
    for (const endpoint of endpoints) await rewrapEndpoint(db, vault, endpoint, done)
    if (endpoints.length < BATCH) return done
    after = endpoints.at(-1)!.id
  }
}

async function rewrapEndpoint(
  db: PrismaClient,
  vault: Vault,
  { id, tenantId }: { id: string; tenantId: string },
  done: Rewrapped,
): Promise<void> {
  const owner = belongsToEndpoint(tenantId, id)
  const again = (sealed: Uint8Array) => vault.seal(vault.open(sealed, owner), owner)
  try {
    const counted = await db.$transaction(async (tx) => {
      await tx.$executeRaw`set local sivo.rewrapping = 'on'`
      // The same lock as for a change by an administrator: neither overwrites the other.
      await tx.$queryRaw`select id from endpoint where id = ${id}::uuid for no key update`
      const endpoint = await tx.endpoint.findUniqueOrThrow({ where: { id }, include: { secrets: true } })
      const headers = endpoint.headers as StoredHeader[]
      const oldHeaders = headers.filter(({ sealed }) => !vault.isCurrent(Buffer.from(sealed, 'base64')))
      const oldSecrets = endpoint.secrets.filter(({ sealed }) => !vault.isCurrent(sealed))
      for (const secret of oldSecrets)
        await tx.signingSecret.update({
          where: { id: secret.id },
          data: { sealed: new Uint8Array(again(secret.sealed)) },
        })
      if (oldHeaders.length > 0)
        await tx.endpoint.update({
          where: { id },
          data: {
            headers: headers.map((header) =>
              oldHeaders.includes(header)
                ? { ...header, sealed: again(Buffer.from(header.sealed, 'base64')).toString('base64') }
                : header,
            ),
          },
        })
      const sealed = oldHeaders.length + oldSecrets.length
      return { sealed, current: headers.length + endpoint.secrets.length - sealed }
    })
    done.sealed += counted.sealed
    done.current += counted.current
  } catch (error) {
    if (!(error instanceof VaultError)) throw error
    done.unreadable.push(id)
  }
}
