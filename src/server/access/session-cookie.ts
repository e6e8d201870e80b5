// The cookie that holds the token of a console session.

import type { IncomingMessage } from 'node:http'
import type { Context } from '../../context.ts'
import type { OpenedSession } from '../../gateway/admin/console-link.ts'
import { setCookie } from '../http/cookies.ts'
import type { Origins } from '../http/origins.ts'

/** The cookie of a session; null: of none any more. */
export function sessionCookie(
  { ctx, origins }: { ctx: Context; origins: Origins },
  request: IncomingMessage,
  session: OpenedSession | null,
): string {
  const leftMs = session ? session.expiresAt.getTime() - ctx.clock.now().getTime() : 0
  return setCookie({
    name: origins.cookieName('session', request),
    value: session?.token ?? '',
    seconds: Math.max(0, Math.floor(leftMs / 1000)),
    isSecure: origins.isSecure(request),
    sameSite: 'Strict',
  })
}
