import file from './vectors.json' with { type: 'json' }

export type SecretName = 'current' | 'coming' | 'other'
export type Vectors = {
  /** Unix seconds: when the requests were sent. */
  at: number
  secrets: Record<SecretName, string>
  vectors: Vector[]
}
export type Vector = {
  name: string
  /** Whose holders accept the request by X-Sivo-Signature. */
  sivo: SecretName[]
  /** Whose holders accept the request by webhook-signature. */
  standard: SecretName[]
  body: { text: string } | { start: string; repeat: string; count: number; end: string }
  headers: Record<string, string>
}

/** Made by make-vectors.sh with the openssl command, for a time that has passed. */
export const VECTORS = file as unknown as Vectors

export function bodyOf({ body }: Vector): Buffer {
  return Buffer.from('text' in body ? body.text : body.start + body.repeat.repeat(body.count) + body.end)
}

export function vectorNamed(name: string): Vector {
  const vector = VECTORS.vectors.find((vector) => vector.name === name)
  if (!vector) throw new Error(`no vector is named ${name}`)
  return vector
}
