import { expect, test } from 'vitest'
import { type ClaimRules, decidePerson, parseRoleRules } from '../../../src/domain/access/openid.ts'
import { toPublicId } from '../../../src/domain/values/id.ts'

const TENANT = '01890000-0000-7000-8000-000000000001'
const OTHER = '01890000-0000-7000-8000-000000000002'
const ten = toPublicId('tenant', TENANT)

const RULES: ClaimRules = {
  rolesClaim: 'groups',
  roles: parseRoleRules('ops=OPERATOR,webhook admins=ADMIN,support=VIEWER')!,
  tenantClaim: 'sivo_tenant',
  tenantId: null,
}

test('a person has the highest role of its groups, and the tenant that its claim names', () => {
  const claims = { sub: '1', name: 'Ana Ruiz', sivo_tenant: ten }
  expect(decidePerson({ ...claims, groups: ['support', 'x', 'webhook admins'] }, RULES)).toEqual({
    name: 'Ana Ruiz',
    role: 'ADMIN',
    tenantId: TENANT,
  })
  expect(decidePerson({ ...claims, groups: ['support'] }, RULES)).toMatchObject({ role: 'VIEWER' })
  expect(decidePerson({ ...claims, groups: ['support', 'ops'] }, RULES)).toEqual({
    name: 'Ana Ruiz',
    role: 'OPERATOR',
    tenantId: null,
  })
})

test('groups may be a list, one text, or a text with spaces, under a plain, dotted or nested name', () => {
  const claims = { sub: '1', sivo_tenant: ten }
  for (const groups of [['support'], 'support', 'x support', 'x,support'])
    expect(decidePerson({ ...claims, groups }, RULES)).toMatchObject({ role: 'VIEWER' })
  expect(decidePerson({ ...claims, groups: 'webhook admins' }, RULES)).toMatchObject({ role: 'ADMIN' })
  const nested = { ...RULES, rolesClaim: 'realm_access.roles' }
  expect(decidePerson({ ...claims, realm_access: { roles: ['support'] } }, nested)).toMatchObject({ role: 'VIEWER' })
  const namespaced = { ...RULES, rolesClaim: 'https://sivo.example/roles' }
  expect(decidePerson({ ...claims, 'https://sivo.example/roles': ['support'] }, namespaced)).toMatchObject({
    role: 'VIEWER',
  })
})

test('a person without a known group is refused, with the claim, what was expected and what came', () => {
  for (const groups of [undefined, [], ['admin'], 'OPS', 7, { ops: true }, ['__proto__', 'constructor']])
    expect(decidePerson({ sub: '1', sivo_tenant: ten, groups }, RULES)).toMatchObject({ refused: 'no_role' })
  expect(decidePerson({ sub: '1', groups: ['admin'] }, RULES)).toEqual({
    refused: 'no_role',
    why: 'Expected in the claim groups one of ops, webhook admins, support, got admin.',
  })
})

test('a person who is no operator needs exactly one tenant, or the one of the settings', () => {
  const claims = { sub: '1', groups: 'support' }
  for (const sivo_tenant of [undefined, 'acme', [ten, toPublicId('tenant', OTHER)], toPublicId('endpoint', TENANT)])
    expect(decidePerson({ ...claims, sivo_tenant }, RULES)).toMatchObject({ refused: 'no_tenant' })
  const withDefault = { ...RULES, tenantId: OTHER }
  expect(decidePerson(claims, withDefault)).toMatchObject({ tenantId: OTHER })
  expect(decidePerson({ ...claims, sivo_tenant: [ten] }, withDefault)).toMatchObject({ tenantId: TENANT })
  // A claim that is wrong does not fall back to another tenant.
  expect(decidePerson({ ...claims, sivo_tenant: 'acme' }, withDefault)).toMatchObject({ refused: 'no_tenant' })
})

test('a person is called by the first name that can be shown', () => {
  const claims = { sub: 'u-1', groups: 'ops' }
  const nameOf = (more: object) => (decidePerson({ ...claims, ...more }, RULES) as { name: string }).name
  expect(nameOf({ name: 'Ana', email: 'ana@example.com' })).toBe('Ana')
  expect(nameOf({ name: ' ', preferred_username: 'a\nb', email: 'ana@example.com' })).toBe('ana@example.com')
  expect(nameOf({})).toBe('u-1')
})

test('rules for roles are pairs of a value and a role of people', () => {
  expect([...parseRoleRules('a=b=ADMIN, c = VIEWER')!]).toEqual([
    ['a=b', 'ADMIN'],
    ['c', 'VIEWER'],
  ])
  for (const text of ['', 'a', 'a=PUBLISHER', '=ADMIN', 'a=ADMIN,', 'a=admin'])
    expect(parseRoleRules(text)).toBeUndefined()
})
