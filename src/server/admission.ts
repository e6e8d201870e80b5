// Who may go on: a request is known (whose, how often) before anything is done for it. What may not is refused here.

import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Viewer } from '../context.ts'
import type { PublishContext } from '../gateway/publish/publisher.ts'
import type { ChangeFeed } from '../live/feed.ts'
import { COST_LIMIT } from '../schema/cost.ts'
import {
  type Authenticator,
  type Credential,
  CSRF_HEADER,
  isOwnOrigin,
  isSecure,
  readBearer,
  readSession,
} from './authenticate.ts'
import { createRateLimiter, type RateDecision, type RateReading } from './limits.ts'
import { replyError } from './reply.ts'
import type { OperationContext } from './yoga.ts'

export type Admission = {
  /** What an operation of this viewer is given, after one more request was counted, and the decision about its rate. */
  count(request: IncomingMessage, viewer: Viewer): { context: OperationContext; decision: RateDecision }
  /**
   * The context and the credential of a request that may go on; null: the refusal was sent. `cookieNeedsHeader`: a
   * session's cookie counts only beside the header that another site's page cannot send.
   */
  admit(
    request: IncomingMessage,
    response: ServerResponse,
    cookieNeedsHeader: boolean,
  ): Promise<{ context: OperationContext; credential: Credential } | null>
}

export function createAdmission(parts: {
  ctx: PublishContext
  feed: ChangeFeed
  authenticator: Authenticator
}): Admission {
  const { ctx, feed, authenticator } = parts
  const { clock } = ctx
  const rates = createRateLimiter()

  const count = (request: IncomingMessage, viewer: Viewer) => {
    const decision = rates.take(viewer.credential.id, viewer.role, clock.monotonicMs(), clock.now().getTime())
    const context: OperationContext = {
      ...ctx,
      feed,
      viewer,
      requestId: randomUUID(),
      baseUrl: baseUrlOf(request),
      rate: decision,
    }
    return { context, decision }
  }

  return {
    count,
    async admit(request, response, cookieNeedsHeader) {
      const credential = credentialOf(request)
      const known = credential && authenticator.viewerOf(credential)
      const viewer = known instanceof Promise ? await known : known
      if (!credential || !viewer) {
        refuseUnknown(request, response)
        return null
      }
      if (credential.kind === 'session' && !isOfOwnPage(request, cookieNeedsHeader)) {
        refuseOtherPage(response)
        return null
      }
      const { context, decision } = count(request, viewer)
      response.setHeader('x-request-id', context.requestId)
      if (decision.retryAfterSeconds !== null) {
        refuseRate(response, decision, decision.retryAfterSeconds)
        return null
      }
      return { context, credential }
    },
  }
}

/** What a reply says of limits when no operation was run. */
export function limitsOf({ limit, remaining, resetAt }: RateReading) {
  return {
    cost: { requested: 0, limit: COST_LIMIT },
    rateLimit: { limit, remaining, resetAt: new Date(resetAt).toISOString() },
  }
}

function credentialOf(request: IncomingMessage): Credential | null {
  const { authorization, cookie } = request.headers
  if (authorization !== undefined) return readBearer(authorization)
  return cookie === undefined ? null : readSession(cookie, isSecure(request))
}

function isOfOwnPage({ headers }: IncomingMessage, cookieNeedsHeader: boolean): boolean {
  return isOwnOrigin(headers) && (!cookieNeedsHeader || headers[CSRF_HEADER] !== undefined)
}

function refuseUnknown({ headers }: IncomingMessage, response: ServerResponse): void {
  const message =
    headers.authorization === undefined
      ? 'Expected an API key or a console session, came none. Send authorization: Bearer <key>.'
      : 'Expected a key that is known, not revoked and not expired, came another one. Send authorization: Bearer <key>.'
  replyError(response, 401, 'UNAUTHENTICATED', message, { headers: { 'www-authenticate': 'Bearer' } })
}

function refuseOtherPage(response: ServerResponse): void {
  replyError(
    response,
    403,
    'FORBIDDEN',
    `Expected with a session's cookie the header ${CSRF_HEADER} from a page of this host, came none. Send it, or use an API key.`,
  )
}

function refuseRate(response: ServerResponse, decision: RateReading, retryAfterSeconds: number): void {
  replyError(
    response,
    429,
    'RATE_LIMITED',
    `Expected fewer requests with this key, came more than ${decision.limit} at once. Wait ${retryAfterSeconds} s.`,
    { headers: { 'retry-after': retryAfterSeconds }, extensions: limitsOf(decision) },
  )
}

/** Where the client reached this server. */
function baseUrlOf(request: IncomingMessage): string {
  const { host } = request.headers
  const { localAddress, localPort } = request.socket
  return `${isSecure(request) ? 'https' : 'http'}://${host ?? `${localAddress}:${localPort}`}`
}
