// Signing in to the console and out again. The link's token comes by POST from the page that read it out of its own
// address, is spent once, and leaves a cookie that scripts cannot read and other sites cannot send.

import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Context } from '../../context.ts'
import type { Cells } from '../../domain/access/cell.ts'
import { RequestError } from '../../errors.ts'
import { describeRefusedToken, endSession, spendConsoleLink } from '../../gateway/admin/console-link.ts'
import type { Forwarded } from '../http/forwarded.ts'
import { MAX_SIGN_INS } from '../http/limits.ts'
import { CSRF_HEADER, type Origins } from '../http/origins.ts'
import { replyError, replyJson } from '../http/reply.ts'
import { readJsonBody } from '../http/request-body.ts'
import { type Authenticator, readSession } from './authenticate.ts'
import { OPENID_PATH } from './openid-paths.ts'
import { sessionCookie } from './session-cookie.ts'
import { cellOfRefused, replyWrongCell } from './wrong-cell.ts'

const MAX_BYTES = 4 * 1024

export type SessionParts = {
  readonly ctx: Context
  readonly authenticator: Authenticator
  readonly origins: Origins
  readonly forwarded: Forwarded
}

/** Answers /session: GET says how people sign in, POST { token } signs in, DELETE signs out. Throws UnreadableRequest and what the database throws. */
export async function serveSession(
  parts: SessionParts,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (!parts.origins.isOwn(request.headers))
    return replyError(response, 403, 'FORBIDDEN', parts.origins.describeOther(request.headers))
  if (request.headers[CSRF_HEADER] === undefined)
    return replyError(
      response,
      403,
      'FORBIDDEN',
      `Expected a page of this host that sends ${CSRF_HEADER}, got another request. Sign in from the console.`,
    )
  if (request.method === 'GET') return replyJson(response, 200, waysToSignIn(parts.ctx.config))
  if (request.method === 'POST') return signIn(parts, request, response)
  if (request.method === 'DELETE') return signOut(parts, request, response)
  replyError(response, 405, 'BAD_USER_INPUT', 'Expected GET, POST or DELETE.', {
    headers: { allow: 'GET, POST, DELETE' },
  })
}

/** Besides links, which always work. */
function waysToSignIn({ openId, cell }: Context['config']): { openId: { label: string; path: string } | null } {
  return {
    openId: openId && { label: openId.label, path: cell === null ? OPENID_PATH : `${OPENID_PATH}?cell=${cell}` },
  }
}

let signingIn = 0

async function signIn(
  { ctx, authenticator, origins, forwarded }: SessionParts,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const body = await readJsonBody(request, MAX_BYTES)
  const given = (body as { token?: unknown } | null)?.token
  const token = typeof given === 'string' ? given.trim() : ''
  if (signingIn >= MAX_SIGN_INS)
    throw new RequestError('RATE_LIMITED', 'Too many links are being tried now. Wait 1 s and try again.', 1)
  signingIn++
  const session = await spendConsoleLink(ctx, token, forwarded.addressOf(request)).finally(() => {
    signingIn--
  })
  if (!session) {
    const other = await cellOfLink(token, authenticator, ctx.config)
    if (other !== null) return replyWrongCell(response, other, 'this link', ctx.config)
    return replyError(response, 401, 'UNAUTHENTICATED', await describeRefusedToken(ctx, token))
  }
  replyJson(
    response,
    200,
    { expiresAt: session.expiresAt.toISOString() },
    { 'set-cookie': sessionCookie({ ctx, origins }, request, session) },
  )
}

/** The cell to which a link belongs that opened no session here; null: to this one, or to none that is known. */
async function cellOfLink(token: string, authenticator: Authenticator, cells: Cells): Promise<string | null> {
  const credential = { kind: 'session', token } as const
  await authenticator.viewerNow(credential)
  return cellOfRefused(credential, authenticator, cells)
}

async function signOut(
  { ctx, authenticator, origins }: SessionParts,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const credential = readSession(request.headers.cookie, origins.cookieName('session', request))
  const viewer = credential && (await authenticator.viewerOf(credential))
  if (viewer) await endSession(ctx, viewer)
  if (credential) authenticator.forget(credential)
  replyJson(response, 200, { signedOut: true }, { 'set-cookie': sessionCookie({ ctx, origins }, request, null) })
}
