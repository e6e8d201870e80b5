// Sends mail through the SMTP server of the deployment. Promise: `send` never rejects and takes at most 30 seconds; a login is
// never sent over a connection without TLS, except to this machine itself.

import type { Transporter } from 'nodemailer'
import type { SentMessageInfo } from 'nodemailer/lib/smtp-transport/index.js'
import type { Mail, MailResult } from '../domain/notices/mail.ts'
import type { SmtpServer } from '../domain/notices/smtp-url.ts'
import { isThisMachine } from '../domain/values/network-address.ts'
import { within } from '../waiting.ts'

export type MailerOptions = {
  readonly server: SmtpServer
  readonly from: { readonly name: string; readonly address: string }
  /** PEM certificates of further authorities that the server may use. */
  readonly ca?: readonly string[] | undefined
}

export type Mailer = { send(mail: Mail): Promise<MailResult>; close(): Promise<void> }

const STEP_MS = 10_000
const WHOLE_MS = 30_000
const MOST_REFERENCES = 20

/** Opens a mailer. It connects when there is something to send. */
export function createMailer({ server, from, ca }: MailerOptions): Mailer {
  const { host, port } = server
  const opening = openTransport({ server, ca })
  opening.catch(() => {})
  const domain = from.address.slice(from.address.lastIndexOf('@') + 1)
  const idOf = (key: string) => `<${key}@${domain}>`
  return {
    async send({ to, subject, text, messageKey, threadKeys }) {
      const mail = {
        from: { name: from.name, address: from.address },
        to: [...to],
        subject,
        text,
        messageId: idOf(messageKey),
        references: threadKeys.slice(0, MOST_REFERENCES).map(idOf),
        headers: { 'Auto-Submitted': 'auto-generated', 'X-Auto-Response-Suppress': 'All' },
      }
      try {
        const work = opening.then((transport) => transport.sendMail(mail))
        const sent = await within(WHOLE_MS, work, () => new Error(`no answer within ${WHOLE_MS / 1000} s`))
        return { sent: true, ...explainRefused(sent, `${host}:${port}`) }
      } catch (error) {
        return explain(error as MailError, `${host}:${port}`)
      }
    },
    close: async () => (await opening).close(),
  }
}

/** Only a process that sends mail loads what that needs. */
async function openTransport({ server, ca }: Omit<MailerOptions, 'from'>): Promise<Transporter<SentMessageInfo>> {
  const { host, port, isSecure, login } = server
  const { createTransport } = await import('nodemailer')
  return createTransport({
    host,
    port,
    secure: isSecure,
    requireTLS: !isSecure && login !== null && !isThisMachine(host),
    ignoreTLS: !isSecure && isThisMachine(host),
    ...(login ? { auth: { user: login.user, pass: login.password } } : {}),
    ...(ca?.length ? { tls: { ca: [...ca] } } : {}),
    connectionTimeout: STEP_MS,
    greetingTimeout: STEP_MS,
    socketTimeout: STEP_MS,
    disableFileAccess: true,
    disableUrlAccess: true,
  })
}

type MailError = Error & { readonly code?: string; readonly command?: string; readonly responseCode?: number }

/** What the server said of the addresses that it refused while it took the message for others. */
function explainRefused(
  { rejected = [], rejectedErrors = [] }: Partial<Pick<SentMessageInfo, 'rejected' | 'rejectedErrors'>>,
  server: string,
): { reason?: string } {
  if (rejected.length === 0) return {}
  const said = rejectedErrors.map(({ message }) => oneLine(message)).join('; ')
  return { reason: `The SMTP server ${server} took the message, but not for ${rejected.join(', ')}: ${said}.` }
}

function oneLine(message: string): string {
  return message.replace(/\s+/g, ' ').replace(/\.$/, '')
}

/** A refusal of a recipient or a text concerns this message alone; everything else concerns the server. */
function explain({ code, command, responseCode, message }: MailError, server: string): MailResult {
  const concernsMessage =
    (code === 'EENVELOPE' && command !== 'MAIL FROM') || (code === 'EMESSAGE' && (responseCode ?? 0) >= 500)
  const said = oneLine(message)
  return concernsMessage
    ? { sent: false, away: false, reason: `The SMTP server ${server} refused the message: ${said}.` }
    : {
        sent: false,
        away: true,
        reason: `The SMTP server ${server} cannot be used: ${said}. Notices wait, and are sent when it can be.`,
      }
}
