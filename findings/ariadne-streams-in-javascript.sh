#!/usr/bin/env bash
# Ariadne's server-sent events: urql and graphql-tools hear nothing of them, because its lines end with CR and LF.
#
# Server-sent events may end their lines with LF, CR, or both. Ariadne's GraphQLHTTPSSEHandler writes both. urql's fetchSubscriptions
# and @graphql-tools/executor-http (which Hive Gateway, GraphQL Mesh and schema stitching use) look for two LF in a row, and find no
# event: the executor ends without a result and without an error, as if nothing had happened, and urql says "No Content" at the end.
# A subscription that goes on is silent in both. Expected: three results, as graphql-sse has them.
# What helps: graphql-sse, for example in urql's subscriptionExchange, or in Ariadne GraphQLServerSentEvent.DEFAULT_SEPARATOR = "\n".
#
# Needs python3 with venv, node 20 or newer and npm. Prints what each client heard of three results; fails when that changes.
set -euo pipefail
folder=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server"; rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv python >/dev/null
python/bin/pip install --quiet --disable-pip-version-check ariadne==1.1.1 starlette==1.10.0 uvicorn==0.54.0
echo '{ "private": true, "type": "module" }' >package.json
npm install --ignore-scripts --no-audit --no-fund --no-package-lock --loglevel=error @graphql-tools/executor-http@3.4.1 graphql-sse@2.6.1 @urql/core@6.0.3 graphql@16.15.0 >/dev/null
cat >server.py <<'PY'
import socket
import sys

import uvicorn
from ariadne import SubscriptionType, make_executable_schema
from ariadne.asgi import GraphQL
from ariadne.contrib.sse import GraphQLHTTPSSEHandler, GraphQLServerSentEvent

subscription = SubscriptionType()

@subscription.source("count")
async def count(*_):
    for number in range(3):
        yield number

@subscription.field("count")
def resolve(number, *_):
    return number

schema = make_executable_schema("type Query { n: Int } type Subscription { count: Int }", subscription)
if "LF" in sys.argv:
    GraphQLServerSentEvent.DEFAULT_SEPARATOR = "\n"
listening = socket.create_server(("127.0.0.1", 0))
print(f"http://127.0.0.1:{listening.getsockname()[1]}/", flush=True)
server = uvicorn.Server(uvicorn.Config(GraphQL(schema, http_handler=GraphQLHTTPSSEHandler()), log_level="error"))
server.run(sockets=[listening])
PY
cat >probe.mjs <<'JS'
import { buildHTTPExecutor } from '@graphql-tools/executor-http'
import { Client, fetchExchange } from '@urql/core'
import { parse } from 'graphql'
import { createClient } from 'graphql-sse'

const [url] = process.argv.slice(2)
const query = 'subscription { count }'
const clients = {
  'graphql-sse': (heard) =>
    new Promise((complete, error) =>
      createClient({ url, retryAttempts: 0 }).subscribe({ query }, { next: ({ data }) => heard(data.count), error, complete }),
    ),
  async 'executor-http'(heard) {
    const executor = buildHTTPExecutor({ endpoint: url, method: 'POST' })
    for await (const { data, errors } of await executor({ document: parse(query) })) heard(data?.count ?? errors[0].message)
  },
  urql: (heard) =>
    new Promise((done) => {
      const client = new Client({ url, exchanges: [fetchExchange], fetchSubscriptions: true, preferGetMethod: false })
      client.subscription(query, {}).subscribe(({ data, error, hasNext }) => {
        if (error) heard(error.message)
        else if (hasNext) heard(data.count)
        if (!hasNext) done()
      })
    }),
}
for (const [name, subscribe] of Object.entries(clients)) {
  const all = []
  await subscribe((heard) => all.push(heard))
  console.log(`${name}: ${all.join(', ') || 'nothing, no error'}`)
}
process.exit()
JS
hear() {
  python/bin/python server.py "$1" >address &
  server=$!
  for _ in $(seq 100); do [ -s address ] && break; sleep 0.1; done
  echo "$1"
  timeout 60 node probe.mjs "$(cat address)"
  kill "$server"
  wait "$server" 2>/dev/null || true
  server=
  : >address
}
came=$(hear 'as it comes'; hear LF)
expected='as it comes
graphql-sse: 0, 1, 2
executor-http: nothing, no error
urql: [Network] No Content
LF
graphql-sse: 0, 1, 2
executor-http: 0, 1, 2
urql: 0, 1, 2'
printf 'ariadne 1.1.1, @graphql-tools/executor-http 3.4.1, @urql/core 6.0.3, graphql-sse 2.6.1\n%s\n' "$came"
[ "$came" = "$expected" ] || { printf 'expected\n%s\n' "$expected"; exit 1; }
