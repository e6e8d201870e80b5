import { expect, test } from 'vitest'
import { stepsOfTiming } from '../../../src/domain/delivery/progress.ts'

const NOTHING = { dnsMs: null, connectMs: null, tlsMs: null, firstByteMs: null }

test('an attempt over a new connection has every step, in order', () => {
  expect(stepsOfTiming({ dnsMs: 1, connectMs: 2, tlsMs: 3, firstByteMs: 4, totalMs: 12 })).toEqual([
    { step: 'DNS', atMs: 1 },
    { step: 'CONNECT', atMs: 3 },
    { step: 'TLS', atMs: 6 },
    { step: 'REQUEST_SENT', atMs: 6 },
    { step: 'FIRST_BYTE', atMs: 10 },
    { step: 'DONE', atMs: 12 },
  ])
})

test('an attempt over a reused connection begins with the request', () => {
  expect(stepsOfTiming({ ...NOTHING, firstByteMs: 4, totalMs: 5 }).map(({ step }) => step)).toEqual([
    'REQUEST_SENT',
    'FIRST_BYTE',
    'DONE',
  ])
})

test('a failed attempt has the steps that it completed', () => {
  expect(stepsOfTiming({ ...NOTHING, dnsMs: 3, totalMs: 10_000 }).map(({ step }) => step)).toEqual(['DNS', 'DONE'])
  expect(stepsOfTiming({ ...NOTHING, totalMs: 0 })).toEqual([{ step: 'DONE', atMs: 0 }])
})
