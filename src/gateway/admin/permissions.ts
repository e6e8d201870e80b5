// Who may do what, by role alone. Whose things they may do it to is `domain/viewer.ts`' business: a foreign thing is
// never forbidden, it does not exist.

import type { Viewer } from '../../context.ts'
import { NotFoundError, RequestError } from '../../errors.ts'
import type { Role } from '../../generated/prisma/enums.ts'

const ADMINISTRATORS: readonly Role[] = ['OPERATOR', 'ADMIN']

/** Throws FORBIDDEN unless the viewer administers a tenant or all of them. `doing` completes "may …". */
export function requireAdministrator(viewer: Viewer, doing: string): void {
  requireRole(viewer, ADMINISTRATORS, doing)
}

/** Throws FORBIDDEN unless the viewer has one of the roles. `doing` completes "may …". */
export function requireRole(viewer: Viewer, roles: readonly Role[], doing: string): void {
  if (roles.includes(viewer.role)) return
  throw new RequestError(
    'FORBIDDEN',
    `Expected a role that may ${doing} (${roles.join(' or ')}), came ${viewer.role}. Ask with another key.`,
  )
}

/**
 * Throws FORBIDDEN unless the viewer may hand out this role: an operator any, an admin ADMIN or VIEWER, nobody else.
 */
export function requireRightToGrant(viewer: Viewer, role: Role): void {
  requireAdministrator(viewer, 'grant access')
  if (viewer.role === 'OPERATOR' || role === 'ADMIN' || role === 'VIEWER') return
  throw new RequestError(
    'FORBIDDEN',
    `Expected a role that an ADMIN may grant (ADMIN or VIEWER), came ${role}. Ask an operator.`,
  )
}

/** True for a database id that the caller's tenant, if it has one, allows. */
export function mayMeanTenant(viewer: Viewer, tenantId: string): boolean {
  return viewer.role === 'OPERATOR' || viewer.tenantId === tenantId
}

/** The answer for a thing that is not there, or not for this caller. */
export function notFound(what: string, path: string[]): NotFoundError {
  return new NotFoundError(
    `Expected the id of a known ${what}, got another one. Check the id, and that your key belongs to its tenant.`,
    path,
  )
}

/** True for the text form of a database id; anything else cannot name a row. */
export function isDatabaseId(id: string): boolean {
  return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id)
}
