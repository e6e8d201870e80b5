// Signing secrets: `whsec_` and 32 random bytes in base64. The whole text is the key of X-Sivo-Signature; the decoded
// bytes are the key of webhook-signature.

const PREFIX = 'whsec_'
const SECRET_BYTES = 32

/** A new secret from 32 random bytes: `makeSigningSecret(crypto.randomBytes)`. */
export function makeSigningSecret(randomBytes: (size: number) => Buffer): string {
  return PREFIX + randomBytes(SECRET_BYTES).toString('base64')
}

/** The decoded bytes of a text that is known to be a signing secret. */
export function signingKey(secret: string): Buffer {
  return Buffer.from(secret.slice(PREFIX.length), 'base64')
}

/** The part of a secret that people may see, to tell secrets apart: `whsec_…` and the last four characters. */
export function secretHint(secret: string): string {
  return `${PREFIX}…${secret.replace(/=+$/, '').slice(-4)}`
}

/**
 * From the secrets of an endpoint, in any order: the one that signs at `now`, and while a rotation overlaps the one that
 * replaces it at its `activeFrom`. null if there is none.
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
