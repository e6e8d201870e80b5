import { randomBytes } from 'node:crypto'
import { BlockList } from 'node:net'
import ipaddr from 'ipaddr.js'
import { describe, expect, test } from 'vitest'
import { isPublicAddress, isThisMachine, mayDial, parseNetworks } from '../../../src/domain/values/network-address.ts'

// The IANA special-purpose registries, multicast and what is not assigned for the public internet.
const SPECIAL_V4 =
  `0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.2.0/24
  192.31.196.0/24 192.52.193.0/24 192.88.99.0/24 192.168.0.0/16 192.175.48.0/24 198.18.0.0/15 198.51.100.0/24
  203.0.113.0/24 224.0.0.0/4 240.0.0.0/4 168.63.129.16/32`.split(/\s+/)
const SPECIAL_V6 = `::/8 64:ff9b::/96 64:ff9b:1::/48 100::/64 100:0:0:1::/64 2001::/23 2001:db8::/32 2002::/16
  2620:4f:8000::/48 3fff::/20 5f00::/16 fc00::/7 fe80::/10 fec0::/10 ff00::/8`.split(/\s+/)

// All that IANA has not given out for global unicast: everything but 2000::/3.
const UNASSIGNED_V6 = ['::/3', '4000::/3', '6000::/3', '8000::/3', 'a000::/3', 'c000::/3', 'e000::/3']

describe('isPublicAddress', () => {
  test.each(['8.8.8.8', '1.1.1.1', '93.184.215.14', '198.17.255.255', '198.20.0.0', '2606:4700::1111', '2a00:1450::1'])(
    'accepts %s',
    (address) => expect(isPublicAddress(address)).toBe(true),
  )

  test.each([
    ...['127.1', '0x7f.1', '2130706433', '0177.0.0.1', '127.0.0.1.', ' 8.8.8.8', '8.8.8.8/32', '', 'localhost', '1'],
    ...['fe80::1%lo', '2606:4700::1111%eth0', '[2606:4700::1111]', '8.8.8.8%1'],
  ])('isPublicAddress refuses %j, which is not a plain address', (text) => expect(isPublicAddress(text)).toBe(false))

  test('isPublicAddress refuses the first and last address of every special-purpose block', () => {
    for (const block of [...SPECIAL_V4, ...SPECIAL_V6, ...UNASSIGNED_V6]) {
      for (const address of ends(block)) expect.soft(isPublicAddress(address), `${address} of ${block}`).toBe(false)
    }
  })

  test('isPublicAddress refuses every form of an IPv4 address inside an IPv6 address', () => {
    for (const inner of ['127.0.0.1', '169.254.169.254', '10.0.0.1', '8.8.8.8']) {
      const [high, low] = halves(inner)
      const embeddings = {
        mapped: `::ffff:${inner}`,
        mappedHex: `::ffff:${high}:${low}`,
        compatible: `::${high}:${low}`,
        translated: `::ffff:0:${high}:${low}`,
        nat64: `64:ff9b::${high}:${low}`,
        localNat64: `64:ff9b:1::${high}:${low}`,
        sixToFour: `2002:${high}:${low}::1`,
        teredo: `2001:0:${high}:${low}::1`,
        isatap: `2606:4700::5efe:${high}:${low}`,
        isatapUniversal: `2606:4700::200:5efe:${high}:${low}`,
        isatapGroup: `2606:4700::100:5efe:${high}:${low}`,
      }
      for (const [way, address] of Object.entries(embeddings)) {
        expect.soft(isPublicAddress(address), `${way} of ${inner}`).toBe(false)
      }
    }
  })

  test('isPublicAddress agrees with an independent block list on 100,000 addresses', () => {
    const special = { ipv4: new BlockList(), ipv6: new BlockList() }
    for (const block of SPECIAL_V4) special.ipv4.addSubnet(...subnet(block), 'ipv4')
    for (const block of [...SPECIAL_V6, ...UNASSIGNED_V6]) special.ipv6.addSubnet(...subnet(block), 'ipv6')
    const wrong: string[] = []
    for (let count = 0; count < 50_000; count++) {
      for (const [family, address] of [
        ['ipv4', someV4()],
        ['ipv6', someV6()],
      ] as const) {
        if (isPublicAddress(address) === special[family].check(address, family)) wrong.push(address)
      }
    }
    expect(wrong).toEqual([])
  })
})

