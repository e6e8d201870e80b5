#!/usr/bin/env bash
# @graphql-tools/executor-http: letters of a subscription are replaced where two chunks meet.
#
# The executor reads subscriptions over server-sent events for url-loader, schema stitching, GraphQL Mesh and Hive Gateway. A chunk of
# the stream may end within a letter that has several bytes; with a large event it usually ends somewhere in the middle of one.
# The executor decodes each chunk by itself, so that such a letter becomes U+FFFD twice or more. The JSON stays valid and nothing is
# raised: a caller is called "Zo??" from then on. Expected: the letters that the server sent. graphql-sse and urql read them right.
# What helps: a websocket, or graphql-sse in an executor of one's own.
#
# Needs node 20 or newer and npm. Prints how many of 200 names came as they were sent, once with each event in one chunk and once
# with each letter "ë" in two; fails when that changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
echo '{ "private": true, "type": "module" }' >package.json
npm install --ignore-scripts --no-audit --no-fund --no-package-lock --loglevel=error @graphql-tools/executor-http@3.4.1 graphql-sse@2.6.1 @urql/core@6.0.3 graphql@16.15.0 >/dev/null
cat >probe.mjs <<'JS'
import { createServer } from 'node:http'
import { setTimeout as wait } from 'node:timers/promises'
import { buildHTTPExecutor } from '@graphql-tools/executor-http'
import { Client, fetchExchange } from '@urql/core'
import { parse } from 'graphql'
import { createClient } from 'graphql-sse'

const event = Buffer.from(`event: next\ndata: ${JSON.stringify({ data: { name: 'Zoë' } })}\n\n`)
const withinLetter = event.indexOf('ë') + 1
const server = createServer(async (request, response) => {
  response.writeHead(200, { 'content-type': 'text/event-stream' })
  const pieces = request.url.startsWith('/whole') ? [event] : [event.subarray(0, withinLetter), event.subarray(withinLetter)]
  for (let sent = 0; sent < 200; sent++) {
    for (const piece of pieces) {
      response.write(piece)
      await wait(2)
    }
  }
  response.end('event: complete\ndata: \n\n')
}).listen(0, '127.0.0.1')
await new Promise((done) => server.on('listening', done))
const url = `http://127.0.0.1:${server.address().port}`
const query = 'subscription { name }'

const clients = {
  async 'executor-http'(endpoint, heard) {
    for await (const { data } of await buildHTTPExecutor({ endpoint })({ document: parse(query) })) heard(data.name)
  },
  'graphql-sse': (url, heard) =>
    new Promise((complete, error) => createClient({ url }).subscribe({ query }, { next: ({ data }) => heard(data.name), error, complete })),
  urql: (url, heard) =>
    new Promise((done) => {
      const client = new Client({ url, exchanges: [fetchExchange], fetchSubscriptions: true, preferGetMethod: false })
      client.subscription(query, {}).subscribe(({ data, hasNext }) => (hasNext ? heard(data.name) : done()))
    }),
}
for (const [name, subscribe] of Object.entries(clients)) {
  const right = []
  for (const path of ['/whole', '/split']) {
    let count = 0
    await subscribe(url + path, (heard) => (count += heard === 'Zoë'))
    right.push(count)
  }
  console.log(`${name}: ${right[0]} of 200 whole, ${right[1]} of 200 split`)
}
server.close()
server.closeAllConnections()
JS
came=$(timeout 60 node probe.mjs)
expected='executor-http: 200 of 200 whole, 0 of 200 split
graphql-sse: 200 of 200 whole, 200 of 200 split
urql: 200 of 200 whole, 200 of 200 split'
printf '@graphql-tools/executor-http 3.4.1, graphql-sse 2.6.1, @urql/core 6.0.3\n%s\n' "$came"
[ "$came" = "$expected" ] || { printf 'expected\n%s\n' "$expected"; exit 1; }
