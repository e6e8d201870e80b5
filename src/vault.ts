// Secrets at rest: AES-256-GCM under the deployment's key, bound to what they belong to. A sealed text that was moved to
// another tenant or endpoint does not open; one sealed under a retired key opens as long as that key is still given.

import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto'

const VERSION = 1
const KEY_ID_BYTES = 4
const IV_BYTES = 12
const TAG_BYTES = 16
const HEAD_BYTES = 1 + KEY_ID_BYTES + IV_BYTES + TAG_BYTES

export type Vault = {
  /** Seals a text; `belongsTo` names its owner and must be given again to open it. */
  seal(text: string, belongsTo: string): Buffer
  /** Opens what `seal` made. Throws VaultError when the owner, the key or the bytes are not the ones it was sealed with. */
  open(sealed: Uint8Array, belongsTo: string): string
  /** True when it was sealed under the key that seals now. */
  isCurrent(sealed: Uint8Array): boolean
}

export class VaultError extends Error {
  override name = 'VaultError'
}

/** `keys` are 32 bytes each; the first seals, all open. */
export function createVault(keys: readonly Buffer[]): Vault {
  const byId = new Map(keys.map((key) => [keyId(key).toString('hex'), key]))
  const current = keys[0]
  if (!current) throw new VaultError('Expected at least one key of 32 bytes, came none.')
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
        throw new VaultError('Expected a sealed secret, came bytes of another form.')
      const id = bytes.subarray(1, 1 + KEY_ID_BYTES).toString('hex')
      const key = byId.get(id)
      if (!key)
        throw new VaultError(
          `The key ${id} that sealed this secret is not among the keys given. Give it in SIVO_SECRETS_KEYS_FORMER.`,
        )
      const iv = bytes.subarray(1 + KEY_ID_BYTES, 1 + KEY_ID_BYTES + IV_BYTES)
      const decipher = createDecipheriv('aes-256-gcm', key, iv)
      decipher.setAAD(Buffer.from(belongsTo))
      decipher.setAuthTag(bytes.subarray(HEAD_BYTES - TAG_BYTES, HEAD_BYTES))
      try {
        return Buffer.concat([decipher.update(bytes.subarray(HEAD_BYTES)), decipher.final()]).toString('utf8')
      } catch {
        throw new VaultError('The sealed secret does not belong to what it was opened for, or was changed.')
      }
    },
    isCurrent: (sealed) => currentId.equals(sealed.subarray(1, 1 + KEY_ID_BYTES)),
  }
}

/** What a secret or header of an endpoint is bound to. */
export function belongsToEndpoint(tenantId: string, endpointId: string): string {
  return `${tenantId}|${endpointId}`
}

function keyId(key: Buffer): Buffer {
  return createHash('sha256').update(key).digest().subarray(0, KEY_ID_BYTES)
}
