import { expect, test } from 'vitest'
import { namesType, preferredCoding, preferredType } from '../../../src/server/http/negotiation.ts'

const JSON_TYPE = 'application/json'
const GRAPHQL = 'application/graphql-response+json'
const EVENTS = 'text/event-stream'

test.each<{ accept: string | undefined; type: string | null }>([
  { accept: undefined, type: JSON_TYPE },
  { accept: '', type: JSON_TYPE },
  { accept: '*/*', type: JSON_TYPE },
  { accept: 'application/*', type: JSON_TYPE },
  { accept: 'text/*', type: EVENTS },
  { accept: 'APPLICATION/JSON', type: JSON_TYPE },
  { accept: 'Text/Event-Stream', type: EVENTS },
  { accept: `${GRAPHQL}, application/json;q=0.9`, type: GRAPHQL },
  { accept: `application/json;q=0.9,${GRAPHQL}`, type: GRAPHQL },
  { accept: `application/json, ${GRAPHQL}`, type: GRAPHQL },
  { accept: `${GRAPHQL}, application/json`, type: GRAPHQL },
  { accept: `${GRAPHQL}; charset=utf-8, application/json; charset=utf-8`, type: GRAPHQL },
  { accept: `application/json;charset="UTF-8"`, type: JSON_TYPE },
  { accept: 'application/json;charset=latin1', type: null },
  { accept: 'text/html', type: null },
  { accept: 'text/html, */*;q=0.1', type: JSON_TYPE },
  { accept: '*/*, application/json;q=0', type: GRAPHQL },
  { accept: 'application/json;q=0', type: null },
  { accept: 'application/json;q=0.000', type: null },
  { accept: 'application/json;q=2', type: JSON_TYPE },
  { accept: 'application/json;q=nonsense', type: JSON_TYPE },
  { accept: 'application/json; odata=verbose', type: JSON_TYPE },
  { accept: 'multipart/mixed;boundary="a,b;c";subscriptionSpec=1.0, application/json', type: JSON_TYPE },
  { accept: 'multipart/mixed', type: null },
  { accept: `${EVENTS}, application/json;q=0.5`, type: EVENTS },
  { accept: `${EVENTS};q=0.5, application/json`, type: JSON_TYPE },
  { accept: `${EVENTS}, application/json`, type: JSON_TYPE },
  { accept: `*/*, ${GRAPHQL}`, type: GRAPHQL },
  { accept: `*/*, ${GRAPHQL};q=0.9`, type: JSON_TYPE },
  { accept: ',,; ;,', type: null },
  { accept: '"', type: null },
])('of what is offered, accept $accept prefers $type', ({ accept, type }) => {
  expect(preferredType(accept)).toBe(type)
})

test.each([
  ['text/event-stream', true],
  ['TEXT/EVENT-STREAM', true],
  ['text/event-stream;q=0.1, application/json', true],
  ['application/json, text/event-stream; charset=utf-8', true],
  ['text/event-stream;q=0', false],
  ['*/*', false],
  ['text/*', false],
  ['text/event-streams', false],
  ['application/x-text/event-stream', false],
  ['application/json; note="text/event-stream"', false],
  [undefined, false],
] as const)('accept %s names a stream of events: %s', (accept, names) => {
  expect(namesType(accept, EVENTS)).toBe(names)
})

test.each([
  [undefined, null],
  ['', null],
  ['gzip', 'gzip'],
  ['GZIP', 'gzip'],
  ['x-gzip', 'gzip'],
  ['gzip, deflate, br', 'br'],
  ['gzip, deflate, br, zstd', 'zstd'],
  ['identity, gzip;q=0.5', null],
  ['identity;q=0.5, gzip', 'gzip'],
  ['br;q=1.0, gzip;q=0.8, *;q=0.1', 'br'],
  ['gzip;q=0.5, br;q=0.8', 'br'],
  ['gzip;q=0', null],
  ['gzip;q=0, *', 'zstd'],
  ['*', 'zstd'],
  ['identity', null],
  ['identity;q=1, *;q=0', null],
  ['deflate', null],
] as const)('of zstd, br and gzip, accept-encoding %s prefers %s', (accept, coding) => {
  expect(preferredCoding(accept, ['zstd', 'br', 'gzip'])).toBe(coding)
})
