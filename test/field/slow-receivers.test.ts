// Servers that serve one request at a time, 0.7 s each, and 60 events at once.

import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { freePort } from '../../src/dev/free-port.ts'
import { type House, openHouse } from '../support/house.ts'
import { has, run, workFolder } from './programs.ts'
import { certificateFiles, type Server, startServer } from './receivers/servers.ts'

const SOURCES = join(import.meta.dirname, 'receivers')
const EVENTS = 60
const SERIAL_MS = EVENTS * 700

let house: House
let bin: string
beforeAll(async () => {
  house = await openHouse()
  if (!has('python3')) return
  const folder = await workFolder('receivers')
  bin = join(folder, 'bin')
  await run('python3', ['-m', 'venv', folder])
  await run(join(bin, 'python'), [
    '-m',
    'pip',
    'install',
    '--quiet',
    '--requirement',
    join(SOURCES, 'requirements.txt'),
  ])
})
afterAll(() => house.close())

/** Sends 60 events to a server; expects each to be delivered at its first attempt within 1.2 times the serial time. */
async function expectPatience(name: string, port: number, servers: readonly Server[]): Promise<void> {
  const tenantId = await house.addTenant()
  await house.addEndpoint(`https://127.0.0.1:${port}/`, { tenantId })
  const startedAt = performance.now()
  await house.publishFor(tenantId, ...Array<object>(EVENTS).fill({}))
  await house.until(async () => (await house.deliveries({ tenantId, status: 'PENDING' })).length === 0, 120_000)
  const tookMs = performance.now() - startedAt
  const attempts = await house.app.ctx.db.attempt.findMany({ where: { tenantId } })
  await Promise.all(servers.map((server) => server.stop()))
  const longestMs = Math.max(...attempts.map(({ latencyMs }) => latencyMs))
  console.log(
    `${name}: ${EVENTS} events in ${(tookMs / 1000).toFixed(1)} s, ${attempts.length} attempts, longest ${longestMs} ms`,
  )
  expect(attempts.map(({ statusCode, errorCode }) => statusCode ?? errorCode)).toEqual(Array(EVENTS).fill(200))
  expect(tookMs).toBeLessThan(SERIAL_MS * 1.2)
}

test.skipIf(!has('python3'))('gunicorn with its one default worker gets each event once', async () => {
  const { cert, key } = await certificateFiles(house, 'gunicorn')
  const port = await freePort()
  const args = ['--bind', `127.0.0.1:${port}`, '--certfile', cert, '--keyfile', key, '--chdir', SOURCES, 'app:app']
  const server = await startServer(join(bin, 'gunicorn'), args, { port })
  await expectPatience('gunicorn', port, [server])
})

test.skipIf(!has('python3'))('unthreaded Flask gets each event once', async () => {
  const { cert, key } = await certificateFiles(house, 'flask')
  const port = await freePort()
  const server = await startServer(join(bin, 'python'), [join(SOURCES, 'app.py'), String(port), cert, key], { port })
  await expectPatience('Flask', port, [server])
})

test.skipIf(!has('php', 'nginx'))('php -S behind nginx gets each event once', async () => {
  const { folder, cert, key } = await certificateFiles(house, 'php')
  const [port, phpPort] = [await freePort(), await freePort()]
  const php = await startServer('php', ['-S', `127.0.0.1:${phpPort}`, join(SOURCES, 'index.php')], { port: phpPort })
  const configuration = join(folder, 'nginx.conf')
  await writeFile(
    configuration,
    `daemon off; pid ${folder}/nginx.pid; error_log stderr; events {}
     http { access_log off; client_body_temp_path ${folder}; proxy_temp_path ${folder}; fastcgi_temp_path ${folder};
       uwsgi_temp_path ${folder}; scgi_temp_path ${folder};
       server { listen 127.0.0.1:${port} ssl; ssl_certificate ${cert}; ssl_certificate_key ${key};
         location / { proxy_pass http://127.0.0.1:${phpPort}; } } }`,
  )
  const nginx = await startServer('nginx', ['-c', configuration, '-p', folder], { port })
  await expectPatience('php -S', port, [nginx, php])
})
