// Idempotency keys of mutations that make something: a call that is repeated with its key makes nothing more. A key belongs
// to a tenant and a mutation, and is kept for at least a day, as the keys of events are.

import { ConflictError } from '../../errors.ts'
import type { Transaction } from '../state/audit.ts'

export type KeyedMutation = 'createEndpoint' | 'retryDeadLetters' | 'retryWaiting' | 'replayEvents'

export type MutationCall = {
  readonly tenantId: string
  readonly mutation: KeyedMutation
  readonly key: string
  /** What this call makes if it is the first one with its key. */
  readonly targetId: string
  readonly fingerprint: Buffer
}

/** What the first call with a key made. */
export type EarlierCall = { readonly targetId: string; readonly fingerprint: Uint8Array }

/**
 * Takes the key for this call. Returns the earlier call that has it, or null if this is the first one. Of two calls at the
 * same time, the second one waits for the first one's commit.
 */
export async function takeMutationKey(tx: Transaction, call: MutationCall): Promise<EarlierCall | null> {
  const { tenantId, mutation, key, targetId, fingerprint } = call
  for (;;) {
    const taken = await tx.$executeRaw`
      insert into mutation_key (tenant_id, mutation, key, target_id, fingerprint)
      values (${tenantId}::uuid, ${mutation}, ${key}, ${targetId}::uuid, ${fingerprint})
      on conflict do nothing`
    if (taken === 1) return null
    // A statement of its own: the snapshot of the insert does not see the key that it waited for.
    const earlier = await tx.mutationKey.findUnique({
      where: { tenantId_mutation_key: { tenantId, mutation, key } },
      select: { targetId: true, fingerprint: true },
    })
    // It is null if the key was purged between the two statements.
    if (earlier) return earlier
  }
}

/** Throws IDEMPOTENCY_CONFLICT unless the earlier call asked for the same. */
export function requireSameCall(isSame: boolean, path: string[]): void {
  if (isSame) return
  throw new ConflictError(
    'Expected the same content as in the first call with this idempotency key, got other content. Use a new key for something new.',
    'IDEMPOTENCY_CONFLICT',
    path,
  )
}
