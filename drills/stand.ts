// What every drill stands on: a certificate authority, a receiver and a publisher that keep ledgers, gateway processes, and
// a count of what is missing or came twice. Promise: whatever happens, no process and no folder is left.

import { randomBytes } from 'node:crypto'
import { appendFileSync, chmodSync, rmSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { type ApiAccess, ask, expectSuccess, TryAgain } from '../harness/api-client.ts'
import { type GatewayProcess, startGatewayProcess } from '../harness/gateway-process.ts'
import { openCertificateAuthority } from '../src/dev/certificate-authority.ts'
import { findEventType } from '../src/domain/event-types/catalogue.ts'

export type Tell = (line: string) => void

export type Stand = {
  readonly folder: string
  readonly tell: Tell
  readonly operatorKey: string
  readonly receiverPort: number
  readonly certificate: { readonly cert: string; readonly key: string }
  /** Event ids that were acknowledged, with the Unix ms of the acknowledgement. */
  readonly acknowledged: ReadonlyMap<string, number>
  /** How often each event arrived at the receiver. */
  readonly received: ReadonlyMap<string, number>
  /** Calls this when the drill is over, in the reverse order. */
  onClose(close: () => unknown): void
  start(options: {
    readonly name: string
    readonly role: 'api' | 'worker' | 'all'
    readonly databaseUrl: string
    readonly port?: number
    readonly env?: Record<string, string>
    readonly root?: string
    /** The command that runs it, such as `ip netns exec NAME`. */
    readonly within?: readonly string[]
  }): Promise<GatewayProcess>
  /** Makes a tenant with an endpoint at the receiver, through the API. Returns the tenant's id. */
  configure(url: string): Promise<string>
  /** Publishes `perSecond` events one by one until stopped. `retries`: a refused call is sent again, with its key. */
  publish(options: { url: string; tenantId: string; perSecond: number; retries: boolean }): Publishing
  /** Resolves when everything acknowledged has arrived, and with false after `timeoutMs`. */
  untilDelivered(timeoutMs: number): Promise<boolean>
  close(): Promise<void>
}

export type Publishing = { readonly failed: number; readonly retried: number; stop(): Promise<void> }

const READY_MS = 60_000
const TYPE = 'agent.paused'

export async function openStand(tell: Tell): Promise<Stand> {
  const folder = await mkdtemp(join(tmpdir(), 'sivo-drill-'))
  // Postgres may run as another user.
  chmodSync(folder, 0o755)
  const closers: (() => unknown)[] = [() => rmSync(folder, { recursive: true, force: true })]
  const authority = await openCertificateAuthority(join(folder, 'authority'))
  const certificate = authority.issue(['localhost', '127.0.0.1'])
  const operatorKey = `sivo_${randomBytes(24).toString('hex')}`
  const secretsKey = randomBytes(32).toString('base64')
  const acknowledged = new Map<string, number>()
  const received = new Map<string, number>()

  const receiver = createServer({ ...certificate, keepAliveTimeout: 60_000 }, (request, response) => {
    const id = String(request.headers['x-sivo-event-id'])
    request.resume()
    request.once('end', () => {
      received.set(id, (received.get(id) ?? 0) + 1)
      appendFileSync(join(folder, 'received.tsv'), `${id}\t${Date.now()}\n`)
      response.writeHead(204).end()
    })
  })
  receiver.on('tlsClientError', () => {})
  await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve))
  const receiverPort = (receiver.address() as AddressInfo).port
  closers.push(() => {
    receiver.closeAllConnections()
    receiver.close()
  })

  let count = 0
  async function untilTaken(api: ApiAccess, input: object): Promise<void> {
    const { publishEvents } = await ask<{ publishEvents: { __typename: string } }>(api, PUBLISH, { input }, 15_000)
    for (const { id } of expectSuccess<{ events: { id: string }[] }>(publishEvents).events) {
      appendFileSync(join(folder, 'acknowledged.tsv'), `${id}\t${Date.now()}\n`)
      acknowledged.set(id, Date.now())
    }
  }

  const stand: Stand = {
    folder,
    tell,
    operatorKey,
    receiverPort,
    certificate,
    acknowledged,
    received,
    onClose: (close) => void closers.push(close),
    async start({ name, role, databaseUrl, port = 0, env = {}, root, within }) {
      const process = startGatewayProcess({
        name,
        root,
        within,
        logPath: join(folder, `${name}.log`),
        env: {
          SIVO_ROLE: role,
          PORT: String(port),
          DATABASE_URL: databaseUrl,
          SIVO_DATA_DIR: folder,
          SIVO_OPERATOR_KEY: operatorKey,
          SIVO_SECRETS_KEY: secretsKey,
          SIVO_ALLOWED_NETWORKS: '127.0.0.0/8,::1/128',
          SIVO_RETRY_SCHEDULE: '200ms,500ms,1s,2s,4s,8s',
          SIVO_RETRY_JITTER: '0',
          NODE_EXTRA_CA_CERTS: authority.certificatePath,
          LOG_LEVEL: 'info',
          ...env,
        },
      })
      closers.push(process.end)
      await process.ready(READY_MS)
      return process
    },
    async configure(url) {
      const api = { url, key: operatorKey }
      const { createTenant } = await ask<{ createTenant: { __typename: string } }>(api, CREATE_TENANT, {})
      const tenantId = expectSuccess<{ tenant: { id: string } }>(createTenant).tenant.id
      const { createEndpoint } = await ask<{ createEndpoint: { __typename: string } }>(api, CREATE_ENDPOINT, {
        input: { tenantId, name: 'Drill', url: `https://localhost:${receiverPort}/drill` },
      })
      expectSuccess(createEndpoint)
      return tenantId
    },
    publish({ url, tenantId, perSecond, retries }) {
      const state = { failed: 0, retried: 0, stopped: false }
      const open = new Set<Promise<void>>()
      const one = async () => {
        const idempotencyKey = `drill-${count++}`
        const input = { tenantId, events: [{ type: TYPE, idempotencyKey, data: findEventType(TYPE)!.example.data }] }
        for (;;) {
          try {
            return await untilTaken({ url, key: operatorKey }, input)
          } catch (error) {
            if (!retries || !(error instanceof TryAgain)) {
              state.failed++
              tell(`a publish failed: ${(error as Error).message.slice(0, 200)}`)
              return
            }
            state.retried++
            await delay(150)
          }
        }
      }
      const startedMs = performance.now()
      const loop = (async () => {
        for (let n = 0; !state.stopped; n++) {
          const waitMs = startedMs + (n * 1_000) / perSecond - performance.now()
          if (waitMs > 0) await delay(waitMs)
          const each: Promise<void> = one().finally(() => open.delete(each))
          open.add(each)
        }
        await Promise.all(open)
      })()
      return {
        get failed() {
          return state.failed
        },
        get retried() {
          return state.retried
        },
        async stop() {
          state.stopped = true
          await loop
        },
      }
    },
    async untilDelivered(timeoutMs) {
      const deadline = Date.now() + timeoutMs
      while (Date.now() < deadline) {
        if (acknowledged.keys().every((id) => received.has(id))) return true
        await delay(100)
      }
      return false
    },
    async close() {
      for (const close of closers.splice(0).reverse()) await Promise.resolve(close()).catch(() => {})
    },
  }
  return stand
}

/** The figures that every drill ends with. */
export function countLedgers({ acknowledged, received }: Stand) {
  return {
    acknowledged: acknowledged.size,
    lost: acknowledged
      .keys()
      .filter((id) => !received.has(id))
      .toArray().length,
    duplicates: received.values().reduce((sum, times) => sum + times - 1, 0),
  }
}

/** Publishes events; the answer has their ids. */
export const PUBLISH = `mutation ($input: PublishEventsInput!) {
  publishEvents(input: $input) {
    __typename
    ... on PublishEventsSuccess { events { id } }
    ... on Error { message }
  }
}`
const CREATE_TENANT = `mutation {
  createTenant(input: { name: "Drill" }) { __typename ... on CreateTenantSuccess { tenant { id } } ... on Error { message } }
}`
const CREATE_ENDPOINT = `mutation ($input: CreateEndpointInput!) {
  createEndpoint(input: $input) { __typename ... on CreateEndpointSuccess { endpoint { id } } ... on Error { message } }
}`
