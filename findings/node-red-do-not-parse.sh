#!/usr/bin/env bash
# Node-RED's "http in" node: "do not parse the body" is ignored where the path has a parameter, or comes in other letters.
#
# With the option, msg.payload is a Buffer of the bytes that came, from which a flow computes the HMAC of a webhook. The node
# looks up "METHOD:path of the request" among the paths of the nodes as they were written. Expected: a Buffer whenever the
# node gets the request. A node on /hooks/:tenant gets /hooks/acme, and one on /Hook gets /hook, as Express matches both; both
# have the parsed object in msg.payload, and no way to the bytes: each signature is wrong. A path without a parameter works,
# also with a slash at its end and with a query.
#
# Needs node 22 or later and npm. Fails when one of the payloads is of another kind.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
echo '{ "private": true, "type": "module" }' >package.json
npm install --ignore-scripts --no-audit --no-fund --no-package-lock --loglevel=error node-red@5.0.7 express@4.22.3 >/dev/null
mkdir settings
cat >probe.mjs <<'JS'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import express from 'express'
import RED from 'node-red'

const nodes = [{ id: 'tab', type: 'tab' }]
for (const url of ['/hook', '/hooks/:tenant', '/Upper'])
  nodes.push(
    { id: `${url} in`, type: 'http in', z: 'tab', url, method: 'post', skipBodyParsing: true, wires: [[`${url} say`]] },
    {
      id: `${url} say`,
      type: 'function',
      z: 'tab',
      outputs: 1,
      func: `return { ...msg, payload: Buffer.isBuffer(msg.payload) ? msg.payload.length + ' bytes' : 'parsed' }`,
      wires: [[`${url} out`]],
    },
    { id: `${url} out`, type: 'http response', z: 'tab', wires: [] },
  )
writeFileSync('settings/flows.json', JSON.stringify(nodes))

const app = express()
const server = createServer(app)
RED.init(server, {
  disableEditor: true,
  httpAdminRoot: false,
  httpNodeRoot: '/',
  userDir: 'settings',
  flowFile: 'flows.json',
  logging: { console: { level: 'off' } },
})
app.use('/', RED.httpNode)
server.listen(0, '127.0.0.1')
const started = once(RED.events, 'flows:started')
await RED.start()
await started

console.log(`Node-RED ${RED.version()}`)
for (const [node, path] of [
  ['/hook', '/hook'],
  ['/hook', '/hook/?from=1'],
  ['/hooks/:tenant', '/hooks/acme'],
  ['/Upper', '/Upper'],
  ['/Upper', '/upper'],
]) {
  const reply = await fetch(`http://127.0.0.1:${server.address().port}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{"type":"call.ended"}',
    signal: AbortSignal.timeout(20_000),
  })
  console.log(`${node} gets ${path}: ${await reply.text()}`)
}
process.exit()
JS
node probe.mjs | tee seen

diff seen - <<'SEEN'
Node-RED 5.0.7
/hook gets /hook: 21 bytes
/hook gets /hook/?from=1: 21 bytes
/hooks/:tenant gets /hooks/acme: parsed
/Upper gets /Upper: 21 bytes
/Upper gets /upper: parsed
SEEN
echo "as described."
