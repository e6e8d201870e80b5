// The baseline for delivering: `request` of undici posts the same body, with as many headers, to the same receiver.

import { Agent, request } from 'undici'
import { answerParent } from './child.ts'

export type PosterCommands = {
  post: {
    input: { url: string; ca: string; body: string; forMs: number; inFlight: number }
    answer: { count: number; perSecond: number; cpuMicros: number }
  }
}

const HEADERS = [
  ['content-type', 'application/json'],
  ['User-Agent', 'Sivo-Webhooks/0.0.0'],
  ['X-Sivo-Event-Id', `evt_${'0'.repeat(26)}`],
  ['X-Sivo-Event-Type', 'call.created'],
  ['X-Sivo-Delivery-Id', `dlv_${'0'.repeat(26)}`],
  ['X-Sivo-Attempt', '1'],
  ['X-Sivo-Timestamp', '1767225600'],
  ['X-Sivo-Signature', `sha256=${'0'.repeat(64)}`],
  ['webhook-id', `evt_${'0'.repeat(26)}`],
  ['webhook-timestamp', '1767225600'],
  ['webhook-signature', `v1,${'0'.repeat(44)}`],
].flat()

answerParent<PosterCommands>({
  async post({ url, ca, body, forMs, inFlight }) {
    const agent = new Agent({ allowH2: false, connections: 64, connect: { ca } })
    const bytes = Buffer.from(body)
    const once = async () => {
      const reply = await request(url, { dispatcher: agent, method: 'POST', headers: HEADERS, body: bytes })
      await reply.body.text()
      if (reply.statusCode !== 200) throw new Error(`Expected 200, got ${reply.statusCode}.`)
    }
    // The connections are opened before the measurement begins.
    await Promise.all(Array.from({ length: inFlight }, once))
    const startedMs = performance.now()
    const cpu = process.cpuUsage()
    let count = 0
    await Promise.all(
      Array.from({ length: inFlight }, async () => {
        while (performance.now() - startedMs < forMs) {
          await once()
          count++
        }
      }),
    )
    const { user, system } = process.cpuUsage(cpu)
    const perSecond = (count / (performance.now() - startedMs)) * 1_000
    await agent.destroy()
    return { count, perSecond, cpuMicros: (user + system) / count }
  },
})
