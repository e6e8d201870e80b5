// Measures memory under the worst load: `node chaos/memory.ts [--waiting 1000000] [--seconds 60]`. It fills the tables with
// deliveries that are due and lets a worker and an API process run, while every second receiver answers each request with a
// gigabyte. It prints one line of JSON with the most memory of each process. Exit code 1: a process took 400 MB or more, or
// nothing was delivered.

import { randomBytes } from 'node:crypto'
import { chmodSync, rmSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { createServer } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { startGatewayProcess } from '../harness/gateway-process.ts'
import { migrate } from '../src/database/migrate.ts'
import { openAccess } from '../src/database/pools.ts'
import { openCertificateAuthority } from '../src/dev/certificate-authority.ts'
import { makeSigningSecret } from '../src/domain/signing/secret.ts'
import { belongsToEndpoint, createVault } from '../src/vault.ts'
import { openRunDatabase } from './run-database.ts'

const ENDPOINTS = 50
const MOST_MB = 400
const GIGABYTE = 1024 ** 3
const READY_MS = 120_000

const { values } = parseArgs({ options: { waiting: { type: 'string' }, seconds: { type: 'string' } } })
const waiting = Number(values.waiting ?? 1_000_000)
const seconds = Number(values.seconds ?? 60)

const folder = await mkdtemp(join(tmpdir(), 'sivo-memory-'))
chmodSync(folder, 0o755)
const closers: (() => unknown)[] = [() => rmSync(folder, { recursive: true, force: true })]
try {
  process.exitCode = await measure()
} finally {
  for (const close of closers.reverse()) await Promise.resolve(close()).catch(() => {})
}
process.exit()

async function measure(): Promise<number> {
  const quiet = () => {}
  const database = await openRunDatabase({
    dataDir: folder,
    processes: 2,
    log: { debug: quiet, info: quiet, warn: quiet, error: tell },
  })
  closers.push(database.close)
  await migrate(openAccess({ url: database.url, applicationName: 'chaos' }))
  const authority = await openCertificateAuthority(join(folder, 'authority'))
  const receiver = await startGenerousReceiver(authority.issue(['localhost']))
  closers.push(receiver.close)
  const secretsKey = randomBytes(32)
  await fill(database, receiver.port, secretsKey)
  tell(`${waiting} deliveries wait at ${ENDPOINTS} endpoints`)

  const env = {
    SIVO_OPERATOR_KEY: `sivo_${randomBytes(24).toString('hex')}`,
    SIVO_SECRETS_KEY: secretsKey.toString('base64'),
    SIVO_ALLOWED_NETWORKS: '127.0.0.0/8,::1/128',
    NODE_EXTRA_CA_CERTS: authority.certificatePath,
    PORT: '0',
    LOG_LEVEL: 'warn',
  }
  const processes = (['api', 'worker'] as const).map((role, i) => {
    const started = startGatewayProcess({
      name: role,
      logPath: join(folder, `${role}.log`),
      env: { ...env, SIVO_ROLE: role, DATABASE_URL: database.urlFor(i), LOG_LEVEL: 'info' },
    })
    closers.push(started.end)
    return started
  })
  await Promise.all(processes.map((each) => each.ready(READY_MS)))
  const most: Record<string, number> = {}
  const until = performance.now() + seconds * 1_000
  while (performance.now() < until) {
    for (const { name, memoryMb } of processes) most[name] = Math.max(most[name] ?? 0, memoryMb() ?? 0)
    await delay(100)
  }
  const [counts] = await database.query<{ waiting: number; delivered: number }>(
    `select count(*) filter (where status = 'PENDING')::int as waiting,
       count(*) filter (where status = 'SUCCEEDED')::int as delivered from delivery`,
  )
  const { delivered } = counts!
  const unexpectedEnds = processes.flatMap(({ name, unexpectedEnds: ends }) => ends.map((how) => `${name}: ${how}`))
  const pass = delivered > 0 && unexpectedEnds.length === 0 && Object.values(most).every((mb) => mb < MOST_MB)
  process.stdout.write(
    `${JSON.stringify({
      waitingAtFirst: waiting,
      waitingAtLast: counts!.waiting,
      delivered,
      gigabyteAnswers: receiver.generousAnswers(),
      megabytesTaken: Math.round(receiver.bytesTaken() / 1024 ** 2),
      seconds,
      memoryMb: most,
      unexpectedEnds,
      pass,
    })}\n`,
  )
  return pass ? 0 : 1
}

/** Answers 200, with a gigabyte for even endpoints and with nothing for odd ones. */
async function startGenerousReceiver(certificate: { key: string; cert: string }) {
  const chunk = Buffer.alloc(256 * 1024, 'x')
  let answers = 0
  let taken = 0
  const server = createServer(certificate, (request, response) => {
    request.resume()
    response.on('error', () => {})
    if (Number(request.url!.slice(1)) % 2) return response.writeHead(200).end()
    answers++
    response.writeHead(200, { 'content-length': GIGABYTE })
    let left = GIGABYTE
    const pour = () => {
      while (left > 0 && !response.destroyed) {
        left -= chunk.length
        taken += chunk.length
        if (!response.write(chunk)) return response.once('drain', pour)
      }
      return response.end()
    }
    return pour()
  })
  server.on('tlsClientError', () => {})
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as { port: number }).port,
    generousAnswers: () => answers,
    bytesTaken: () => taken,
    close() {
      server.close()
      server.closeAllConnections()
    },
  }
}

async function fill(database: Awaited<ReturnType<typeof openRunDatabase>>, port: number, secretsKey: Buffer) {
  const vault = createVault([secretsKey])
  const [tenant] = await database.query<{ id: string }>(`insert into tenant (name) values ('Memory') returning id`)
  const endpoints = await database.query<{ id: string }>(
    `insert into endpoint (tenant_id, name, url)
     select $1, 'Endpoint ' || n, 'https://localhost:' || $2::int || '/' || n from generate_series(1, $3::int) n returning id`,
    [tenant!.id, port, ENDPOINTS],
  )
  for (const { id } of endpoints)
    await database.query(
      `insert into signing_secret (tenant_id, endpoint_id, sealed, hint, active_from)
       values ($1, $2, $3, 'hint', to_timestamp(0))`,
      [tenant!.id, id, vault.seal(makeSigningSecret(randomBytes), belongsToEndpoint(tenant!.id, id))],
    )
  const body = JSON.stringify({ text: 'x'.repeat(1_000) })
  await database.query(
    `insert into event (id, tenant_id, type, occurred_at, body)
     select uuidv7(), $1, 'call.ended', now(), $2 from generate_series(1, $3::int)`,
    [tenant!.id, body, Math.ceil(waiting / ENDPOINTS)],
  )
  await database.query(
    `insert into delivery (tenant_id, event_id, endpoint_id, event_type, max_attempts, next_attempt_at)
     select e.tenant_id, e.id, p.id, e.type, 7, now() from event e cross join endpoint p limit $1`,
    [waiting],
  )
  await database.query('analyze')
}

function tell(line: string): void {
  process.stderr.write(`${line}\n`)
}
