import { describe, expect, test } from 'vitest'
import { validateEndpointHeaders } from '../../../src/domain/endpoint/header.ts'

describe('the headers of an endpoint', () => {
  test('an endpoint may have 20 headers of its own', () => {
    const headers = Array.from({ length: 20 }, (_, index) => ({ name: `X-Own-${index}`, value: `v ${index}` }))
    expect(validateEndpointHeaders([...headers.slice(1), { name: 'Authorization', value: 'Bearer ~!"{}' }])).toEqual([])
  })

  test('more than 20 headers are refused', () => {
    const headers = Array.from({ length: 21 }, (_, index) => ({ name: `X-Own-${index}`, value: '' }))
    expect(validateEndpointHeaders(headers)).toEqual([{ path: [], message: expect.stringContaining('got 21') }])
  })

  test.each([
    ...[
      'host',
      'Content-Length',
      'content-type',
      'TRANSFER-ENCODING',
      'connection',
      'Expect',
      'TE',
      'upgrade',
      'trailer',
    ],
    ...['cookie', 'Proxy-Authorization', 'proxy-connection', 'X-Sivo-Signature', 'x-sivo-anything', 'Webhook-Id'],
    ...['user-agent', 'Metadata-Flavor', 'Metadata', 'X-aws-ec2-metadata-token', 'Accept-Encoding', 'content-encoding'],
  ])('the reserved header %s is refused', (name) => {
    expect(validateEndpointHeaders([{ name, value: 'x' }])).toEqual([
      { path: ['0', 'name'], message: expect.stringContaining(name) },
    ])
  })

  test.each(['', 'a b', 'a:b', 'a_b', 'ä', 'a\r\nb', 'a'.repeat(65)])('the header name %j is refused', (name) => {
    expect(validateEndpointHeaders([{ name, value: 'x' }])).toEqual([
      { path: ['0', 'name'], message: expect.stringContaining('1 to 64') },
    ])
  })

  test.each(['a\r\nHost: evil', 'a\u0000', 'ä', '\ttab', 'x'.repeat(1025), ' padded', 'padded '])(
    'have no value like %j',
    (value) => {
      expect(validateEndpointHeaders([{ name: 'X-Own', value }])).toEqual([
        { path: ['0', 'value'], message: expect.stringContaining('expected') },
      ])
    },
  )

  test('a header name that appears twice is refused, in upper or lower case', () => {
    const headers = [{ name: 'X-Own', value: '1' }, { name: 'X-Other', value: '1' }, { name: 'x-own' }]
    expect(validateEndpointHeaders(headers)).toEqual([
      { path: ['2', 'name'], message: expect.stringContaining('entry 0') },
    ])
  })
})
