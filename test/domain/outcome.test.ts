import { describe, expect, test } from 'vitest'
import { type FailureCode, judge, reasonForLog, type SendResult } from '../../src/domain/outcome.ts'

const now = new Date('2026-11-01T12:00:00Z')

describe('an attempt', () => {
  test.each([200, 201, 202, 204, 206, 299])('an attempt that is answered %d is delivered', (statusCode) => {
    expect(judge(answered(statusCode), now)).toEqual({
      kind: 'delivered',
      statusCode,
      errorCode: null,
      errorMessage: null,
      retryAfterMs: null,
      gone: false,
    })
  })

  test.each([
    ...[300, 301, 302, 303, 304, 307, 308].map((statusCode) => [statusCode, 'redirect'] as const),
    ...[400, 401, 404, 408, 422, 429, 451, 500, 502, 503, 504, 599, 999].map((code) => [code, 'http_status'] as const),
    [101, 'invalid_response'] as const,
  ])('an attempt that is answered %d is refused as %s', (statusCode, errorCode) => {
    const outcome = judge(answered(statusCode), now)
    expect(outcome).toMatchObject({ kind: 'refused', statusCode, errorCode, gone: false })
    expect(outcome.errorMessage).toContain(String(statusCode))
  })

  test('an attempt that is answered 410 is refused for good', () => {
    expect(judge(answered(410), now)).toMatchObject({ kind: 'refused', statusCode: 410, errorCode: 'gone', gone: true })
  })

  test('an attempt that is redirected names the target, and not for the log', () => {
    const outcome = judge(answered(302, [['Location', 'https://new.example/']]), now)
    expect(outcome.errorMessage).toContain('https://new.example/')
    expect(reasonForLog(outcome)).toBe('The receiver answered 302, and redirects are not followed.')
  })

  test.each<FailureCode>([
    ...(['timeout', 'dns_failed', 'connect_failed', 'tls_failed'] as const),
    ...(['connection_reset', 'invalid_response', 'blocked_address'] as const),
  ])('an attempt that failed with %s keeps its code and sentence', (code) => {
    expect(judge({ ...answered(200), reply: null, failure: { code, message: 'Why.' } }, now)).toEqual({
      kind: 'refused',
      statusCode: null,
      errorCode: code,
      errorMessage: 'Why.',
      retryAfterMs: null,
      gone: false,
    })
  })

  test('an attempt whose reply broke off after its head is decided by the head', () => {
    const failure = { code: 'timeout' as const, message: 'Late.' }
    expect(judge({ ...answered(200), failure }, now)).toMatchObject({
      kind: 'delivered',
      statusCode: 200,
      errorCode: null,
    })
    expect(judge({ ...answered(500), failure }, now)).toMatchObject({ statusCode: 500, errorCode: 'http_status' })
    expect(judge({ ...answered(410), failure }, now)).toMatchObject({ statusCode: 410, errorCode: 'gone', gone: true })
    const busy = { ...answered(503, [['Retry-After', '7']]), failure }
    expect(judge(busy, now)).toMatchObject({ errorCode: 'http_status', retryAfterMs: 7_000 })
  })
})

describe('Retry-After', () => {
  test.each([
    ['120', 120_000],
    [' 7 ', 7_000],
    ['86400', 3_600_000],
    ['9'.repeat(400), 3_600_000],
    ['Sun, 01 Nov 2026 12:00:30 GMT', 30_000],
    ['Sunday, 01-Nov-26 12:00:30 GMT', 30_000],
    ['Sun Nov  1 12:00:30 2026', 30_000],
    // go-limiter, slowapi, and Java's RFC_1123_DATE_TIME.
    ['Sun, 01 Nov 2026 12:00:30 UTC', 30_000],
    ['Sun, 01 Nov 2026 12:00:30 -0000', 30_000],
    ['Sun, 1 Nov 2026 12:00:30 GMT', 30_000],
    ['Sun, 1 Nov 2026 13:00:30 +0100', 30_000],
    ['Sun, 01 Nov 2026 12:00:30 CET', null],
    ['Mon, 02 Nov 2026 12:00:00 GMT', 3_600_000],
    ['Sun, 01 Nov 2026 11:59:59 GMT', null],
    ['0', null],
    ['-5', null],
    ['1.5', 1_500],
    ['0.0004', 1],
    ['0.0', null],
    ['1.', null],
    ['1e3', null],
    ['soon', null],
    ['', null],
    ['2026-11-01', null],
  ])('Retry-After %j asks to wait %s ms', (value, retryAfterMs) => {
    for (const statusCode of [429, 503]) {
      expect(judge(answered(statusCode, [['Retry-After', value]]), now).retryAfterMs).toBe(retryAfterMs)
    }
  })

  test.each([200, 301, 404, 410, 500, 502])('Retry-After of a %d is ignored', (statusCode) => {
    expect(judge(answered(statusCode, [['Retry-After', '120']]), now).retryAfterMs).toBeNull()
  })
})

function answered(statusCode: number, headers: [string, string][] = []): SendResult {
  return {
    reply: { statusCode, headers, body: Buffer.alloc(0), bodyTruncated: false },
    failure: null,
    requestCount: 1,
    timing: { dnsMs: null, connectMs: null, tlsMs: null, firstByteMs: 1, totalMs: 2 },
    latencyMs: 2,
    aborted: false,
  }
}
