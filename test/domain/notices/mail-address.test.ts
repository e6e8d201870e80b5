import { expect, test } from 'vitest'
import { parseMailAddress, parseSender } from '../../../src/domain/notices/mail-address.ts'
import { parseSmtpUrl } from '../../../src/domain/notices/smtp-url.ts'

test.each(['ana@example.com', 'a.b+c@sub.example.co', "o'neil@example.com", 'x@xn--mnchen-3ya.example'])(
  '%s is an e-mail address',
  (text) => expect(parseMailAddress(text)).toEqual({ address: text }),
)

test('a domain with other letters is written in ASCII', () => {
  expect(parseMailAddress('ana@münchen.example')).toEqual({ address: 'ana@xn--mnchen-3ya.example' })
})

test.each([
  '',
  'ana',
  '@example.com',
  'ana@',
  'ana@localhost',
  'ana@example',
  'ana@exa mple.com',
  'ana@example.com, bob@example.com',
  'Ana <ana@example.com>',
  'ana@example.com\r\nBcc: bob@example.com',
  'ana@[10.0.0.1]',
  'ana@10.0.0.1',
  '"ana b"@example.com',
  '.ana@example.com',
  'ana..b@example.com',
  'müller@example.com',
  `${'a'.repeat(65)}@example.com`,
  `ana@${'a.'.repeat(130)}com`,
])('%j is no e-mail address, in one sentence', (text) => {
  expect(parseMailAddress(text)).toEqual({
    issue: expect.stringMatching(/^expected an e-mail address such as ana@example\.com, got .*; check its spelling$/s),
  })
})

test('a sender may have a name', () => {
  expect(parseSender('SIVO Webhooks <hooks@example.com>')).toEqual({
    name: 'SIVO Webhooks',
    address: 'hooks@example.com',
  })
  expect(parseSender('"SIVO, Webhooks" <hooks@example.com>')).toEqual({
    name: 'SIVO, Webhooks',
    address: 'hooks@example.com',
  })
  expect(parseSender('hooks@example.com')).toEqual({ name: '', address: 'hooks@example.com' })
  expect(parseSender('SIVO')).toBeNull()
  expect(parseSender('SIVO <hooks>')).toBeNull()
})

test.each([
  ['smtp://mail.example.com', { host: 'mail.example.com', port: 587, isSecure: false, login: null }],
  ['smtps://mail.example.com', { host: 'mail.example.com', port: 465, isSecure: true, login: null }],
  ['smtp://127.0.0.1:2525/', { host: '127.0.0.1', port: 2525, isSecure: false, login: null }],
  ['smtp://[::1]:25', { host: '::1', port: 25, isSecure: false, login: null }],
  [
    'smtps://ana%40example.com:p%3Ass@mail.example.com:465',
    { host: 'mail.example.com', port: 465, isSecure: true, login: { user: 'ana@example.com', password: 'p:ss' } },
  ],
])('%s is an SMTP server', (text, server) => expect(parseSmtpUrl(text)).toEqual(server))

test.each([
  'mail.example.com',
  'http://mail.example.com',
  'smtp://',
  'smtp://mail.example.com:0',
  'smtp://mail.example.com:70000',
  'smtp://ana@mail.example.com',
  'smtp://mail.example.com/path',
  'smtp://mail.example.com?tls=no',
])('%s is no SMTP server', (text) => expect(parseSmtpUrl(text)).toBeUndefined())
