// The demo of `npm start`: a tenant with demo calls, one after another, and two HTTPS receivers in this process. "BI"
// accepts every request. "CRM" refuses one in six, so that there are retries to see.

import { join, resolve } from 'node:path'
import type { App } from '../app.ts'
import type { Viewer } from '../context.ts'
import type { EventInput } from '../domain/event/input.ts'
import { EVENT_TYPES, findEventType } from '../domain/event-types/catalogue.ts'
import { CONFIGURED_KEY_ID } from '../gateway/admin/api-keys.ts'
import { createEndpoint } from '../gateway/admin/create-endpoint.ts'
import { createTenant } from '../gateway/admin/open-tenant.ts'
import { updateEndpoint } from '../gateway/admin/update-endpoint.ts'
import { publishEvents } from '../gateway/publish/publish-events.ts'
import { RECEIVER_PATH, urlOfTestReceiver } from '../gateway/receiver/test-receiver.ts'
import type { Endpoint, Tenant } from '../generated/prisma/client.ts'
import { type CertificateAuthority, openCertificateAuthority } from './certificate-authority.ts'
import { type Receiver, startReceiver } from './receiver.ts'

const TENANT_NAME = 'Demo Contact Center'
const CALL_EVERY_MS = 6_000
const BETWEEN_EVENTS_MS = 400
/** The CRM refuses one in this many requests. */
const REFUSE_ONE_IN = 6
const DEMO_PORTS = [18_443, 18_444] as const

export const DEMO_OPERATOR: Viewer = {
  role: 'OPERATOR',
  tenantId: null,
  name: 'demo',
  expiresAt: null,
  credential: { kind: 'key', id: CONFIGURED_KEY_ID },
}

export type Demo = {
  readonly tenant: Tenant
  readonly endpoints: readonly Endpoint[]
  close(): Promise<void>
}

/** The certificate authority of the demo. The gateway must trust it before the demo starts. */
export function openDemoAuthority(dataDir: string): Promise<CertificateAuthority> {
  return openCertificateAuthority(join(resolve(dataDir), 'demo'))
}

/** Starts the receivers, finds or creates the tenant and its endpoints, and publishes demo calls until closed. */
export async function startDemo(app: App, authority: CertificateAuthority): Promise<Demo> {
  const { ctx } = app
  let received = 0
  const crm = await startOn(DEMO_PORTS[0], authority, () => (++received % REFUSE_ONE_IN === 0 ? 503 : 200))
  const bi = await startOn(DEMO_PORTS[1], authority, () => 200)
  const tenant =
    (await ctx.db.tenant.findFirst({ where: { name: TENANT_NAME } })) ??
    (await createTenant(ctx, DEMO_OPERATOR, { name: TENANT_NAME }))
  const endpoints = [
    await ensureEndpoint(app, tenant, 'CRM (refuses now and then)', crm.url('/crm'), null),
    await ensureEndpoint(app, tenant, 'BI (finished calls)', bi.url('/bi'), [
      'call.ended',
      'queue.abandoned',
      'ai_agent.completed',
    ]),
  ]
  await updateReceiverUrls(app)
  const stopPlaying = playCalls(app, tenant.id)
  return {
    tenant,
    endpoints,
    async close() {
      stopPlaying()
      await Promise.all([crm.close(), bi.close()])
    },
  }
}

async function startOn(port: number, authority: CertificateAuthority, answer: () => number): Promise<Receiver> {
  const options = { tls: { authority }, hostname: 'localhost', answer, keep: 200 }
  try {
    return await startReceiver({ ...options, port })
  } catch {
    // Another process uses this port. Any other will do: `ensureEndpoint` updates the URL of the endpoint.
    return startReceiver(options)
  }
}

async function ensureEndpoint(
  { ctx }: App,
  tenant: Tenant,
  name: string,
  url: string,
  eventTypes: string[] | null,
): Promise<Endpoint> {
  const found = await ctx.db.endpoint.findFirst({ where: { tenantId: tenant.id, name, deletedAt: null } })
  if (!found) return (await createEndpoint(ctx, DEMO_OPERATOR, { tenantId: tenant.id, name, url, eventTypes })).endpoint
  return found.url === url ? found : updateEndpoint(ctx, DEMO_OPERATOR, { endpointId: found.id, input: { url } })
}

/** The port of the test receivers may be another one than at the last start. */
async function updateReceiverUrls({ ctx }: App): Promise<void> {
  for (const receiver of await ctx.db.testReceiver.findMany()) {
    const url = urlOfTestReceiver(ctx.config, receiver)
    if (url === null) continue
    const endpoints = await ctx.db.endpoint.findMany({
      where: {
        tenantId: receiver.tenantId,
        deletedAt: null,
        url: { startsWith: 'https://localhost:', endsWith: `${RECEIVER_PATH}${receiver.token}`, not: url },
      },
      select: { id: true },
    })
    for (const { id } of endpoints) await updateEndpoint(ctx, DEMO_OPERATOR, { endpointId: id, input: { url } })
  }
}

/** Publishes one call after another, with its events in order. Returns a function that stops. */
function playCalls({ ctx }: App, tenantId: string): () => void {
  let timer: NodeJS.Timeout
  let closed = false
  const play = async () => {
    for (const event of aCall(ctx.clock.now())) {
      if (closed) return
      await publishEvents(ctx, { tenantId, events: [{ ...event, occurredAt: ctx.clock.now() }] }).catch((error) =>
        ctx.log.warn({ err: error }, 'demo.publish_failed'),
      )
      await new Promise((done) => {
        timer = setTimeout(done, BETWEEN_EVENTS_MS)
      })
    }
    if (!closed) timer = setTimeout(play, CALL_EVERY_MS)
  }
  timer = setTimeout(play, 500)
  return () => {
    closed = true
    clearTimeout(timer)
  }
}

/** The examples of the catalogue as one call, with new ids. */
function aCall(now: Date): EventInput[] {
  const call = now.getTime().toString(36)
  const examples = EVENT_TYPES.map(({ name }) => findEventType(name)!.example).sort((a, b) =>
    a.timestamp < b.timestamp ? -1 : 1,
  )
  return examples.map(({ type, subject, sequence, data }) => {
    const fresh = (id: string) =>
      `${id.slice(0, id.indexOf('_') + 1)}${id.slice(id.indexOf('_') + 1, -call.length)}${call.toUpperCase()}`
    const text = JSON.stringify(data).replaceAll(/"call_[0-9A-Z]{26}"/g, (id) => JSON.stringify(fresh(JSON.parse(id))))
    return { type, subject: subject?.startsWith('call_') ? fresh(subject) : subject, sequence, data: JSON.parse(text) }
  })
}
