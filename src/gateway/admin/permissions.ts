// What each role may do. `domain/access/viewer.ts` decides which tenant's objects a caller may see: an object of another tenant is
// not forbidden, it does not exist.

import type { Viewer } from '../../context.ts'
import { NotFoundError, RequestError } from '../../errors.ts'
import type { Role } from '../../generated/prisma/enums.ts'

const ADMINISTRATORS: readonly Role[] = ['OPERATOR', 'ADMIN']

/** Throws FORBIDDEN unless the viewer administers one tenant or all tenants. `doing` completes "may …". */
export function requireAdministrator(viewer: Viewer, doing: string): void {
  requireRole(viewer, ADMINISTRATORS, doing)
}

/** Throws FORBIDDEN unless the viewer has one of the roles. `doing` completes "may …". */
export function requireRole(viewer: Viewer, roles: readonly Role[], doing: string): void {
  if (roles.includes(viewer.role)) return
  throw new RequestError(
    'FORBIDDEN',
    `Expected a role that may ${doing} (${roles.join(' or ')}), got ${viewer.role}. Ask with another key.`,
  )
}

/**
 * Throws FORBIDDEN unless the viewer may grant this role. Operators may grant any role, admins ADMIN and VIEWER, others none.
 */
export function requireRightToGrant(viewer: Viewer, role: Role): void {
  requireAdministrator(viewer, 'grant access')
  if (viewer.role === 'OPERATOR' || role === 'ADMIN' || role === 'VIEWER') return
  throw new RequestError(
    'FORBIDDEN',
    `Expected a role that an ADMIN may grant (ADMIN or VIEWER), got ${role}. Ask an operator.`,
  )
}

/** Whether the caller may name this tenant: operators any, others their own. */
export function mayMeanTenant(viewer: Viewer, tenantId: string): boolean {
  return viewer.role === 'OPERATOR' || viewer.tenantId === tenantId
}

/** The error for an object that does not exist, or not for this caller. */
export function notFound(what: string, path: string[]): NotFoundError {
  return new NotFoundError(
    `Expected the id of a known ${what}, got another one. Check the id, and that your key belongs to its tenant.`,
    path,
  )
}

/** Whether the text has the form of a database id. Other text cannot name a row. */
export function isDatabaseId(id: string): boolean {
  return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id)
}
