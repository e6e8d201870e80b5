import { randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import { belongsToEndpoint, belongsToTenant, createVault, VaultError } from '../src/vault.ts'

const key = Buffer.alloc(32, 1)
const other = Buffer.alloc(32, 2)
const mine = belongsToEndpoint('tenant-a', 'endpoint-1')

test('what is sealed opens again, and is never the same twice', () => {
  const vault = createVault([key])
  for (const text of ['', 'whsec_abc', 'schöner Gruß ✓', 'x'.repeat(10_000)]) {
    const sealed = vault.seal(text, mine)
    expect(vault.open(sealed, mine)).toBe(text)
    expect(sealed.includes(Buffer.from(text || 'never'))).toBe(false)
    expect(vault.seal(text, mine)).not.toEqual(sealed)
  }
})

test('a sealed text that was swapped to another endpoint or tenant does not open', () => {
  const vault = createVault([key])
  const sealed = vault.seal('whsec_abc', mine)
  for (const owner of [
    belongsToEndpoint('tenant-a', 'endpoint-2'),
    belongsToEndpoint('tenant-b', 'endpoint-1'),
    belongsToEndpoint('tenant-a|endpoint-1', ''),
    belongsToTenant('tenant-a'),
    '',
  ])
    expect(() => vault.open(sealed, owner)).toThrow(VaultError)
})

test('an address of notices opens for its own tenant alone', () => {
  const vault = createVault([key])
  const sealed = vault.seal('ops@example.com', belongsToTenant('tenant-a'))
  expect(vault.open(sealed, belongsToTenant('tenant-a'))).toBe('ops@example.com')
  for (const owner of [belongsToTenant('tenant-b'), mine]) expect(() => vault.open(sealed, owner)).toThrow(VaultError)
})

test('a single changed bit does not open', () => {
  const vault = createVault([key])
  const sealed = vault.seal('whsec_abc', mine)
  for (let at = 0; at < sealed.length; at++) {
    const changed = Buffer.from(sealed)
    changed[at]! ^= 1
    expect(() => vault.open(changed, mine), `byte ${at}`).toThrow(VaultError)
  }
  for (const length of [0, 1, 32, sealed.length - 1])
    expect(() => vault.open(sealed.subarray(0, length), mine)).toThrow(VaultError)
})

test('a retired key opens what it sealed; the first key seals', () => {
  const old = createVault([other]).seal('whsec_abc', mine)
  const vault = createVault([key, other])
  expect(vault.open(old, mine)).toBe('whsec_abc')
  expect(vault.isCurrent(old)).toBe(false)
  expect(vault.isCurrent(vault.seal('x', mine))).toBe(true)
  expect(() => createVault([key]).open(old, mine)).toThrow(/SIVO_SECRETS_KEY/)
  expect(() => createVault([])).toThrow(VaultError)
})

test('a view into a larger buffer is read where it lies', () => {
  const vault = createVault([randomBytes(32)])
  const sealed = vault.seal('whsec_abc', mine)
  const shared = new Uint8Array(sealed.length + 20)
  shared.set(sealed, 10)
  expect(vault.open(shared.subarray(10, 10 + sealed.length), mine)).toBe('whsec_abc')
})
