// What can be wrong with a request, in words that say what to do. Promise: neither a secret nor a signature is ever part
// of an error, so it can be logged and sent back as it is.

export type WebhookErrorCode =
  /** A secret is absent or is not one: the receiver's configuration is wrong. */
  | 'secret_missing'
  | 'secret_malformed'
  /** An option has a value that means nothing. */
  | 'option_invalid'
  /** No body, or an empty one. */
  | 'body_missing'
  /** A parsed object, a stream or a promise was given where the raw bytes are needed. */
  | 'body_not_raw'
  /** The bytes are not those that were signed: something parsed and wrote them again, cut them or changed their charset. */
  | 'body_changed'
  /** More bytes than `maxBodyBytes`. */
  | 'body_too_large'
  /** The signature is right, but the body is no event of the gateway. */
  | 'body_not_event'
  | 'header_missing'
  | 'header_malformed'
  /** The body is as it was signed, but webhook-id or webhook-timestamp is not. */
  | 'header_changed'
  /** Only X-Sivo-Signature came, and it does not sign the time. */
  | 'time_not_signed'
  | 'timestamp_too_old'
  | 'timestamp_too_new'
  /** Another secret signed this, or somebody else sent it. */
  | 'signature_wrong'
  /** The coming secret of a rotation signed this, and `acceptComingSecret` is false. */
  | 'signed_by_coming_secret'

const BRAND = Symbol.for('sivo-webhooks.WebhookError')

/** A request that must not be trusted, or a receiver that is set up wrong. */
export class WebhookError extends Error {
  override readonly name = 'WebhookError'
  readonly code: WebhookErrorCode
  /**
   * What to answer: 401 or 413 when the request is to blame, 500 when the receiver is. Express, Fastify, Koa and NestJS
   * answer with it when the error reaches them; NestJS 12 only if `status` and `expose` are there too.
   */
  readonly statusCode: 401 | 413 | 500
  readonly status: 401 | 413 | 500
  /** The message may be sent to the other side. */
  readonly expose = true

  constructor(code: WebhookErrorCode, message: string) {
    super(message)
    this.code = code
    this.statusCode = STATUS[code] ?? 401
    this.status = this.statusCode
    Object.defineProperty(this, BRAND, { value: true })
  }
}

const STATUS: Partial<Record<WebhookErrorCode, 413 | 500>> = {
  secret_missing: 500,
  secret_malformed: 500,
  option_invalid: 500,
  body_not_raw: 500,
  body_too_large: 413,
}

/** Also true for an error of another copy of this package, such as its CommonJS build. */
export function isWebhookError(error: unknown): error is WebhookError {
  return typeof error === 'object' && error !== null && BRAND in error
}

/** What kind of value came, for messages: never its content. */
export function describeKind(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'an array'
  if (typeof value !== 'object') return value === undefined ? 'undefined' : `a ${typeof value}`
  const name = Object.getPrototypeOf(value)?.constructor?.name
  return name && name !== 'Object' ? `an object of class ${name}` : 'an object'
}
