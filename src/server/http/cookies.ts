// The cookies of the console. A browser sends the cookies of a host to all its ports, so the name holds the port: two gateways
// on one host do not overwrite each other's.

/** What a cookie is for: the session, and a sign-in with OpenID Connect that is under way. */
export type CookieUse = 'session' | 'sign_in'

/** Where people reach the gateway. */
export type PublicHost = {
  readonly isSecure: boolean
  /** null: the default port of the scheme. */
  readonly port: string | null
}

/** Over TLS the `__Host-` prefix keeps other hosts and plain HTTP from setting or reading a cookie. */
export function cookieName(use: CookieUse, { isSecure, port }: PublicHost): string {
  return `${isSecure ? '__Host-' : ''}sivo_${use}${port === null ? '' : `_${port}`}`
}

/** The value of a cookie in the cookie header; null if it is not there. */
export function readCookie(cookies: string | undefined, name: string): string | null {
  if (!cookies) return null
  for (const cookie of cookies.split(';')) {
    const at = cookie.indexOf('=')
    if (at > 0 && cookie.slice(0, at).trim() === name) return cookie.slice(at + 1).trim()
  }
  return null
}

export type NewCookie = {
  readonly name: string
  readonly value: string
  readonly seconds: number
  readonly isSecure: boolean
  /** `Lax` also comes with the navigation that leads back from another site. */
  readonly sameSite: 'Strict' | 'Lax'
}

/** A `Set-Cookie` header for the whole host, out of reach of scripts. */
export function setCookie({ name, value, seconds, isSecure, sameSite }: NewCookie): string {
  const secure = isSecure ? 'Secure; ' : ''
  return `${name}=${value}; ${secure}Path=/; HttpOnly; SameSite=${sameSite}; Max-Age=${seconds}`
}
