// The audit log. An entry is written in the transaction of its change: both commit, or neither does. An entry holds ids, changed
// fields before and after (domain/endpoint/audited-facts.ts) and the caller's address, and never a secret, key, token or header value.

import type { Context, Viewer } from '../../context.ts'
import type { Queryable, Statement } from '../../database/pools.ts'
import { type IdKind, toPublicId } from '../../domain/values/id.ts'
import type { Prisma } from '../../generated/prisma/client.ts'

export type Transaction = Prisma.TransactionClient

const TRANSACTION_MS = 15_000
const WAIT_FOR_CONNECTION_MS = 5_000

/** Runs an administrator's change in one transaction; `now` is the database's time, the same for all it writes. */
export function administer<T>(ctx: Context, work: (tx: Transaction, now: Date) => Promise<T>): Promise<T> {
  return ctx.db.$transaction(
    async (tx) => {
      const [row] = await tx.$queryRaw<{ now: Date }[]>`select date_trunc('milliseconds', now()) as now`
      return work(tx, row!.now)
    },
    { timeout: TRANSACTION_MS, maxWait: WAIT_FOR_CONNECTION_MS },
  )
}

/** Runs statements of the delivery path in an administrator's transaction. */
export function throughPrisma(tx: Transaction): Queryable {
  return { query: ({ text }, values) => tx.$queryRawUnsafe(text, ...values) }
}

/** Who made a change: a caller with a key or a session, the gateway itself, or the settings of its start. */
export type Actor = Viewer | 'gateway' | 'configuration'

export type AuditFact = {
  /** null: the change concerns no single tenant. */
  readonly tenantId: string | null
  /** With a dot, in the past tense: `endpoint.created`. */
  readonly action: string
  readonly target: { readonly kind: IdKind; readonly id: string } | null
  readonly details?: Prisma.InputJsonObject | undefined
}

const AUDIT: Statement = {
  name: 'record-audit',
  text: `
    insert into audit_entry (tenant_id, at, actor, action, target_id, details)
    values ($1::uuid, date_trunc('milliseconds', now()), $2, $3, $4, $5::jsonb)`,
}

/** Writes an entry with the time of the transaction. */
export function recordAudit(tx: Transaction, actor: Actor, fact: AuditFact): Promise<void> {
  return auditOnHot(throughPrisma(tx), actor, fact)
}

/** The same in a transaction of the delivery path. */
export async function auditOnHot(on: Queryable, actor: Actor, fact: AuditFact): Promise<void> {
  const targetId = fact.target && toPublicId(fact.target.kind, fact.target.id)
  const address = typeof actor === 'string' ? undefined : actor.address
  const details =
    fact.details === undefined && address === undefined
      ? null
      : JSON.stringify({ ...fact.details, ...(address !== undefined && { clientAddress: address }) })
  await on.query(AUDIT, [fact.tenantId, nameWithId(actor), fact.action, targetId, details])
}

/** The name of who made a change, as everybody may see it. */
export function nameOf(actor: Actor): string {
  return typeof actor === 'string' ? actor : actor.name
}

/** The name, with the id of the key or session: `Ana (key_01…)`, `Ana (ses_01…)`. */
function nameWithId(actor: Actor): string {
  if (typeof actor === 'string') return actor
  const { kind, id } = actor.credential
  return `${actor.name} (${toPublicId(kind === 'key' ? 'apiKey' : 'consoleSession', id)})`
}
