// Encrypts secrets at rest: AES-256-GCM with the key of the deployment, bound to their owner. A sealed text that was moved
// to another tenant or endpoint does not open. A text that a former key sealed opens while that key is configured.

import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto'

const VERSION = 1
const KEY_ID_BYTES = 4
const IV_BYTES = 12
const TAG_BYTES = 16
const HEAD_BYTES = 1 + KEY_ID_BYTES + IV_BYTES + TAG_BYTES

export type Vault = {
  /** Seals a text. `belongsTo` names its owner; `open` needs the same name. */
  seal(text: string, belongsTo: string): Buffer
  /** Opens a sealed text. Throws VaultError if the owner, the key or the bytes differ from those of the sealing. */
  open(sealed: Uint8Array, belongsTo: string): string
  /** Whether the current key sealed it. */
  isCurrent(sealed: Uint8Array): boolean
}

export class VaultError extends Error {
  override name = 'VaultError'
}

/** `keys` are 32 bytes each. The first one seals; all of them open. */
export function createVault(keys: readonly Buffer[]): Vault {
  const byId = new Map(keys.map((key) => [keyId(key).toString('hex'), key]))
  const current = keys[0]
  if (!current) throw new VaultError('Expected at least one key of 32 bytes, got none.')
  const currentId = keyId(current)
  return {
    seal(text, belongsTo) {
      const iv = randomBytes(IV_BYTES)
      const cipher = createCipheriv('aes-256-gcm', current, iv)
      cipher.setAAD(Buffer.from(belongsTo))
      const sealed = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()])
      return Buffer.concat([Buffer.of(VERSION), currentId, iv, cipher.getAuthTag(), sealed])
    },
    open(sealed, belongsTo) {
      const bytes = Buffer.from(sealed.buffer, sealed.byteOffset, sealed.byteLength)
      if (bytes.length < HEAD_BYTES || bytes[0] !== VERSION)
        throw new VaultError('Expected a sealed secret, got bytes in another format.')
      const id = bytes.subarray(1, 1 + KEY_ID_BYTES).toString('hex')
      const key = byId.get(id)
      if (!key)
        throw new VaultError(
          `Expected the key ${id}, which sealed this secret, among the configured keys; it is missing. Add it to SIVO_SECRETS_KEYS_FORMER.`,
        )
      const iv = bytes.subarray(1 + KEY_ID_BYTES, 1 + KEY_ID_BYTES + IV_BYTES)
      const decipher = createDecipheriv('aes-256-gcm', key, iv)
      decipher.setAAD(Buffer.from(belongsTo))
      decipher.setAuthTag(bytes.subarray(HEAD_BYTES - TAG_BYTES, HEAD_BYTES))
      try {
        return Buffer.concat([decipher.update(bytes.subarray(HEAD_BYTES)), decipher.final()]).toString('utf8')
      } catch {
        throw new VaultError(
          'Expected a secret that was sealed for this owner, got one that was sealed for another owner or was changed.',
        )
      }
    },
    isCurrent: (sealed) => currentId.equals(sealed.subarray(1, 1 + KEY_ID_BYTES)),
  }
}

/** The owner to which a secret or header of an endpoint is bound. */
export function belongsToEndpoint(tenantId: string, endpointId: string): string {
  return `${tenantId}|${endpointId}`
}

/** The owner to which an address of notices is bound. */
export function belongsToTenant(tenantId: string): string {
  return `${tenantId}|notices`
}

function keyId(key: Buffer): Buffer {
  return createHash('sha256').update(key).digest().subarray(0, KEY_ID_BYTES)
}
