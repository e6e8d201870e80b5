import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { SMTPServerOptions } from 'smtp-server'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startSmtp } from '../../harness/smtp.ts'
import { type CertificateAuthority, openCertificateAuthority } from '../../src/dev/certificate-authority.ts'
import { createMailer } from '../../src/egress/send-mail.ts'

const MAIL = { to: ['ana@example.com'], subject: 'Grüße', text: 'Grüße,\nAna\n', messageKey: 'one', threadKeys: ['t'] }
const FROM = { name: 'SIVO', address: 'hooks@example.com' }
const LOGIN = { user: 'ana', password: 'a-password' }

let folder: string
let authority: CertificateAuthority
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sivo-mail-'))
  authority = await openCertificateAuthority(folder)
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const withLogin: SMTPServerOptions = {
  authOptional: false,
  onAuth({ username, password }, _session, done) {
    const isRight = username === LOGIN.user && password === LOGIN.password
    if (isRight) done(null, { user: username })
    else done(Object.assign(new Error('Authentication credentials invalid'), { responseCode: 535 }))
  },
}

/** A server with TLS from the first byte, and a mailer for it. */
async function secured(login = LOGIN, ca = [authority.certificate]) {
  const smtp = await startSmtp({ ...withLogin, secure: true, ...authority.issue(['127.0.0.1']) })
  const server = { host: '127.0.0.1', port: smtp.port, isSecure: true, login }
  return { smtp, mailer: createMailer({ server, from: FROM, ca }) }
}

describe('a mail', () => {
  test('a mail goes over TLS with a login, with ids that make it the same one if it is sent again', async () => {
    const { smtp, mailer } = await secured()
    expect(await mailer.send(MAIL)).toEqual({ sent: true })
    const [mail] = smtp.mails
    expect(mail).toMatchObject({ to: ['ana@example.com'], text: 'Grüße,\nAna\n' })
    expect(mail!.headers.get('message-id')).toBe('<one@example.com>')
    expect(mail!.headers.get('references')).toBe('<t@example.com>')
    expect(mail!.headers.get('auto-submitted')).toBe('auto-generated')
    await smtp.stop()
  })

  test('a certificate of an unknown authority is refused, and the server counts as away', async () => {
    const { smtp, mailer } = await secured(LOGIN, [])
    expect(await mailer.send(MAIL)).toMatchObject({
      sent: false,
      away: true,
      reason: expect.stringMatching(/certificate/),
    })
    expect(smtp.mails).toEqual([])
    await smtp.stop()
  })

  test('a wrong login is one sentence without the password', async () => {
    const { smtp, mailer } = await secured({ ...LOGIN, password: 'hunter2' })
    const result = await mailer.send(MAIL)
    expect(result).toMatchObject({ sent: false, away: true })
    expect(result).toMatchObject({
      reason: expect.stringMatching(
        /^The SMTP server 127\.0\.0\.1:\d+ cannot be used: .*535.*\. Notices wait, and are sent when it can be\.$/,
      ),
    })
    expect(JSON.stringify(result)).not.toContain('hunter2')
    await smtp.stop()
  })

  test('a server that is not there, or is none, is one sentence', async () => {
    const at = (port: number) =>
      createMailer({ server: { host: '127.0.0.1', port, isSecure: false, login: null }, from: FROM }).send(MAIL)
    const smtp = await startSmtp()
    await smtp.stop()
    expect(await at(smtp.port)).toMatchObject({
      sent: false,
      away: true,
      reason: expect.stringContaining('ECONNREFUSED'),
    })
  })

  test('a recipient that the server refuses says nothing of the server', async () => {
    const smtp = await startSmtp()
    const server = { host: '127.0.0.1', port: smtp.port, isSecure: false, login: null }
    const mailer = createMailer({ server, from: FROM })
    expect(await mailer.send({ ...MAIL, to: ['unknown@example.com'] })).toMatchObject({ sent: false, away: false })
    expect(await mailer.send({ ...MAIL, to: ['unknown@example.com', 'ana@example.com'] })).toEqual({
      sent: true,
      reason: expect.stringMatching(
        /^The SMTP server 127\.0\.0\.1:\d+ took the message, but not for unknown@example\.com: .*No such user here\.$/,
      ),
    })
    expect(smtp.mails.map(({ to }) => to)).toEqual([['ana@example.com']])
    await smtp.stop()
  })
})
