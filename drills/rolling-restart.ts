// A rolling restart of two API processes and three workers, while events are published through a proxy with the
// configuration of deploy/, and a reader follows them. Nothing may fail, be lost, come twice or be missed.

import { request } from 'node:https'
import { setTimeout as delay } from 'node:timers/promises'
import type { GatewayProcess } from '../harness/gateway-process.ts'
import { startWebProxy, WEB_PROXIES, type WebProxyKind } from '../harness/web-proxy.ts'
import { freePort } from '../src/dev/free-port.ts'
import type { Drilled } from './main.ts'
import { openDrillDatabase } from './postgres.ts'
import { countLedgers, type Stand } from './stand.ts'

const DRAIN = '5s'
const PER_SECOND = 50
const LEAVE_MS = 25_000

export async function rollingRestart(stand: Stand, args: readonly string[]): Promise<Drilled> {
  const kind = (args[0] ?? 'haproxy') as WebProxyKind
  if (!WEB_PROXIES.includes(kind)) throw new Error(`Expected ${WEB_PROXIES.join(', ')}, got ${kind}.`)
  process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0'
  const database = await openDrillDatabase(stand)
  const ports: [number, number] = [await freePort(), await freePort()]
  const proxy = await startWebProxy(kind, { upstreamPorts: ports, certificate: stand.certificate })
  stand.onClose(proxy.close)
  const env = { SIVO_TRUSTED_PROXIES: '127.0.0.0/8', SIVO_DRAIN_DELAY: DRAIN }
  const places = [
    ...ports.map((port, at) => ({ name: `api${at + 1}`, role: 'api' as const, port })),
    ...[1, 2, 3].map((at) => ({ name: `worker${at}`, role: 'worker' as const, port: 0 })),
  ]
  const start = (place: (typeof places)[number]) => stand.start({ ...place, databaseUrl: database.url, env })
  const running = new Map<string, GatewayProcess>()
  for (const place of places) running.set(place.name, await start(place))
  // HAProxy counts two good checks before it sends anything.
  await delay(3_000)
  const url = `${proxy.url}/graphql`
  const tenantId = await stand.configure(url)
  const reader = follow(stand, url, tenantId)
  await reader.opened
  const publishing = stand.publish({ url, tenantId, perSecond: PER_SECOND, retries: false })
  await delay(2_000)
  const leaves: (string | number)[] = []
  for (const place of places) {
    const { code, tookMs } = await running.get(place.name)!.leave(LEAVE_MS)
    stand.tell(`${place.name} left with ${code} after ${tookMs} ms`)
    leaves.push(code)
    running.set(place.name, await start(place))
    await delay(3_000)
  }
  await publishing.stop()
  const delivered = await stand.untilDelivered(30_000)
  await delay(2_000)
  const missed = [...stand.acknowledged.keys()].filter((id) => !reader.seen.has(id)).length
  reader.close()
  const { lost, duplicates } = countLedgers(stand)
  return {
    passed: delivered && publishing.failed + missed + lost + duplicates === 0 && leaves.every((code) => code === 0),
    figures: {
      proxy: kind,
      failedPublishes: publishing.failed,
      missedByReader: missed,
      reconnects: reader.reconnects(),
    },
  }
}

const SUBSCRIBE = `subscription ($tenantId: ID!) { eventUpdates(filter: { tenantId: $tenantId }) { cursor events { id } } }`

/** A reader of server-sent events that connects again with the last cursor. */
function follow(stand: Stand, url: string, tenantId: string) {
  const seen = new Set<string>()
  let last = ''
  let connects = 0
  let closed = false
  let leave = () => {}
  let opened = () => {}
  const whenOpened = new Promise<void>((resolve) => {
    opened = resolve
  })
  const once = () =>
    new Promise<void>((resolve) => {
      connects++
      const asked = request(url, {
        method: 'POST',
        rejectUnauthorized: false,
        agent: false,
        headers: {
          authorization: `Bearer ${stand.operatorKey}`,
          'content-type': 'application/json',
          accept: 'text/event-stream',
          ...(last && { 'last-event-id': last }),
        },
      })
      leave = () => asked.destroy()
      asked.once('error', () => resolve())
      asked.once('close', () => resolve())
      asked.once('response', (reply) => {
        let text = ''
        reply.setEncoding('utf8')
        reply.on('error', () => {})
        reply.on('data', (chunk: string) => {
          text += chunk
          for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
            take(text.slice(0, end))
            text = text.slice(end + 2)
          }
        })
      })
      asked.end(JSON.stringify({ query: SUBSCRIBE, variables: { tenantId } }))
    })
  const take = (event: string) => {
    const id = /^id: (.+)$/m.exec(event)?.[1]
    const data = /^data: (.+)$/m.exec(event)?.[1]
    if (data) for (const { id: seenId } of JSON.parse(data).data?.eventUpdates?.events ?? []) seen.add(seenId)
    if (id) last = id
    opened()
  }
  void (async () => {
    while (!closed) {
      await once()
      if (!closed) await delay(200)
    }
  })()
  return {
    seen,
    opened: whenOpened,
    reconnects: () => connects - 1,
    close() {
      closed = true
      leave()
    },
  }
}
