// nginx with `limit_req`, five requests a second and a burst of five, and 300 events at once.

import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { freePort } from '../../src/dev/free-port.ts'
import { type House, openHouse } from '../support/house.ts'
import { has } from './programs.ts'
import { certificateFiles, startServer } from './receivers/servers.ts'

const EVENTS = 300
const PER_SECOND = 5

let house: House
beforeAll(async () => {
  house = await openHouse()
})
afterAll(() => house.close())

test.skipIf(!has('nginx')).each([
  { name: '429', limit: 'nodelay', status: 429, header: '' },
  { name: '429 and a queue', limit: '', status: 429, header: '' },
  { name: '429 with Retry-After: 5', limit: 'nodelay', status: 429, header: 'add_header Retry-After 5 always;' },
  { name: '503 with Retry-After: 1', limit: 'nodelay', status: 503, header: 'add_header Retry-After 1 always;' },
])('nginx that answers $name gets every event within 1.3 times what its limit allows', async (nginx) => {
  const { folder, cert, key } = await certificateFiles(house, 'nginx')
  const port = await freePort()
  const configuration = join(folder, 'nginx.conf')
  await writeFile(
    configuration,
    `daemon off; pid ${folder}/nginx.pid; error_log stderr; events {}
     http { access_log off; client_body_temp_path ${folder}; proxy_temp_path ${folder}; fastcgi_temp_path ${folder};
       uwsgi_temp_path ${folder}; scgi_temp_path ${folder};
       limit_req_zone $binary_remote_addr zone=all:1m rate=${PER_SECOND}r/s; limit_req_status ${nginx.status};
       server { listen 127.0.0.1:${port} ssl; ssl_certificate ${cert}; ssl_certificate_key ${key};
         error_page 429 = @slower; error_page 503 = @slower;
         location / { limit_req zone=all burst=5 ${nginx.limit}; try_files /none @ok; }
         location @ok { return 204; }
         location @slower { ${nginx.header} return ${nginx.status}; } } }`,
  )
  const server = await startServer('nginx', ['-c', configuration, '-p', folder], { port })
  const tenantId = await house.addTenant()
  await house.addEndpoint(`https://127.0.0.1:${port}/`, { tenantId })
  const startedAt = performance.now()
  for (let i = 0; i < 3; i++) await house.publishFor(tenantId, ...Array<object>(EVENTS / 3).fill({}))
  await house.until(async () => (await house.deliveries({ tenantId, status: 'PENDING' })).length === 0, 300_000)
  const tookMs = performance.now() - startedAt
  const [deliveries, attempts] = await Promise.all([
    house.deliveries({ tenantId }),
    house.app.ctx.db.attempt.findMany({ where: { tenantId } }),
  ])
  await server.stop()
  const refused = attempts.filter(({ statusCode }) => statusCode === nginx.status)
  console.log(
    `nginx, ${nginx.name}: ${EVENTS} events in ${(tookMs / 1000).toFixed(1)} s, ${attempts.length} attempts, ${refused.length} refused`,
  )
  expect(deliveries.every(({ status }) => status === 'SUCCEEDED')).toBe(true)
  expect(deliveries.every(({ attemptCount, maxAttempts }) => maxAttempts === 7 + attemptCount - 1)).toBe(true)
  expect(attempts).toHaveLength(EVENTS + refused.length)
  expect(tookMs, 'the limit is real').toBeGreaterThan(((EVENTS - 10) / PER_SECOND) * 1_000 - 1_000)
  expect(tookMs).toBeLessThan((EVENTS / PER_SECOND) * 1_000 * 1.3)
})
