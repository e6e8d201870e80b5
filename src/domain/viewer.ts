// Whose data a request is about: the one place that says which tenant a caller means and may mean. A tenant the caller
// may not see is unknown to it; being forbidden is about roles alone.

import type { Role } from '../generated/prisma/enums.ts'
import { fromPublicId } from './id.ts'

type Caller = { readonly role: Role; readonly tenantId: string | null }

/** An operator's reach over things addressed by their id; nobody else has it. */
export const ANY_TENANT = Symbol('any tenant')

/** Which tenants' rows a finder may return: one tenant's (its database id), or any. There is no finder without one. */
export type Reach = string | typeof ANY_TENANT

/** What the caller may look up by id. null: a caller without a tenant that is no operator sees nothing. */
export function reachOf(caller: Caller): Reach | null {
  return caller.role === 'OPERATOR' ? ANY_TENANT : caller.tenantId
}

/** The part of a `where` that keeps a finder within its reach. */
export function withinReach(reach: Reach): { tenantId?: string } {
  return reach === ANY_TENANT ? {} : { tenantId: reach }
}

/**
 * Which tenant a list or a tenant-scoped mutation is about. `named` is the public id the request gave, if it gave one.
 * `certain` says that the tenant is the caller's own; any other that is named may not exist and has to be looked up.
 */
export type MeantTenant =
  | { readonly tenantId: string; readonly certain: boolean }
  | { readonly refused: 'must-be-named' | 'unknown' }

/** Decides which tenant the caller means: its own, or the one that a caller for all tenants has to name. */
export function meantTenant(caller: Caller, named: string | null | undefined): MeantTenant {
  const own = caller.role === 'OPERATOR' ? null : caller.tenantId
  if (named == null) return own === null ? { refused: 'must-be-named' } : { tenantId: own, certain: true }
  const tenantId = fromPublicId('tenant', named)
  if (tenantId === null || (own !== null && tenantId !== own)) return { refused: 'unknown' }
  return { tenantId, certain: own !== null }
}
