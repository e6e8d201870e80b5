// Signing secrets: `whsec_` and the base64 of 32 random bytes. The whole text is the key of X-Sivo-Signature, the
// decoded bytes are the key of webhook-signature.

const PREFIX = 'whsec_'
const SECRET_BYTES = 32

/** A new secret from 32 bytes of chance: `makeSigningSecret(crypto.randomBytes)`. */
export function makeSigningSecret(randomBytes: (size: number) => Buffer): string {
  return PREFIX + randomBytes(SECRET_BYTES).toString('base64')
}

/** The decoded bytes of a secret that is known to be one. */
export function signingKey(secret: string): Buffer {
  return Buffer.from(secret.slice(PREFIX.length), 'base64')
}

/** Enough to tell secrets apart, not to use one: `whsec_…` and the last four characters. */
export function secretHint(secret: string): string {
  return `${PREFIX}…${secret.replace(/=+$/, '').slice(-4)}`
}

/**
 * Of an endpoint's secrets, in any order: the one that signs at `now`, and during a rotation's overlap the one that
 * takes over at its `activeFrom`. null: there is none.
 */
export function liveSecrets<Secret extends { readonly activeFrom: Date }>(
  secrets: readonly Secret[],
  now: Date,
): { current: Secret | null; coming: Secret | null } {
  let current: Secret | null = null
  let coming: Secret | null = null
  for (const secret of secrets) {
    if (secret.activeFrom > now) {
      if (coming === null || secret.activeFrom < coming.activeFrom) coming = secret
    } else if (current === null || secret.activeFrom >= current.activeFrom) current = secret
  }
  return { current, coming }
}
