// Measures the sender beside bare undici.request: HTTPS POST of 700 bytes, 100 at the same time, with the receiver in another
// process. Both are measured in the same run, in turns.
//
//   node bench/sender.ts [seconds per turn]

import { fork } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:https'
import { Agent, request } from 'undici'
import { parseNetworks } from '../src/domain/values/network-address.ts'
import { createSender } from '../src/egress/send-request.ts'
import { type Certificate, makeAuthority } from '../test/support/certificates.ts'
import { openDnsServer } from '../test/support/dns-server.ts'

const IN_FLIGHT = 100
const ROUNDS = 15
const HOST = 'receiver.test'

type Turn = { perSecond: number; cpuMicros: number }

if (process.send) serve()
else await measure(Number(process.argv[2] ?? 0.5) * 1000)

function serve(): void {
  process.once('disconnect', () => process.exit())
  process.once('message', (certificate: Certificate) => {
    const server = createServer({ ...certificate, keepAliveTimeout: 30_000 }, (incoming, outgoing) => {
      incoming.resume().on('end', () => outgoing.writeHead(200, { 'content-length': 2 }).end('ok'))
    })
    server.listen(0, '127.0.0.1', () => process.send?.((server.address() as { port: number }).port))
  })
}

async function measure(turnMs: number): Promise<void> {
  const authority = await makeAuthority()
  const receiver = fork(import.meta.filename)
  receiver.send(await authority.issue({ names: [HOST] }))
  const [port] = (await once(receiver, 'message')) as [number]
  const dns = await openDnsServer()
  dns.set(HOST, ['127.0.0.1'], 60)

  const url = `https://${HOST}:${port}/hooks`
  const headers = makeHeaders()
  const body = Buffer.from(JSON.stringify({ data: 'x'.repeat(700 - 11) }))
  const agent = new Agent({
    allowH2: false,
    connections: 64,
    connect: {
      ca: [authority.cert],
      lookup: (_host, options, callback) =>
        options.all ? callback(null, [{ address: '127.0.0.1', family: 4 }]) : callback(null, '127.0.0.1', 4),
    },
  })
  const sender = createSender({
    timeoutMs: 10_000,
    allowedNetworks: parseNetworks('127.0.0.1/32'),
    allowedPorts: [443],
    dnsServers: [dns.address],
    ca: [authority.cert],
  })

  const ways: Record<string, () => Promise<void>> = {
    'undici.request': async () => {
      const reply = await request(url, { dispatcher: agent, method: 'POST', headers, body })
      await reply.body.text()
      if (reply.statusCode !== 200) throw new Error(`expected 200, got ${reply.statusCode}`)
    },
    sender: async () => {
      const { reply, failure } = await sender.send({ url, headers, body })
      if (reply?.statusCode !== 200) throw new Error(`expected 200, got ${failure?.message}`)
    },
  }
  const turns: Record<string, Turn[]> = { 'undici.request': [], sender: [] }
  for (const way of Object.values(ways)) await run(way, 1000)
  for (let round = 0; round < ROUNDS; round++) {
    for (const [name, way] of Object.entries(ways)) turns[name]?.push(await run(way, turnMs))
  }
  const rate: Record<string, number> = {}
  for (const [name, all] of Object.entries(turns)) {
    rate[name] = median(all.map(({ perSecond }) => perSecond))
    const cpu = median(all.map(({ cpuMicros }) => cpuMicros))
    console.log(`${name.padEnd(16)} ${rate[name].toFixed(0).padStart(7)}/s  ${cpu.toFixed(1)} µs of CPU each (medians)`)
  }
  console.log(`sender / undici.request: ${((rate['sender'] ?? 0) / (rate['undici.request'] ?? 0)).toFixed(2)}`)

  await sender.close()
  await agent.destroy()
  await dns.close()
  receiver.kill()
}

async function run(way: () => Promise<void>, ms: number): Promise<Turn> {
  const startedAt = performance.now()
  const cpu = process.cpuUsage()
  let count = 0
  await Promise.all(
    Array.from({ length: IN_FLIGHT }, async () => {
      while (performance.now() - startedAt < ms) {
        await way()
        count++
      }
    }),
  )
  const used = process.cpuUsage(cpu)
  return {
    perSecond: (count / (performance.now() - startedAt)) * 1000,
    cpuMicros: (used.user + used.system) / count,
  }
}

function median(values: number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN
}

function makeHeaders(): string[] {
  return [
    'content-type',
    'application/json',
    'User-Agent',
    'Sivo-Webhooks/0.1.0',
    'X-Sivo-Signature',
    `sha256=${'0'.repeat(64)}`,
    'X-Sivo-Event-Id',
    'evt_01h455vb4pex5vsknk084sn02q',
    'X-Sivo-Event-Type',
    'call.ended',
    'X-Sivo-Delivery-Id',
    'dlv_01h455vb4pex5vsknk084sn02q',
    'X-Sivo-Attempt',
    '1',
    'X-Sivo-Timestamp',
    '1767225600',
  ]
}
