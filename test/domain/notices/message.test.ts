import { describe, expect, test } from 'vitest'
import { asMail, asSlack, asTeams } from '../../../src/domain/notices/form.ts'
import type { IncidentKind } from '../../../src/domain/notices/incident.ts'
import { composeNotice, formatSpan, type ToldIncident } from '../../../src/domain/notices/message.ts'

const SINCE = '2026-11-18T14:02:07.118Z'
const INCIDENT: ToldIncident = {
  id: '01a224e2-bda9-7947-bd08-521dffe28400',
  kind: 'endpoint.failing',
  tenantId: '01a224e2-bda9-7947-bd08-521dffe28401',
  tenantName: 'Acme',
  endpointId: '01a224e2-bda9-7947-bd08-521dffe28402',
  endpointName: 'CRM',
  endpointUrl: 'https://crm.example.com/a-secret-token',
  changedBy: 'Ana',
  beganAt: new Date('2026-11-18T15:02:11.000Z'),
  endedAt: new Date('2026-11-18T17:40:33.000Z'),
  endedBecause: 'recovered',
  deadLetters: 0,
  details: { failingSince: SINCE, disablesAt: '2026-11-23T14:02:07.118Z', statusCode: 503, errorCode: 'http_status' },
}
const CONSOLE = 'https://hooks.example.com'

const KINDS: IncidentKind[] = [
  'endpoint.failing',
  'endpoint.disabled',
  'dead_letters',
  'backlog.growing',
  'signing_secret.rotation_due',
  'network.failing',
]
const DETAILS: Partial<Record<IncidentKind, Record<string, unknown>>> = {
  'endpoint.disabled': { reason: 'failing', failingSince: SINCE },
  'backlog.growing': { oldestDueAt: SINCE, waitingCount: 1200 },
  'signing_secret.rotation_due': { secretCreatedAt: SINCE, ageDays: 400 },
}

describe('the message of a notice', () => {
  test('the message of a begin says what fails, since when, why, and what happens next', () => {
    const { subject, lines } = composeNotice('BEGAN', [INCIDENT], CONSOLE)
    expect(subject).toBe('CRM of Acme fails')
    expect(lines).toEqual([
      {
        text: 'CRM of Acme (crm.example.com) has failed since 2026-11-18 14:02 UTC: HTTP 503. If it goes on, the gateway disables it on 2026-11-23 14:02 UTC or later.',
        link: expect.stringMatching(/^https:\/\/hooks\.example\.com\/endpoints\/ep_\w{26}\?tenant=ten_\w{26}$/),
      },
    ])
  })

  test('the message of an end says how long it took and what was lost to retries', () => {
    const [line] = composeNotice('ENDED', [{ ...INCIDENT, deadLetters: 1 }], CONSOLE).lines
    expect(line!.text).toBe(
      'CRM of Acme (crm.example.com) works again, after 3 hours 38 minutes. 1 delivery became a dead letter.',
    )
  })

  test.each(KINDS)('a message of %s has words for its begin and its end, and no secret', (kind) => {
    const incident = { ...INCIDENT, kind, details: DETAILS[kind] ?? INCIDENT.details }
    for (const phase of ['BEGAN', 'ENDED'] as const) {
      const message = composeNotice(phase, [incident], CONSOLE)
      const whole = JSON.stringify([asMail(message), asSlack(message), asTeams(message)])
      expect(whole).not.toMatch(/undefined|null|NaN|Invalid|some deliveries|a-secret-token/)
      expect(message.lines[0]!.text).toMatch(/^[A-Z].*\.$/)
    }
  })

  test('many incidents are counted beyond the twentieth, and a message without a console has no links', () => {
    const { subject, lines } = composeNotice(
      'BEGAN',
      Array.from({ length: 25 }, () => INCIDENT),
      null,
    )
    expect(subject).toBe('25 incidents began')
    expect(lines).toHaveLength(21)
    expect(lines.at(-1)!.text).toBe('And 5 more.')
    expect(lines.every(({ link }) => link === null)).toBe(true)
  })

  test('a name with line breaks adds no header to a mail', () => {
    const incident = { ...INCIDENT, endpointName: 'CRM\r\nBcc: everybody@example.com' }
    expect(asMail(composeNotice('BEGAN', [incident], CONSOLE)).subject).toBe(
      '[SIVO] CRM Bcc: everybody@example.com of Acme fails',
    )
  })

  test.each([
    [0, 'less than a second'],
    [40_000, '40 seconds'],
    [3_600_000, '1 hour'],
    [3_605_000, '1 hour'],
    [90_000_000, '1 day 1 hour'],
    [432_000_000, '5 days'],
  ])('%i ms are told as "%s"', (ms, text) => {
    expect(formatSpan(ms)).toBe(text)
  })
})
