import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { openHouse } from '../../support/house.ts'
import { unattended } from '../../support/unattended.ts'

test('after workers are killed their work continues, a delivery that crashes processes becomes a dead letter, and its slow neighbour is delivered', {
  timeout: 90_000,
}, async ({ onTestFinished }) => {
  const house = await openHouse({ SIVO_ROLE: 'api' })
  let child: ChildProcess | null = null
  onTestFinished(async () => {
    child?.kill('SIGKILL')
    await house.close()
  })
  const receiver = await house.receiver()
  const startWorker = () => {
    child = spawn(process.execPath, [fileURLToPath(new URL('../../../src/main.mjs', import.meta.url))], {
      env: {
        PATH: process.env['PATH'],
        DATABASE_URL: house.database.url,
        SIVO_ROLE: 'worker',
        SIVO_OPERATOR_KEY: 'test-operator-key-000000000000',
        SIVO_SECRETS_KEY: Buffer.alloc(32, 7).toString('base64'),
        SIVO_ALLOWED_NETWORKS: '127.0.0.0/8',
        NODE_EXTRA_CA_CERTS: house.authority.certificatePath,
        PORT: '0',
        LOG_LEVEL: 'silent',
      },
      stdio: ['ignore', 'inherit', 'inherit'],
    })
    return once(child, 'exit')
  }
  const [poison, slow, swift] = [
    await unattended(house, receiver, 1),
    await unattended(house, receiver, 1),
    await unattended(house, receiver, 20),
  ]
  receiver.answerAt(poison.path, () => {
    child?.kill('SIGKILL')
    return { hang: true }
  })
  receiver.answerAt(slow.path, { status: 200, delayMs: 1_500 })
  let exited = startWorker()
  await Promise.all([slow.activate(), swift.activate()])
  await receiver.until(() => slow.requests().length === 1)
  await poison.activate()
  await exited
  const killedAt = performance.now()
  exited = startWorker()
  // Two make it a suspect, a third sends it out alone, three more while it is alone convict it.
  for (let crash = 1; crash <= 5; crash++) {
    await exited
    // The first death was seen by the next worker itself, before the lease of 20 s ended; the others are told, to be quick.
    if (crash === 1) expect(performance.now() - killedAt).toBeLessThan(18_000)
    await house.app.ctx.db
      .$executeRaw`update worker_process set died_at = now() where role = 'worker' and died_at is null`
    exited = startWorker()
  }
  await poison.untilStatus('DEAD_LETTERED', 30_000)
  await Promise.all([slow.untilStatus('SUCCEEDED', 30_000), swift.untilStatus('SUCCEEDED', 30_000)])
  expect(poison.requests()).toHaveLength(6)
  expect((await poison.deliveries())[0]).toMatchObject({ reason: 'poison', attemptCount: 0, crashCount: 0 })
  const numbers = (await house.app.ctx.db.attempt.findMany()).map(({ number }) => number)
  expect(numbers).toEqual(Array(21).fill(1))
  const locked = await house.app.ctx.hot.pool.query(
    `select 1 from graphile_worker.jobs where locked_at < now() - interval '3 s'`,
  )
  expect(locked.rows).toEqual([])
  child!.kill('SIGTERM')
  await exited
})
