// A name server on loopback that answers as told, and counts what it was asked.

import { createSocket } from 'node:dgram'

/** Addresses (IPv4 and IPv6 mixed), or no such name, or a server failure, or no answer at all. */
export type DnsAnswer = readonly string[] | 'nxdomain' | 'servfail' | 'silence'
/** A fixed answer, or one that depends on how often the name was asked for (from 0, per record type). */
export type DnsRule = DnsAnswer | ((asked: number, type: 'A' | 'AAAA') => DnsAnswer)

export type DnsServer = {
  /** `ip:port`, as SIVO_DNS_SERVERS takes it. */
  address: string
  /** '*' is for names that have no rule. */
  set(name: string, rule: DnsRule, ttlSeconds?: number): void
  asked(name: string): number
  askedInAll(): number
  close(): Promise<void>
}

const TYPES: Record<number, 'A' | 'AAAA'> = { 1: 'A', 28: 'AAAA' }

export async function openDnsServer(): Promise<DnsServer> {
  const rules = new Map<string, { rule: DnsRule; ttlSeconds: number }>()
  const counts = new Map<string, number>()
  const socket = createSocket('udp4')

  socket.on('message', (query, from) => {
    const { name, type, end } = readQuestion(query)
    const key = `${name} ${type}`
    const asked = counts.get(key) ?? 0
    counts.set(key, asked + 1)
    const { rule, ttlSeconds } = rules.get(name) ?? rules.get('*') ?? { rule: 'nxdomain' as const, ttlSeconds: 0 }
    const answer = typeof rule === 'function' ? rule(asked, TYPES[type] ?? 'A') : rule
    if (answer !== 'silence')
      socket.send(reply(query.subarray(0, end), type, answer, ttlSeconds), from.port, from.address)
  })
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve))

  return {
    address: `127.0.0.1:${socket.address().port}`,
    set: (name, rule, ttlSeconds = 0) => void rules.set(name, { rule, ttlSeconds }),
    asked: (name) => (counts.get(`${name} 1`) ?? 0) + (counts.get(`${name} 28`) ?? 0),
    askedInAll: () => counts.values().reduce((sum, count) => sum + count, 0),
    close: () => new Promise((resolve) => socket.close(() => resolve())),
  }
}

function readQuestion(query: Buffer): { name: string; type: number; end: number } {
  const labels: string[] = []
  let offset = 12
  for (let length = query[offset] ?? 0; length > 0; length = query[offset] ?? 0) {
    labels.push(query.toString('latin1', offset + 1, offset + 1 + length))
    offset += 1 + length
  }
  return { name: labels.join('.').toLowerCase(), type: query.readUInt16BE(offset + 1), end: offset + 5 }
}

function reply(question: Buffer, type: number, answer: Exclude<DnsAnswer, 'silence'>, ttlSeconds: number): Buffer {
  const code = answer === 'nxdomain' ? 3 : answer === 'servfail' ? 2 : 0
  const addresses =
    typeof answer === 'string' ? [] : answer.filter((address) => address.includes(':') === (type === 28))
  const message = Buffer.from(question)
  message.writeUInt16BE(0x8180 | code, 2)
  message.writeUInt16BE(1, 4)
  message.writeUInt16BE(addresses.length, 6)
  message.writeUInt32BE(0, 8)
  return Buffer.concat([message, ...addresses.map((address) => record(address, type, ttlSeconds))])
}

function record(address: string, type: number, ttlSeconds: number): Buffer {
  const bytes = type === 1 ? Buffer.from(address.split('.').map(Number)) : ipv6Bytes(address)
  const head = Buffer.alloc(12)
  head.writeUInt16BE(0xc00c, 0)
  head.writeUInt16BE(type, 2)
  head.writeUInt16BE(1, 4)
  head.writeUInt32BE(ttlSeconds, 6)
  head.writeUInt16BE(bytes.length, 10)
  return Buffer.concat([head, bytes])
}

function ipv6Bytes(address: string): Buffer {
  const [left = '', right] = address.split('::')
  const words = (text: string) => (text === '' ? [] : text.split(':').map((word) => Number.parseInt(word, 16)))
  const head = words(left)
  const tail = right === undefined ? [] : words(right)
  const all = [...head, ...new Array<number>(8 - head.length - tail.length).fill(0), ...tail]
  return Buffer.from(all.flatMap((word) => [word >> 8, word & 255]))
}
