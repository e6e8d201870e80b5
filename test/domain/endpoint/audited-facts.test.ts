import { expect, test } from 'vitest'
import { endpointChange, shownUrl } from '../../../src/domain/endpoint/audited-facts.ts'

test('of a URL the audit shows the host and what is too short to be a key', () => {
  const shown = [
    ['https://crm.example/', 'https://crm.example/'],
    ['https://crm.example:8443/v1/hooks', 'https://crm.example:8443/v1/hooks'],
    [
      'https://hooks.example/services/T00000000/B00000000/abcdefghijklmnopqrstuvwx',
      'https://hooks.example/services/T00000000/B00000000/…uvwx',
    ],
    ['https://crm.example/in?token=s3cret&plain&x=', 'https://crm.example/in?token=…&plain&x=…'],
    ['https://crm.example/in?abcdefghijklmnopqrst', 'https://crm.example/in?…qrst'],
    ['https://crm.example/in?abcdefghijklmnopqrst=1', 'https://crm.example/in?…qrst=…'],
  ]
  expect(shown.map(([url]) => shownUrl(url!))).toEqual(shown.map(([, text]) => text))
})

test('a change of an endpoint shows each changed field before and after, and no other field', () => {
  const before = {
    name: 'CRM',
    url: 'https://crm.example/',
    eventTypes: [],
    headers: [],
    condition: null,
    maxInFlight: 5,
  }
  const after = { ...before, condition: '$.data.x', eventTypes: ['call.ended'] }
  expect(endpointChange(before, after, ['condition', 'eventTypes'])).toEqual({
    changed: ['condition', 'eventTypes'],
    before: { condition: null, eventTypes: 'all' },
    after: { condition: '$.data.x', eventTypes: ['call.ended'] },
  })
})
