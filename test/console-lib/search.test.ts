import { expect, test } from 'vitest'
import { faultOfQuery } from '../../console/src/api/faults.ts'
import { namesApart } from '../../console/src/lib/endpoint-names.ts'
import { deliverySearch, only, overviewSearch, parseSearch, stringifySearch } from '../../console/src/lib/search.ts'

test.each([
  ['a parameter of somebody else', '?utm_source=mail&statuses=HELD', '?statuses=HELD'],
  ['values that are none', '?statuses=NOPE&statusCodes=abc&from=yesterday&test=maybe&since=toString', ''],
  ['one of several values that is none', '?statusCodes=503&statusCodes=abc', '?statusCodes=503'],
  ['what every page has', '?tenant=ten_1&delivery=dlv_1&x=y', '?tenant=ten_1&delivery=dlv_1'],
])('the address of a page keeps its own parameters and none besides: %s', (_, address, kept) => {
  const raw = parseSearch(address)
  // The router lays what a page reads over what came.
  expect(stringifySearch({ ...raw, ...only(deliverySearch)(raw) })).toBe(kept)
})

test('a period of the overview that there is not is left out', () => {
  const raw = parseSearch('?window=LAST_YEAR')
  expect({ ...raw, ...only(overviewSearch)(raw) }).toEqual({ window: undefined })
})

test('endpoints of one name are told apart by their addresses, and others are called by their names', () => {
  const endpoints = [
    { name: 'CRM', url: 'https://one.example.com/hooks' },
    { name: 'CRM', url: 'https://two.example.com/hooks' },
    { name: 'BI', url: 'https://one.example.com/bi' },
  ]
  expect(endpoints.map(namesApart(endpoints))).toEqual([
    'CRM (one.example.com/hooks)',
    'CRM (two.example.com/hooks)',
    'BI',
  ])
})

test('the sentence about an answer that did not come makes sense alone', () => {
  expect(faultOfQuery({ graphQLErrors: [] } as never).detail).toMatch(/^No answer came\. The gateway may be/)
})
