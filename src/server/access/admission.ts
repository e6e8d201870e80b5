// Who may go on: a request is known (whose, how often) before anything is done for it. What may not is refused here.

import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Viewer } from '../../context.ts'
import type { ListedCell } from '../../domain/access/cell-state.ts'
import { readTraceparent } from '../../domain/trace.ts'
import type { PublishContext } from '../../gateway/publish/publisher.ts'
import type { ChangeFeed } from '../../live/feed.ts'
import type { FaultLog } from '../../log.ts'
import { COST_LIMIT } from '../../schema/base/cost.ts'
import type { Forwarded } from '../http/forwarded.ts'
import { createRateLimiter, type RateDecision, type RateReading } from '../http/limits.ts'
import { CSRF_HEADER, type Origins } from '../http/origins.ts'
import { replyError } from '../http/reply.ts'
import { type Authenticator, type Credential, readBearer, readSession } from './authenticate.ts'
import type { OperationContext } from './operation-context.ts'
import { cellOfRefused, replyWrongCell } from './wrong-cell.ts'

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
  origins: Origins
  forwarded: Forwarded
  faults: FaultLog
  cells: readonly ListedCell[]
}): Admission {
  const { ctx, feed, authenticator, origins, forwarded, faults, cells } = parts
  const { clock } = ctx
  const rates = createRateLimiter()

  const count = (request: IncomingMessage, viewer: Viewer) => {
    const decision = rates.take(viewer.credential.id, viewer.role, clock.monotonicMs(), clock.now().getTime())
    const context: OperationContext = {
      ...ctx,
      feed,
      faults,
      cells,
      viewer: { ...viewer, address: forwarded.addressOf(request) },
      traceparent: ctx.tracing ? readTraceparent(request.headers['traceparent']) : null,
      requestId: randomUUID(),
      baseUrl: origins.baseUrlOf(request),
      rate: decision,
    }
    return { context, decision }
  }

  return {
    count,
    async admit(request, response, cookieNeedsHeader) {
      const credential = credentialOf(request, origins)
      const known = credential && authenticator.viewerOf(credential, forwarded.addressOf(request))
      const viewer = known instanceof Promise ? await known : known
      if (!credential || !viewer) {
        const other = credential && cellOfRefused(credential, authenticator, ctx.config)
        if (other === null) refuseUnknown(request, response)
        else replyWrongCell(response, other, credential?.kind === 'session' ? 'this session' : 'this key', ctx.config)
        return null
      }
      if (credential.kind === 'session') {
        const refusal = describeOtherPage(request, origins, cookieNeedsHeader)
        if (refusal !== null) {
          replyError(response, 403, 'FORBIDDEN', refusal)
          return null
        }
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

function credentialOf(request: IncomingMessage, origins: Origins): Credential | null {
  const { authorization, cookie } = request.headers
  if (authorization !== undefined) return readBearer(authorization)
  return cookie === undefined ? null : readSession(cookie, origins.cookieName('session', request))
}

/** Why a session's cookie does not count in this request; null where it does. */
function describeOtherPage({ headers }: IncomingMessage, origins: Origins, cookieNeedsHeader: boolean): string | null {
  if (!origins.isOwn(headers)) return `${origins.describeOther(headers)} Or use an API key.`
  if (!cookieNeedsHeader || headers[CSRF_HEADER] !== undefined) return null
  return `Expected with a session's cookie the header ${CSRF_HEADER}, got none. Send it, or use an API key.`
}

function describeUnknown(authorization: string | undefined): string {
  if (authorization === undefined)
    return 'Expected an API key or a console session, got none. Send authorization: Bearer <key>.'
  if (readBearer(authorization) === null)
    return 'Expected authorization: Bearer <key>, got another form of the header. Put "Bearer " before the key.'
  return 'Expected a key that is known, not revoked and not expired, got another one. Send authorization: Bearer <key>.'
}

function refuseUnknown({ headers }: IncomingMessage, response: ServerResponse): void {
  const message = describeUnknown(headers.authorization)
  replyError(response, 401, 'UNAUTHENTICATED', message, { headers: { 'www-authenticate': 'Bearer' } })
}

function refuseRate(response: ServerResponse, decision: RateReading, retryAfterSeconds: number): void {
  replyError(
    response,
    429,
    'RATE_LIMITED',
    `Expected fewer requests with this key, got more than ${decision.limit} at once. Wait ${retryAfterSeconds} s.`,
    { headers: { 'retry-after': retryAfterSeconds }, extensions: limitsOf(decision) },
  )
}