describe('this machine', () => {
  test.each(['localhost', '127.0.0.1', '127.255.255.254', '::1'])('%s is this machine', (host) =>
    expect(isThisMachine(host)).toBe(true),
  )

  test.each([
    ...['127.0.0.1.example.com', 'localhost.example.com', 'mylocalhost', '127', '127.1', '0x7f.0.0.1', ''],
    ...['128.0.0.1', '0.0.0.0', '10.127.0.1', '::', '::2', '::ffff:127.0.0.1', '[::1]'],
  ])('%j is not taken for this machine, so a login is not sent to it in the clear', (host) =>
    expect(isThisMachine(host)).toBe(false),
  )
})

describe('allowed networks', () => {
  const networks = parseNetworks(' 127.0.0.0/8, fd00::/8 ,10.1.2.3/32')

  test.each(['127.0.0.1', '127.255.0.9', 'fd12::1', '10.1.2.3', '8.8.8.8'])(
    'the address %s, public or in an allowed network, may be used',
    (address) => expect(mayDial(address, networks)).toBe(true),
  )

  test.each(['10.1.2.4', '::1', '::ffff:127.0.0.1', 'fe80::1', '127.1', ''])(
    'the address %s, neither public nor in an allowed network, may not be used',
    (address) => expect(mayDial(address, networks)).toBe(false),
  )

  test('an empty text means no allowed networks', () => expect(parseNetworks('')).toEqual([]))

  test('a list with wrong networks is refused, and every wrong entry is named', () => {
    const wrong = [
      '10.0.0.0',
      '10.0.0.0/33',
      'fd00::/129',
      '10.1/16',
      'x',
      '',
      '10.0.0.0/8/8',
      '10.0.0.0/-1',
      'fe80::1%lo/64',
    ]
    expect(() => parseNetworks(`10.0.0.0/8,${wrong.join(',')}`)).toThrow(RangeError)
    for (const entry of wrong) {
      expect(() => parseNetworks(`10.0.0.0/8,${wrong.join(',')}`)).toThrow(JSON.stringify(entry))
    }
  })
})

function subnet(block: string): [string, number] {
  const [address = '', prefix = ''] = block.split('/')
  return [address, Number(prefix)]
}

function ends(block: string): string[] {
  const [address, prefix] = ipaddr.parseCIDR(block)
  const last = address.toByteArray().map((byte, index) => {
    const hostBits = Math.min(Math.max((index + 1) * 8 - prefix, 0), 8)
    return byte | (2 ** hostBits - 1)
  })
  return [address.toString(), ipaddr.fromByteArray(last).toString()]
}

function halves(inner: string): [string, string] {
  const hex = Buffer.from(inner.split('.').map(Number)).toString('hex')
  return [hex.slice(0, 4), hex.slice(4)]
}

/** Half of them near the special blocks, where a mistake would be. */
function someV4(): string {
  const bytes = randomBytes(4)
  if (Math.random() < 0.5) near(bytes, SPECIAL_V4)
  return ipaddr.fromByteArray([...bytes]).toString()
}

function someV6(): string {
  const bytes = randomBytes(16)
  if (Math.random() < 0.5) near(bytes, SPECIAL_V6)
  else if (Math.random() < 0.8) bytes[0] = 0x20 | (bytes[0]! & 0x1f)
  // An interface id that says ISATAP has its own test.
  if (bytes[10] === 0x5e && bytes[11] === 0xfe) bytes[10] = 0
  return ipaddr.fromByteArray([...bytes]).toString()
}

function near(bytes: Buffer, blocks: string[]): void {
  const [address, prefix] = ipaddr.parseCIDR(blocks[Math.floor(Math.random() * blocks.length)]!)
  const fixed = Math.max(prefix - Math.floor(Math.random() * 3), 0)
  address.toByteArray().forEach((byte, index) => {
    const hostMask = 2 ** Math.min(Math.max((index + 1) * 8 - fixed, 0), 8) - 1
    bytes[index] = (byte & ~hostMask) | (bytes[index]! & hostMask)
  })
}
