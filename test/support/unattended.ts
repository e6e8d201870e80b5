// Deliveries that are due and that nobody was woken for, and processes that are no more.

import { randomUUID } from 'node:crypto'
import type { Receiver } from '../../src/dev/receiver.ts'
import type { House } from './house.ts'

/** A process that was once registered and is no more: its row is as old as that of one that was killed a while ago. */
export async function lostProcess(on: House, { dead = false } = {}): Promise<string> {
  const id = randomUUID()
  await on.app.ctx.db.$executeRaw`
    insert into worker_process (id, instance, role, host, version, beat_at, died_at)
    values (${id}::uuid, ${randomUUID()}::uuid, 'worker', 'elsewhere', '0', now() - interval '1 min', ${dead ? new Date() : null}::timestamptz)`
  return id
}

/** The fields of a delivery that this process has leased for so many seconds. */
export function leaseOf(processId: string, seconds: number) {
  return { leaseToken: randomUUID(), leaseBy: processId, leaseUntil: new Date(Date.now() + seconds * 1_000) }
}

let paths = 0

/** So many deliveries to one endpoint of a tenant of its own, published while it was paused; `fields` are put over them. */
export async function unattended(on: House, to: Receiver, count: number, fields: object = {}) {
  const path = `/unattended/${paths++}`
  const tenantId = await on.addTenant()
  const endpoint = await on.addEndpoint(to.url(path), { tenantId, status: 'PAUSED' })
  await on.publishFor(tenantId, ...Array(count).fill({}))
  const { db } = on.app.ctx
  await db.delivery.updateMany({ where: { tenantId }, data: fields })
  return {
    ...endpoint,
    path,
    deliveries: () => on.deliveries({ tenantId }),
    requests: () => to.requests.filter((request) => request.path === path),
    attempts: () => db.attempt.findMany({ where: { tenantId }, orderBy: { id: 'asc' } }),
    /** Makes the endpoint active, and wakes nobody. */
    activate: () => db.endpoint.update({ where: { id: endpoint.id }, data: { status: 'ACTIVE' } }),
    untilStatus: (status: 'SUCCEEDED' | 'DEAD_LETTERED', timeoutMs = 20_000) =>
      on.until(async () => (await db.delivery.count({ where: { tenantId, status } })) === count, timeoutMs),
  }
}
