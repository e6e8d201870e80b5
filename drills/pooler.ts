// A gateway behind PgBouncer in session mode, which is ended and started again under load three times.

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { freePort } from '../src/dev/free-port.ts'
import type { Drilled } from './main.ts'
import { openDrillDatabase } from './postgres.ts'
import { countLedgers, type Stand } from './stand.ts'

const NOBODY = 65_534
const PER_SECOND = 50
const RESTARTS = 3

export async function pooler(stand: Stand): Promise<Drilled> {
  const database = await openDrillDatabase(stand)
  const { hostname, port, username, password } = new URL(database.url)
  const at = await freePort()
  const path = join(stand.folder, 'pgbouncer.ini')
  await writeFile(join(stand.folder, 'users'), `"${username}" "${password}"\n`)
  await writeFile(
    path,
    `[databases]
* = host=${hostname} port=${port}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${at}
unix_socket_dir =
auth_type = plain
auth_file = ${join(stand.folder, 'users')}
pool_mode = session
default_pool_size = 60
max_client_conn = 200
ignore_startup_parameters = extra_float_digits,options
`,
  )
  let bouncer: ChildProcess | null = null
  const start = () => {
    // As root it refuses to run.
    const user = process.getuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : {}
    bouncer = spawn('pgbouncer', [path], { stdio: 'ignore', ...user })
  }
  const stop = async () => {
    const ended = once(bouncer!, 'exit')
    bouncer!.kill('SIGKILL')
    await ended
  }
  start()
  stand.onClose(stop)
  await delay(1_000)
  const databaseUrl = new URL(database.url)
  databaseUrl.port = String(at)
  const apiPort = await freePort()
  await stand.start({ name: 'api', role: 'api', port: apiPort, databaseUrl: databaseUrl.href })
  const worker = await stand.start({ name: 'worker', role: 'worker', databaseUrl: databaseUrl.href })
  const url = `http://127.0.0.1:${apiPort}/graphql`
  const publishing = stand.publish({ url, tenantId: await stand.configure(url), perSecond: PER_SECOND, retries: true })
  for (let n = 1; n <= RESTARTS; n++) {
    await delay(5_000)
    await stop()
    stand.tell(`the pooler was ended, ${n} of ${RESTARTS}`)
    await delay(1_000)
    start()
  }
  await delay(5_000)
  await publishing.stop()
  const delivered = await stand.untilDelivered(60_000)
  return {
    passed:
      delivered && countLedgers(stand).lost === 0 && publishing.failed === 0 && worker.unexpectedEnds.length === 0,
    figures: { restarts: RESTARTS, failedPublishes: publishing.failed, retriedPublishes: publishing.retried },
  }
}
