import { describe, expect, test } from 'vitest'
import { parseEndpointUrl } from '../../../src/domain/endpoint/url.ts'
import { parseNetworks } from '../../../src/domain/values/network-address.ts'

const strict = { allowedPorts: [443, 8443], allowedNetworks: [] }
const development = { allowedPorts: [443, 8443], allowedNetworks: parseNetworks('127.0.0.0/8,::1/128') }

describe('an endpoint URL', () => {
  test.each([
    ['https://example.com', 'https://example.com/'],
    ['HTTPS://Hooks.EXAMPLE.com:443/a/../b?c=d%20e', 'https://hooks.example.com/b?c=d%20e'],
    ['https://example.com:8443/x', 'https://example.com:8443/x'],
    ['https://bücher.example/ü', 'https://xn--bcher-kva.example/%C3%BC'],
    ['https://example.com/?email=a@b.example', 'https://example.com/?email=a@b.example'],
    ['https://my_host.example.com/', 'https://my_host.example.com/'],
  ])('the endpoint URL %s is stored as %s', (raw, url) => expect(parseEndpointUrl(raw, strict)).toEqual({ url }))

  test.each([
    ['http://example.com/', 'https://'],
    ['ftp://example.com/', 'https://'],
    ['//example.com/', 'https://'],
    ['example.com', 'https://'],
    ['https:/example.com/', 'https://'],
    ['https:///example.com/', 'https://'],
    ['', 'https://'],
    [`ftp://example.com/${'a'.repeat(2000)}`, `${'a'.repeat(82)}…"`],
    ['https://exa mple.com/', 'a space at position 12'],
    [' https://example.com/', 'a space at position 1'],
    ['https://example.com/\n', 'U+000A'],
    ['https://exam\tple.com/', 'U+0009'],
    ['https://example.com\\@evil.example/', 'a backslash'],
    ['https://example.com/\u202e', 'U+202E'],
    ['https://example.com/\u0000', 'U+0000'],
    ['https://user:pw@example.com/', 'user name'],
    ['https://@example.com/', 'user name'],
    ['https://example.com/#part', 'fragment'],
    ['https://example.com/#', 'fragment'],
    ['https://example.com./', 'dot at its end'],
    ['https://*.example.com/', 'letters, digits, hyphens and dots'],
    ['https://-a.example.com/', 'letters, digits, hyphens and dots'],
    [`https://${'a'.repeat(64)}.example.com/`, 'letters, digits, hyphens and dots'],
    ['https://example.com:22/', 'ports 443, 8443, got 22'],
    ['https://example.com:0/', 'ports 443, 8443, got 0'],
    ['https://example.com:99999/', 'check the host and the port'],
    ['https://a.b:c:d/', 'check the host and the port'],
    ['https://localhost/', 'public internet'],
    ['https://app.localhost/', 'public internet'],
    ['https://printer.local/', 'public internet'],
    ['https://metadata.google.internal/', 'public internet'],
    ['https://intranet/', 'public internet'],
    [`https://example.com/${'a'.repeat(2048)}`, '2048 characters, got 2068'],
    [`https://example.com/${'ü'.repeat(600)}`, 'once written in ASCII'],
  ])('the endpoint URL %j is refused with the reason %j', (raw, reason) => {
    expect(parseEndpointUrl(raw, strict)).toEqual({ issues: [expect.stringContaining(reason)] })
  })

  test.each([
    ...['127.0.0.1', '127.1', '2130706433', '0x7f.1', '0177.0.0.1', '0x7f000001', '127.0.0.1.', '１２７.0.0.1'],
    ...['%31%32%37.0.0.1', '①②⑦.0.0.1', '[::1]', '[::ffff:127.0.0.1]', '[::ffff:7f00:1]', '[::127.0.0.1]', '0'],
    ...['169.254.169.254', '8.8.8.8', '[2606:4700::1111]', '[64:ff9b::7f00:1]'],
  ])('an endpoint URL with the address %s as its host is refused', (host) => {
    expect(parseEndpointUrl(`https://${host}/`, strict)).toEqual({
      issues: [expect.stringContaining('got the address')],
    })
  })

  test('an endpoint URL may name an address inside allowed networks, on any port', () => {
    expect(parseEndpointUrl('https://127.0.0.1:4001/x', development)).toEqual({ url: 'https://127.0.0.1:4001/x' })
    expect(parseEndpointUrl('https://[::1]:9/', development)).toEqual({ url: 'https://[::1]:9/' })
    expect(parseEndpointUrl('https://10.0.0.1:9/', development)).toEqual({
      issues: [expect.stringContaining('10.0.0.1'), expect.stringContaining('got 9')],
    })
  })

  test('with allowed networks, local names and other ports are accepted, and checked when they are used', () => {
    expect(parseEndpointUrl('https://localhost:4001/', development)).toEqual({ url: 'https://localhost:4001/' })
    expect(parseEndpointUrl('https://receiver:22/', development)).toEqual({ url: 'https://receiver:22/' })
    expect(parseEndpointUrl('https://receiver:0/', development)).toEqual({ issues: [expect.stringContaining('got 0')] })
  })

  test.each([
    ['https://10.0.0.1/', 'SIVO_ALLOWED_NETWORKS'],
    ['https://receiver/', 'SIVO_ALLOWED_NETWORKS'],
    ['https://receiver.internal/', 'SIVO_ALLOWED_NETWORKS'],
    ['https://example.com:9443/', 'SIVO_ALLOWED_PORTS'],
  ])('the refusal of %s names the setting that lets it through', (raw, setting) => {
    expect(parseEndpointUrl(raw, strict)).toEqual({ issues: [expect.stringContaining(setting)] })
  })

  test('every error of an endpoint URL is reported at once', () => {
    expect(parseEndpointUrl('https://localhost:22/', strict)).toEqual({
      issues: [expect.stringContaining('public internet'), expect.stringContaining('got 22')],
    })
  })
})
