// Where notices go, and how.

import { type EndpointUrlRules, parseEndpointUrl } from '../domain/endpoint/url.ts'
import { parseMailAddress, parseSender } from '../domain/notices/mail-address.ts'
import type { OperatorNotices } from '../domain/notices/settings.ts'
import { parseSmtpUrl, type SmtpServer } from '../domain/notices/smtp-url.ts'
import { parseDuration } from '../domain/retry-schedule.ts'
import { type Environment, isSet, oneOf, type Read, shown } from './setting.ts'

export type NoticesConfig = {
  /** The SMTP server for notices and who they come from; null: no notice goes by mail. */
  readonly smtp: {
    readonly server: SmtpServer
    readonly from: { readonly name: string; readonly address: string }
  } | null
  readonly operatorNotices: OperatorNotices
  /** A recipient of notices gets at most one message in this time. */
  readonly noticesEveryMs: number
}

export function readNotices(read: Read): NoticesConfig {
  const server = read(
    'SIVO_SMTP_URL',
    '',
    'smtp://host:port or smtps://host:port, with user:password@ before the host if it needs a login',
    (text) => (text === '' ? null : parseSmtpUrl(text)),
  )
  const from = read(
    'SIVO_SMTP_FROM',
    '',
    'an e-mail address, with or without a name, such as SIVO <sivo@example.com>',
    (text) => (text === '' ? null : (parseSender(text) ?? undefined)),
  )
  const webhook = (name: string) =>
    read(name, '', 'an https URL of a public host', (text) =>
      /^https:\/\/[^/?#]/i.test(text) ? text : text === '' ? null : undefined,
    )
  return {
    smtp: server && from ? { server, from } : null,
    operatorNotices: {
      emails: read(
        'SIVO_NOTICES_EMAIL',
        '',
        'e-mail addresses separated by commas, such as ops@example.com',
        (text) => {
          const parsed = text === '' ? [] : text.split(',').map((each) => parseMailAddress(each.trim()))
          return parsed.every((each) => 'address' in each) ? parsed.map((each) => each.address) : undefined
        },
      ),
      slackUrl: webhook('SIVO_NOTICES_SLACK_URL'),
      teamsUrl: webhook('SIVO_NOTICES_TEAMS_URL'),
      scope: read('SIVO_NOTICES_SCOPE', 'everything', 'everything or gateway', (text) =>
        oneOf(['everything', 'gateway'] as const, text),
      ),
    },
    noticesEveryMs: read('SIVO_NOTICES_EVERY', '1m', 'a duration up to 30d, such as 1m', parseDuration),
  }
}

/** What the settings of notices need of each other. Settings that are wrong by themselves were reported before. */
export function noticeProblems(
  {
    operatorNotices,
    allowedNetworks,
    allowedPorts,
    publicUrl,
  }: NoticesConfig & EndpointUrlRules & { readonly publicUrl: string | null },
  env: Environment,
): string[] {
  const problems: string[] = []
  if (isSet(env, 'SIVO_SMTP_URL') !== isSet(env, 'SIVO_SMTP_FROM'))
    problems.push(
      `${isSet(env, 'SIVO_SMTP_URL') ? 'SIVO_SMTP_FROM' : 'SIVO_SMTP_URL'}: expected a value, because ${isSet(env, 'SIVO_SMTP_URL') ? 'SIVO_SMTP_URL' : 'SIVO_SMTP_FROM'} has one, got nothing. Set both, or neither.`,
    )
  if (isSet(env, 'SIVO_NOTICES_EMAIL') && !isSet(env, 'SIVO_SMTP_URL'))
    problems.push(
      'SIVO_NOTICES_EMAIL: expected SIVO_SMTP_URL beside it, got none. Set the SMTP server, or leave the addresses out.',
    )
  for (const [name, url] of [
    ['SIVO_NOTICES_SLACK_URL', operatorNotices.slackUrl],
    ['SIVO_NOTICES_TEAMS_URL', operatorNotices.teamsUrl],
  ] as const) {
    if (!url || !allowedNetworks || !allowedPorts) continue
    const parsed = parseEndpointUrl(url, { allowedNetworks, allowedPorts })
    if ('url' in parsed) continue
    const [issue] = parsed.issues
    const tells = issue!.includes(url.slice(0, 30))
    problems.push(`${name}: ${tells ? `expected an https URL of a public host, got ${shown(name, url)}` : issue}.`)
  }
  const speaks = NOTICE_SETTINGS.filter((name) => isSet(env, name))
  if (speaks.length > 0 && publicUrl === null)
    problems.push(
      `SIVO_PUBLIC_URL: expected the URL of the console, because ${speaks[0]} is set and notices hold links to it, got nothing.`,
    )
  return problems
}

const NOTICE_SETTINGS = ['SIVO_SMTP_URL', 'SIVO_NOTICES_EMAIL', 'SIVO_NOTICES_SLACK_URL', 'SIVO_NOTICES_TEAMS_URL']
