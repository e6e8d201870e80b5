import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { PostgresDedupeStore } from '../../packages/verify/src/dedupe.ts'
import { nodeWebhook } from '../../packages/verify/src/node.ts'
import { toPublicId } from '../../src/domain/values/id.ts'
import { completeSecretRotation, rotateSigningSecret } from '../../src/gateway/admin/rotate-signing-secret.ts'
import { type House, openHouse } from '../support/house.ts'

let house: House
beforeAll(async () => {
  house = await openHouse({ SIVO_RETRY_SCHEDULE: '100ms,100ms,100ms,100ms,100ms,100ms' })
})
afterAll(() => house?.close())

test('a receiver with the package gets every event of the gateway once, before, during and after a rotation, and when it fails at first', async () => {
  const secrets: string[] = []
  const handled: string[] = []
  const signedBy: string[] = []
  const pool = new pg.Pool({ connectionString: house.database.url, max: 4 })
  const dedupe = new PostgresDedupeStore(pool)
  await dedupe.createTable()
  let failures = 3
  const listener = nodeWebhook({ secrets: () => secrets, dedupe, onError: () => {} }, (event, delivery) => {
    if (failures-- > 0) throw new Error('not yet')
    handled.push(event.id)
    signedBy.push(delivery.isComingSecret ? 'coming' : 'current')
  })
  const server = createServer(house.authority.issue(['localhost']), listener)
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  try {
    const url = `https://localhost:${(server.address() as AddressInfo).port}/webhooks`
    const { id: endpointId, secret } = await house.addEndpoint(url)
    secrets.push(secret)
    const published: string[] = []
    const deliver = async () => {
      const events = await house.publish({}, { type: 'call.ended' }, { type: 'transcript.segment' })
      published.push(...events.map(({ id }) => toPublicId('event', id)))
      await house.until(async () => handled.length === published.length)
    }
    await deliver()
    const credential = { kind: 'key', id: house.app.ctx.newId() } as const
    const viewer = { role: 'OPERATOR', tenantId: null, name: 'Ana', expiresAt: null, credential } as const
    const { signingSecret } = await rotateSigningSecret(house.app.ctx, viewer, { endpointId, overlapHours: 1 })
    await deliver()
    secrets.splice(0, 1, signingSecret)
    await deliver()
    await completeSecretRotation(house.app.ctx, viewer, { endpointId })
    await deliver()
    expect(handled.sort()).toEqual(published.sort())
    expect(signedBy).toEqual([...Array(6).fill('current'), ...Array(3).fill('coming'), ...Array(3).fill('current')])
    const deliveries = await house.until(async () => {
      const all = await house.deliveries({ endpointId })
      return all.every(({ status }) => status === 'SUCCEEDED') && all
    })
    expect(deliveries).toHaveLength(12)
  } finally {
    server.closeAllConnections()
    server.close()
    await pool.end()
  }
})
