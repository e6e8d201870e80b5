import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { findBulkRetry, startBulkRetry } from '../../../src/gateway/retry/bulk-retry.ts'
import { everyDelivery } from '../../support/every-delivery.ts'
import { openHouse } from '../../support/house.ts'
import { operatorNamed } from '../../support/viewers.ts'

test('a bulk retry whose process is killed continues in another process: every dead letter once, every end counted', {
  timeout: 60_000,
}, async ({ onTestFinished }) => {
  const house = await openHouse({ SIVO_ROLE: 'api' })
  onTestFinished(() => house.close())
  const { ctx } = house.app
  const receiver = await house.receiver({ answer: 500 })
  const endpoint = await house.addEndpoint(receiver.url('/'))
  await ctx.db.$executeRaw`
    with stored as (
      insert into event (id, tenant_id, type, occurred_at, body)
      select uuidv7(), ${house.tenantId}::uuid, 'call.ended', now(), '{}' from generate_series(1, 1200) returning id)
    insert into delivery (tenant_id, event_id, endpoint_id, event_type, status, reason, attempt_count, max_attempts, completed_at)
    select ${house.tenantId}::uuid, id, ${endpoint.id}::uuid, 'call.ended', 'DEAD_LETTERED', 'retries_exhausted', 7, 7, now()
    from stored`
  receiver.answer(({ headers }) => (Number(headers['x-sivo-attempt']) === 8 ? 500 : 200))
  const child: ChildProcess = spawn(
    process.execPath,
    [fileURLToPath(new URL('../../../src/main.mjs', import.meta.url))],
    {
      env: {
        PATH: process.env['PATH'],
        DATABASE_URL: house.database.url,
        SIVO_ROLE: 'worker',
        SIVO_OPERATOR_KEY: 'test-operator-key-000000000000',
        SIVO_SECRETS_KEY: Buffer.alloc(32, 7).toString('base64'),
        SIVO_ALLOWED_NETWORKS: '127.0.0.0/8',
        SIVO_RETRY_SCHEDULE: '1s',
        NODE_EXTRA_CA_CERTS: house.authority.certificatePath,
        PORT: '0',
        LOG_LEVEL: 'silent',
      },
      stdio: ['ignore', 'inherit', 'inherit'],
    },
  )
  onTestFinished(() => void child.kill('SIGKILL'))
  const exited = once(child, 'exit')

  const { id } = await startBulkRetry(ctx, operatorNamed('Ana'), {
    filter: everyDelivery(house.tenantId),
    maxPerSecond: 500,
  })
  const now = async () => (await findBulkRetry(ctx, { id, tenantId: null }))!
  await house.until(async () => (await now()).retried > 100, 20_000)
  child.kill('SIGKILL')
  await exited
  // To be quick: that it is dead would be found within seconds.
  await ctx.db.$executeRaw`update worker_process set died_at = now() where role = 'worker'`
  const killed = await now()
  expect(killed).toMatchObject({ status: 'RUNNING', total: 1_200 })
  expect(killed.retried).toBeLessThan(1_200)
  // What was put back and what is said of it are one transaction.
  const [{ back } = { back: 0 }] = await ctx.db.$queryRaw<{ back: number }[]>`
    select count(*)::int as back from delivery where max_attempts > 7`
  expect(back).toBe(killed.retried)

  await house.openAnother({ SIVO_ROLE: 'worker', SIVO_RETRY_SCHEDULE: '1s' })
  await house.until(async () => (await now()).status === 'COMPLETED', 40_000)
  expect(await now()).toMatchObject({ total: 1_200, retried: 1_200, succeeded: 1_200, deadLettered: 0, ended: 1_200 })
  const attempts = await ctx.db.$queryRaw<{ numbers: number[] }[]>`
    select distinct array_agg(number order by number) as numbers from attempt group by delivery_id`
  // One that was sent twice under its number would be recorded once; a second cycle would show here.
  expect(attempts).toEqual([{ numbers: [8, 9] }])
})
