// The SMTP server of a deployment, as a URL. Pure.

export type SmtpServer = {
  readonly host: string
  readonly port: number
  /** TLS from the first byte; otherwise STARTTLS. */
  readonly isSecure: boolean
  readonly login: { readonly user: string; readonly password: string } | null
}

const PORTS: Record<string, number> = { 'smtp:': 587, 'smtps:': 465 }

/** `smtp://host:port` or `smtps://user:password@host`; undefined if the text is no such URL. */
export function parseSmtpUrl(text: string): SmtpServer | undefined {
  const url = URL.parse(text)
  const usual = url && PORTS[url.protocol]
  if (!usual || url.hostname === '' || !/^\/?$/.test(url.pathname) || url.search || url.hash) return undefined
  if ((url.username === '') !== (url.password === '') || url.port === '0') return undefined
  const login =
    url.username === '' ? null : { user: decodeURIComponent(url.username), password: decodeURIComponent(url.password) }
  return {
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port === '' ? usual : Number(url.port),
    isSecure: url.protocol === 'smtps:',
    login,
  }
}
