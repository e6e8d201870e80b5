// What the claims of an OpenID provider mean here: who the person is, which role and which tenant. The provider says who signs
// in; the settings say what its words mean.

import type { Role } from '../../generated/prisma/enums.ts'
import { validateName } from '../values/display-name.ts'
import { fromPublicId } from '../values/id.ts'

/** The roles of people, the one that may do most first. */
const ROLES = ['OPERATOR', 'ADMIN', 'VIEWER'] as const satisfies readonly Role[]
export type PersonRole = (typeof ROLES)[number]

export type ClaimRules = {
  /** The claim with the person's roles or groups. */
  readonly rolesClaim: string
  /** What each value of that claim means. */
  readonly roles: ReadonlyMap<string, PersonRole>
  /** The claim with the tenant's id. */
  readonly tenantClaim: string
  /** The database id of the tenant of people without that claim; null: they are refused. */
  readonly tenantId: string | null
}

export type Claims = Readonly<Record<string, unknown>>

export type Person = {
  readonly name: string
  readonly role: PersonRole
  /** null for operators. */
  readonly tenantId: string | null
}

/** Why a person may not sign in, for the log of the gateway. */
export type NoEntry = { readonly refused: 'no_role' | 'no_tenant'; readonly why: string }

/** Decides who a person with these claims is here. */
export function decidePerson(claims: Claims, rules: ClaimRules): Person | NoEntry {
  const values = textsOf(claimOf(claims, rules.rolesClaim))
  const granted = values.map((value) => rules.roles.get(value))
  const role = ROLES.find((each) => granted.includes(each))
  if (!role)
    return {
      refused: 'no_role',
      why: `Expected in the claim ${rules.rolesClaim} one of ${[...rules.roles.keys()].join(', ')}, got ${listed(values)}.`,
    }
  const name = nameOf(claims)
  if (role === 'OPERATOR') return { name, role, tenantId: null }
  const tenants = textsOf(claimOf(claims, rules.tenantClaim))
  const named = tenants.length === 1 ? fromPublicId('tenant', tenants[0]!) : null
  const tenantId = tenants.length === 0 ? rules.tenantId : named
  if (tenantId !== null) return { name, role, tenantId }
  return {
    refused: 'no_tenant',
    why: `Expected in the claim ${rules.tenantClaim} the id of one tenant, ten_…, got ${listed(tenants)}.`,
  }
}

/** Reads `group=ROLE,…`. Returns undefined for other texts. */
export function parseRoleRules(text: string): ReadonlyMap<string, PersonRole> | undefined {
  const rules = new Map<string, PersonRole>()
  for (const part of text.split(',')) {
    const at = part.lastIndexOf('=')
    const value = part.slice(0, at).trim()
    const role = ROLES.find((each) => each === part.slice(at + 1).trim())
    if (at < 0 || value === '' || !role) return undefined
    rules.set(value, role)
  }
  return rules
}

/** A claim by its name, or by the path to it: names of claims may hold dots themselves. */
function claimOf(claims: Claims, name: string): unknown {
  if (Object.hasOwn(claims, name)) return claims[name]
  let value: unknown = claims
  for (const part of name.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, part)) return undefined
    value = (value as Record<string, unknown>)[part]
  }
  return value
}

/** Providers give a list, or one text, which may be a list with spaces. */
function textsOf(value: unknown): string[] {
  if (Array.isArray(value)) return value.filter((each) => typeof each === 'string')
  if (typeof value !== 'string') return []
  return [...new Set([value, ...value.split(/[\s,]+/)])].filter((each) => each !== '')
}

function nameOf(claims: Claims): string {
  const names = [claims['name'], claims['preferred_username'], claims['email'], claims['sub']]
  const name = names.find((each): each is string => typeof each === 'string' && validateName(each) === null)
  return name ?? 'a person without a name'
}

const MOST_LISTED = 20
function listed(values: readonly string[]): string {
  return values.length === 0 ? 'none' : values.slice(0, MOST_LISTED).join(', ')
}
