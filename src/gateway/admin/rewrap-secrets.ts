// Seals all signing secrets, header values and addresses of notices under the current key, so that a former key can be removed.
// It may run beside a gateway, and again after an interruption. The secrets of an endpoint change together in one transaction.
// Values that the current key sealed stay as they are. Values that no given key opens stay too, and are counted. Nothing that a
// user sees of an endpoint changes.

import type { PrismaClient } from '../../generated/prisma/client.ts'
import { belongsToEndpoint, belongsToTenant, type Vault, VaultError } from '../../vault.ts'
import type { StoredHeader } from './endpoint-input.ts'

const BATCH = 200

export type Rewrapped = {
  /** The number of secrets, header values and addresses that were sealed under the current key now. */
  sealed: number
  /** The number of those that were under the current key already. */
  current: number
  /** Endpoints with a value that no given key opens. All their values stay as they were. */
  unreadable: string[]
  /** Recipients of notices whose address no given key opens. */
  unreadableRecipients: string[]
}

/** Handles all recipients of notices and all endpoints, also deleted ones. Throws what the database throws. */
export async function rewrapSecrets(db: PrismaClient, vault: Vault): Promise<Rewrapped> {
  const done: Rewrapped = { sealed: 0, current: 0, unreadable: [], unreadableRecipients: [] }
  await rewrapRecipients(db, vault, done)
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
      // The lock that an administrator's change takes too: neither overwrites the other.
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

async function rewrapRecipients(db: PrismaClient, vault: Vault, done: Rewrapped): Promise<void> {
  const recipients = await db.noticeRecipient.findMany({
    where: { tenantId: { not: null } },
    select: { id: true, tenantId: true, sealed: true },
  })
  for (const { id, tenantId, sealed } of recipients) {
    if (tenantId === null || sealed === null) continue
    if (vault.isCurrent(sealed)) {
      done.current++
      continue
    }
    const owner = belongsToTenant(tenantId)
    try {
      const again = new Uint8Array(vault.seal(vault.open(sealed, owner), owner))
      // A recipient that was removed meanwhile stays removed. Nothing else changes its address.
      done.sealed += (await db.noticeRecipient.updateMany({ where: { id }, data: { sealed: again } })).count
    } catch (error) {
      if (!(error instanceof VaultError)) throw error
      done.unreadableRecipients.push(id)
    }
  }
}
