#!/usr/bin/env bash
# PyPI gql: over AIOHTTPWebsocketsTransport nobody learns why a server closed a subscription.
#
# graphql-ws closes with a code and a reason (4403 "Forbidden", 4429, 1013 "try again later"): some ask to come back, some
# say that coming back is useless. Both transports of gql raise TransportConnectionFailed. WebsocketsTransport keeps the
# code and the reason in error.__cause__.rcvd. AIOHTTPWebsocketsTransport says "Connection was closed" for each of them and
# for a torn connection, with no cause: a refused key looks like a network fault, and a loop that reconnects never ends.
# Expected: the code and the reason with either transport.
#
# Fails when that changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
echo '{ "private": true, "type": "module" }' >package.json
npm install --ignore-scripts --no-audit --no-fund --no-package-lock --loglevel=error graphql-ws@6.4.2 graphql@16.12.0 ws@8.18.3 >/dev/null
python3 -m venv python
python/bin/pip install --quiet --disable-pip-version-check 'gql[websockets,aiohttp]==4.4.0'
cat >server.mjs <<'JS'
import { spawn } from 'node:child_process'
import { buildSchema } from 'graphql'
import { useServer } from 'graphql-ws/use/ws'
import { WebSocketServer } from 'ws'

const schema = buildSchema('type Query { n: Int } type Subscription { n: Int }')
const server = new WebSocketServer({ host: '127.0.0.1', port: 0, path: '/graphql' })
const n = async function* () {
  yield { n: 1 }
  await new Promise(() => {})
}
useServer({ schema, roots: { subscription: { n } } }, server)
server.on('connection', (socket, { url }) => {
  const code = Number(url.split('=')[1])
  setTimeout(() => (code ? socket.close(code, `reason ${code}`) : socket.terminate()), 500)
})
server.on('listening', () => {
  const client = spawn('python/bin/python', ['client.py', String(server.address().port)], { stdio: 'inherit' })
  client.on('exit', (code) => process.exit(code ?? 1))
})
JS
cat >client.py <<'PYTHON'
import asyncio
import sys

import gql
from gql.transport.aiohttp_websockets import AIOHTTPWebsocketsTransport
from gql.transport.exceptions import TransportConnectionFailed
from gql.transport.websockets import WebsocketsTransport


async def watch(transport, code):
    try:
        url = f"ws://127.0.0.1:{sys.argv[1]}/graphql?code={code}"
        async with gql.Client(transport=transport(url=url)) as session:
            async for _ in session.subscribe(gql.gql("subscription { n }")):
                pass
    except TransportConnectionFailed as error:
        received = getattr(error.__cause__, "rcvd", None)
        return (received.code, received.reason) if received else str(error)


async def main():
    told = {}
    for transport in (WebsocketsTransport, AIOHTTPWebsocketsTransport):
        told[transport] = [await watch(transport, code) for code in (4403, 1013, 0)]
        print("gql", gql.__version__, transport.__name__, told[transport])
    assert told[WebsocketsTransport][:2] == [(4403, "reason 4403"), (1013, "reason 1013")]
    assert told[AIOHTTPWebsocketsTransport] == ["Connection was closed"] * 3


asyncio.run(main())
PYTHON
node server.mjs
