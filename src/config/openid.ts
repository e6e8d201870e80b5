// The OpenID provider with which people sign in to the console.

import { type ClaimRules, parseRoleRules } from '../domain/access/openid.ts'
import { fromPublicId } from '../domain/values/id.ts'
import { type Environment, isSet, type Read } from './setting.ts'

export type OpenIdConfig = ClaimRules & {
  readonly issuer: string
  readonly clientId: string
  readonly clientSecret: string
  readonly scopes: string
  /** What the button of the sign-in page calls the provider. */
  readonly label: string
}

/** null: none is set. */
export function readOpenId(read: Read): OpenIdConfig | null {
  const issuer = read('SIVO_OIDC_ISSUER', '', 'the https URL of an OpenID provider, without a query', readIssuer)
  const clientId = read('SIVO_OIDC_CLIENT_ID', '', 'a text', (text) => text)
  const clientSecret = read('SIVO_OIDC_CLIENT_SECRET', '', 'a text', (text) => text)
  const scopes = read(
    'SIVO_OIDC_SCOPES',
    'openid profile email',
    'scopes separated by spaces, among them openid',
    (text) => (text.split(/\s+/).includes('openid') ? text : undefined),
  )
  const rolesClaim = read('SIVO_OIDC_ROLES_CLAIM', 'roles', 'the name of a claim', (text) => text)
  const roles = read(
    'SIVO_OIDC_ROLES',
    'OPERATOR=OPERATOR,ADMIN=ADMIN,VIEWER=VIEWER',
    'pairs of a value and OPERATOR, ADMIN or VIEWER, such as webhook-admins=ADMIN,support=VIEWER',
    parseRoleRules,
  )
  const tenantClaim = read('SIVO_OIDC_TENANT_CLAIM', 'sivo_tenant', 'the name of a claim', (text) => text)
  const tenantId = read('SIVO_OIDC_TENANT', '', 'the id of a tenant, ten_…', (text) =>
    text === '' ? null : (fromPublicId('tenant', text) ?? undefined),
  )
  const label = read('SIVO_OIDC_LABEL', '', 'a short text', (text) => (text.length <= 60 ? text : undefined))
  if (!issuer) return null
  const rules = { rolesClaim, roles, tenantClaim, tenantId }
  return { issuer, clientId, clientSecret, scopes, label: label || new URL(issuer).host, ...rules }
}

/** Settings of OpenID Connect that need another one. */
export function openIdProblems(openId: OpenIdConfig | null, publicUrl: string | null, env: Environment): string[] {
  if (!isSet(env, 'SIVO_OIDC_ISSUER'))
    return Object.keys(env)
      .filter((name) => /^SIVO_OIDC_/.test(name) && isSet(env, name))
      .map((name) => `${name}: expected SIVO_OIDC_ISSUER beside it, got none. Set both, or neither.`)
  if (!openId) return []
  const missing = ['SIVO_OIDC_CLIENT_ID', 'SIVO_OIDC_CLIENT_SECRET']
    .filter((name) => !isSet(env, name))
    .map((name) => `${name}: expected it beside SIVO_OIDC_ISSUER, got nothing. Take it from the provider.`)
  if (publicUrl === null && !isSet(env, 'SIVO_PUBLIC_URL'))
    missing.push(
      'SIVO_PUBLIC_URL: expected it beside SIVO_OIDC_ISSUER, got nothing. The provider sends people back to it.',
    )
  return missing
}

/** null: none is given. */
function readIssuer(text: string): string | null | undefined {
  if (text === '') return null
  const { protocol, username, search, hash, href } = new URL(text)
  return protocol === 'https:' && username === '' && search === '' && hash === '' ? href : undefined
}
