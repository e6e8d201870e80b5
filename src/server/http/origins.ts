// Where people reach this gateway, and whose pages may speak to it. A session's cookie counts for our own pages alone. With
// a key a request from any page is as good as one from a program: the page needs CORS only to read the reply.

import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http'
import type { Context } from '../../context.ts'
import { type CookieUse, cookieName } from './cookies.ts'
import { replyError } from './reply.ts'

/** The header a page of ours sends with its cookie; another site's page cannot, without asking first. */
export const CSRF_HEADER = 'x-sivo-csrf'

export type Origins = {
  /** Where people reach the console and the API, without a slash at the end. */
  baseUrlOf(request: IncomingMessage): string
  /** Whether people reach this gateway over TLS, here or at a proxy in front. */
  isSecure(request: IncomingMessage): boolean
  /** The name of a cookie of this gateway, and of no other one on its host. */
  cookieName(use: CookieUse, request: IncomingMessage): string
  /** Whether the browser says that a page of this gateway sent the request, or that no page did. */
  isOwn(headers: IncomingHttpHeaders): boolean
  /** Why a request of another page was refused, and what helps. */
  describeOther(headers: IncomingHttpHeaders): string
  /** Lets a page of `SIVO_ALLOWED_ORIGINS` read the reply. */
  allow(request: IncomingMessage, response: ServerResponse): void
  /** Answers a page that asks whether it may send a request; false: it was no such question. */
  answerPreflight(request: IncomingMessage, response: ServerResponse): boolean
}

const PREFLIGHT_SECONDS = '7200'
const REPLY_HEADERS = 'retry-after, x-request-id, www-authenticate'

export function createOrigins({
  publicUrl,
  allowedOrigins,
}: Pick<Context['config'], 'publicUrl' | 'allowedOrigins'>): Origins {
  const allowed: ReadonlySet<string> = new Set(allowedOrigins)

  const isSecure = (request: IncomingMessage) => {
    if (publicUrl !== null) return publicUrl.startsWith('https:')
    const forwarded = request.headers['x-forwarded-proto']
    if (typeof forwarded === 'string') return forwarded.split(',')[0]?.trim() === 'https'
    return 'encrypted' in request.socket
  }

  const isOwn = ({ origin, host }: IncomingHttpHeaders) => {
    if (origin === undefined || origin === publicUrl) return true
    const page = URL.parse(origin)
    if (!page || !/^https?:$/.test(page.protocol)) return false
    // A default port may be said or left out.
    return URL.parse(`${page.protocol}//${host}`)?.host === page.host
  }

  return {
    isSecure,
    isOwn,
    cookieName(use, request) {
      const secure = isSecure(request)
      const url = URL.parse(publicUrl ?? `${secure ? 'https' : 'http'}://${request.headers.host}`)
      return cookieName(use, { isSecure: secure, port: url?.port || null })
    },
    baseUrlOf(request) {
      if (publicUrl !== null) return publicUrl
      const { localAddress, localPort } = request.socket
      return `${isSecure(request) ? 'https' : 'http'}://${request.headers.host ?? `${localAddress}:${localPort}`}`
    },
    describeOther({ origin, host }) {
      const own =
        publicUrl === null ? `this host (${host})` : `${publicUrl} (SIVO_PUBLIC_URL) or of this host (${host})`
      return `Expected a page of ${own}, got one of ${origin}. If people reach the gateway at ${origin}, set SIVO_PUBLIC_URL to it.`
    },
    allow({ headers: { origin } }, response) {
      if (allowed.size > 0) response.appendHeader('vary', 'origin')
      if (origin === undefined || !allowed.has(origin)) return
      response.setHeader('access-control-allow-origin', origin)
      response.setHeader('access-control-expose-headers', REPLY_HEADERS)
    },
    answerPreflight({ method, headers }, response) {
      if (method !== 'OPTIONS' || headers['access-control-request-method'] === undefined) return false
      if (headers.origin === undefined || !allowed.has(headers.origin)) {
        replyError(
          response,
          403,
          'FORBIDDEN',
          `Expected a page of SIVO_ALLOWED_ORIGINS, got one of ${headers.origin}. Add its origin to that setting.`,
        )
        return true
      }
      response.writeHead(204, {
        'access-control-allow-methods': 'GET, POST',
        // Any header: cookies do not count for these pages, and nothing else here is trusted by its name.
        'access-control-allow-headers': headers['access-control-request-headers'] ?? '',
        'access-control-max-age': PREFLIGHT_SECONDS,
      })
      response.end()
      return true
    },
  }
}
