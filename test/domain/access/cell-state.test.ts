import { expect, test } from 'vitest'
import { findingOf, mayBeRead, notRead, type ReadyReply } from '../../../src/domain/access/cell-state.ts'

const US1 = { name: 'us1', url: 'https://us1.example.com' }
const READY = { status: 'READY', failing: [], problem: null }
const of = (reply: ReadyReply) => findingOf(reply, US1)
const json = (status: number, value: unknown) => of({ status, text: JSON.stringify(value) })

test('a cell is read over TLS, or on this machine', () => {
  for (const url of ['https://us1.example.com', 'http://127.0.0.1:4000', 'http://localhost:4000', 'http://[::1]:4000'])
    expect(mayBeRead(url)).toBe(true)
  for (const url of ['http://us1.example.com', 'http://10.0.0.1', 'http://127.example.com', 'http://localhost.example'])
    expect(mayBeRead(url)).toBe(false)
  expect(notRead('http://10.0.0.1').problem).toBe(
    'Expected an https URL, or one of this machine, got http://10.0.0.1, to which no connection is made. Correct SIVO_CELL_URLS.',
  )
  expect(notRead('http://10.0.0.1').status).toBe('NOT_ASKED')
})

test('a cell is ready if its /ready says so, and not ready with the parts that it names', () => {
  expect(json(200, { status: 'ready' })).toEqual(READY)
  expect(json(200, { status: 'ready', cell: 'us1' })).toEqual(READY)
  const failing = ['database: read-only', 'partitions: event has none for now']
  expect(json(503, { status: 'not ready', failing, cell: 'us1' })).toEqual({
    status: 'NOT_READY',
    failing,
    problem: null,
  })
})

test('what did not connect, did not answer or answered otherwise is told apart, with what was expected and what to do', () => {
  const unconnected = (error: string): ReadyReply => ({ error, unconnected: true })
  const told: [ReadyReply, string, string][] = [
    [{ silentForMs: 2_000 }, 'NO_ANSWER', 'within 2 s, got none. Look'],
    [{ error: 'ECONNRESET', unconnected: false }, 'NO_ANSWER', 'got no reply (ECONNRESET). Look'],
    [unconnected('ECONNREFUSED'), 'NO_CONNECTION', 'got none: nothing listens at that port (ECONNREFUSED). Look'],
    [unconnected('ENOTFOUND'), 'NO_CONNECTION', 'got none: its host name is not known (ENOTFOUND). Correct'],
    [unconnected('CERT_HAS_EXPIRED'), 'NO_CONNECTION', 'its TLS certificate has expired (CERT_HAS_EXPIRED). Give'],
    [
      unconnected('DEPTH_ZERO_SELF_SIGNED_CERT'),
      'NO_CONNECTION',
      'its TLS certificate or handshake was refused (DEPTH',
    ],
    [unconnected('EMFILE'), 'NO_CONNECTION', 'got none (EMFILE). Look'],
    [{ status: 302, text: '' }, 'OTHER_ANSWER', 'got a redirect (302), which is not followed. Give SIVO_CELL_URLS'],
    [{ status: 200, text: null }, 'OTHER_ANSWER', 'got HTTP 200 without one. Look'],
    [{ status: 404, text: '<html>' }, 'OTHER_ANSWER', 'got HTTP 404 without one. Look'],
    [{ status: 500, text: '{"status":"ready"}' }, 'OTHER_ANSWER', 'got HTTP 500 without one. Look'],
    [{ status: 200, text: 'null' }, 'OTHER_ANSWER', 'got HTTP 200 without one. Look'],
    [{ status: 200, text: '{"status":"ready","cell":"eu1"}' }, 'OTHER_ANSWER', 'Expected the cell us1 at'],
  ]
  for (const [reply, expected, words] of told) {
    const { status, failing, problem } = of(reply)
    expect([status, failing]).toEqual([expected, []])
    expect(problem).toContain(words)
    expect(problem).toContain('https://us1.example.com/ready')
  }
})

test('a proxy that has nowhere to send a request says that no process of the cell is ready', () => {
  for (const status of [502, 503, 504])
    for (const text of ['<html>', '{"status":"not ready"}', null])
      expect(of({ status, text })).toEqual({
        status: 'NOT_READY',
        failing: [`HTTP ${status} of what stands in front of it: no process of the cell is ready there`],
        problem: null,
      })
})

test('of what another machine names as failing, 20 parts of 200 characters are kept', () => {
  const failing = Array.from({ length: 30 }, () => 'x'.repeat(300))
  expect(json(503, { failing }).failing).toEqual(Array.from({ length: 20 }, () => 'x'.repeat(200)))
  expect(json(503, { failing: [1, null, 'database: silent'] }).failing).toEqual(['database: silent'])
})
