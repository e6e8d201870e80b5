// What an administrator did, written in the transaction that did it: both are there, or neither. Names of changed
// fields and ids go in; secrets, keys, tokens, URLs and header values never do.

import type { Context, Viewer } from '../../context.ts'
import type { Queryable, Statement } from '../../database/pools.ts'
import { type IdKind, toPublicId } from '../../domain/id.ts'
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

export type AuditFact = {
  /** null: it concerns no single tenant. */
  tenantId: string | null
  /** Dotted, past tense: `endpoint.created`. */
  action: string
  target: { kind: IdKind; id: string } | null
  details?: Prisma.InputJsonObject
}

/** Writes who did what. */
export async function recordAudit(tx: Transaction, viewer: Viewer, at: Date, fact: AuditFact): Promise<void> {
  await tx.auditEntry.create({
    data: {
      tenantId: fact.tenantId,
      at,
      actor: actorOf(viewer),
      action: fact.action,
      targetId: fact.target && toPublicId(fact.target.kind, fact.target.id),
      details: fact.details,
    },
  })
}

const AUDIT: Statement = {
  name: 'record-audit',
  text: 'insert into audit_entry (tenant_id, actor, action, target_id, details) values ($1, $2, $3, $4, $5)',
}

/** The same in a transaction of the delivery path. */
export async function auditOnHot(tx: Queryable, viewer: Viewer, fact: AuditFact): Promise<void> {
  const targetId = fact.target && toPublicId(fact.target.kind, fact.target.id)
  await tx.query(AUDIT, [fact.tenantId, actorOf(viewer), fact.action, targetId, fact.details ?? null])
}

/** The viewer's name and what proved it: `Ana (key_01…)` or `Ana (ses_01…)`. */
function actorOf({ name, credential }: Viewer): string {
  return `${name} (${toPublicId(credential.kind === 'key' ? 'apiKey' : 'consoleSession', credential.id)})`
}
