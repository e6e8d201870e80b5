#!/usr/bin/env bash
# Elysia: every route answers 404 when the host of the URL has three letters or fewer.
#
# Services in one network call each other by short names: http://api/webhooks. Expected: a route is found by its path, whatever
# the host is called. app.handle, app.fetch (given to Bun.serve, a Worker or a Next route) and the adapter for Node answer 404 for the
# hosts "api" and "web"; "hook" and "localhost" work, and so does "api:8080". The code looks for the path from a fixed place of the
# URL, behind the slash that ends "http://api". Tests with localhost and a port in development never show it.
#
# Fails when the short names are served, or the longer ones are not.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
echo '{ "private": true, "type": "module" }' >package.json
npm install --ignore-scripts --no-audit --no-fund --no-package-lock --loglevel=error elysia@1.4.30 @elysiajs/node@1.4.5 >/dev/null

cat >probe.mjs <<'JS'
import { request } from 'node:http'
import { createServer } from 'node:net'
import { node } from '@elysiajs/node'
import { Elysia } from 'elysia'

const hosts = ['api', 'web', 'hook', 'localhost', 'api:8080']
const app = new Elysia().post('/webhooks', () => 'taken')
const statuses = []
for (const host of hosts) {
  const reply = await app.handle(new Request(`http://${host}/webhooks`, { method: 'POST', body: '{}' }))
  statuses.push(`${host} ${reply.status}`)
}
console.log(`handle: ${statuses.join(', ')}`)

const port = await new Promise((done) => {
  const server = createServer().listen(0, '127.0.0.1', () => {
    const { port } = server.address()
    server.close(() => done(port))
  })
})
new Elysia({ adapter: node() }).post('/webhooks', () => 'taken').listen({ port, hostname: '127.0.0.1' })
const post = (host) =>
  new Promise((done, fail) => {
    const sent = request({ host: '127.0.0.1', port, path: '/webhooks', method: 'POST', headers: { host } }, (reply) =>
      done(reply.resume().statusCode),
    )
    sent.on('error', fail)
    sent.end('{}')
  })
for (let attempt = 0; attempt < 50; attempt++) {
  if (await post('localhost').then(() => true, () => false)) break
  await new Promise((done) => setTimeout(done, 100))
}
const served = []
for (const host of hosts) served.push(`${host} ${await post(host)}`)
console.log(`on Node: ${served.join(', ')}`)
process.exit()
JS
came=$(node probe.mjs)
expected='handle: api 404, web 404, hook 200, localhost 200, api:8080 200
on Node: api 404, web 404, hook 200, localhost 200, api:8080 200'
printf 'elysia %s\n%s\n' "$(node -p 'require("./node_modules/elysia/package.json").version')" "$came"
[ "$came" = "$expected" ] || { printf 'expected\n%s\n' "$expected"; exit 1; }
