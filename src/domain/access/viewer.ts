// Decides which tenant a request concerns, and which tenants a caller may see. A tenant that the caller may not see is
// unknown to it. Only roles lead to FORBIDDEN.

import type { Role } from '../../generated/prisma/enums.ts'
import { fromPublicId } from '../values/id.ts'

type Caller = { readonly role: Role; readonly tenantId: string | null }

/** The reach of an operator: rows of every tenant. No other role has it. */
export const ANY_TENANT = Symbol('any tenant')

/** The tenants whose rows a finder may return: one tenant, by its database id, or any. Every finder requires a reach. */
export type Reach = string | typeof ANY_TENANT

/** The rows that the caller may look up by id; null if it sees none: a caller without a tenant that is not an operator. */
export function reachOf(caller: Caller): Reach | null {
  return caller.role === 'OPERATOR' ? ANY_TENANT : caller.tenantId
}

/** The part of a `where` that limits a finder to its reach. */
export function withinReach(reach: Reach): { tenantId?: string } {
  return reach === ANY_TENANT ? {} : { tenantId: reach }
}

/**
 * The tenant that a list or mutation concerns. `certain` means that it is the caller's own tenant; any other tenant may
 * not exist and must be looked up.
 */
export type MeantTenant =
  | { readonly tenantId: string; readonly certain: boolean }
  | { readonly refused: 'must-be-named' | 'unknown' }

/** Decides which tenant the caller means: its own, or the `named` public id, which callers for all tenants must give. */
export function meantTenant(caller: Caller, named: string | null | undefined): MeantTenant {
  const own = caller.role === 'OPERATOR' ? null : caller.tenantId
  if (named == null) return own === null ? { refused: 'must-be-named' } : { tenantId: own, certain: true }
  const tenantId = fromPublicId('tenant', named)
  if (tenantId === null || (own !== null && tenantId !== own)) return { refused: 'unknown' }
  return { tenantId, certain: own !== null }
}
