/** The name of the session's cookie at a gateway without TLS. */
export function cookieOf(url: string): string {
  return `sivo_session_${new URL(url).port}`
}
