#!/usr/bin/env bash
# npm express-idempotency and PyPI asgi-idempotency-header: after a handler that throws, its key is "in progress" and stays so.
#
# Both answer 409 while a first request with the key is at work. When its handler throws, the reply is 500 and the work is
# over, but the key is not given back: each later attempt is answered with 409, and the handler never runs again.
#   express-idempotency sees the end of a request in `response.send` alone. So a 204 by `response.end` is no end either, and a
#     repeat of what has succeeded gets 409 too. Its README says to call reportError in a handler that fails.
#   asgi-idempotency-header keeps replies of JSON, also a 500. A 204 has no body, so it is not
#     kept: the repeat runs the handler once more.
# Expected: an attempt after a failure runs the handler; a repeat after a success does not, and gets a 2xx.
#
# Needs node, npm and Python 3.11. Fails when one of them does otherwise.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
echo '{ "private": true, "type": "module" }' >package.json
npm install --ignore-scripts --no-audit --no-fund --no-package-lock --loglevel=error express-idempotency@1.0.6 express@5.3.0 \
  >/dev/null
cat >probe.mjs <<'JS'
import { readFileSync } from 'node:fs'
import express from 'express'
import idempotencyPackage from 'express-idempotency'

const { idempotency, getSharedIdempotencyService } = idempotencyPackage
const { version } = JSON.parse(readFileSync('node_modules/express-idempotency/package.json', 'utf8'))
const ways = {
  'throws first': (response, run) => {
    if (run === 1) throw new Error('the database is away')
    response.status(204).send()
  },
  '503 by send first': (response, run) => response.status(run === 1 ? 503 : 204).send(),
  '204 by send': (response) => response.status(204).send(),
  '204 by end': (response) => response.status(204).end(),
}
for (const [way, reply] of Object.entries(ways)) {
  let runs = 0
  const app = express()
  app.use(idempotency())
  app.post('/', (request, response) => {
    if (getSharedIdempotencyService().isHit(request)) return
    runs += 1
    reply(response, runs)
  })
  const server = app.listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const statuses = []
  for (let attempt = 1; attempt <= 3; attempt += 1) {
    const { status } = await fetch(`http://127.0.0.1:${server.address().port}/`, {
      method: 'POST',
      headers: { 'idempotency-key': 'evt_1' },
    })
    statuses.push(status)
  }
  server.closeAllConnections()
  server.close()
  console.log(`express-idempotency ${version}, ${way}: ${statuses.join(' ')} runs: ${runs}`)
}
JS
NODE_ENV=test node probe.mjs | tee seen

python3 -m venv venv
venv/bin/pip -q install --disable-pip-version-check asgi-idempotency-header==0.2.0 starlette==1.10.0 fastapi httpx redis
cat >probe.py <<'PY'
import asyncio
from importlib.metadata import version

import httpx
from idempotency_header_middleware import IdempotencyHeaderMiddleware
from idempotency_header_middleware.backends import MemoryBackend
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import JSONResponse, Response
from starlette.routing import Route


async def main():
    for way in ["throws first", "503 of JSON first", "200 of JSON", "204"]:
        runs = 0

        async def handler(request):
            nonlocal runs
            runs += 1
            if runs == 1 and way == "throws first":
                raise RuntimeError("the database is away")
            if way == "204":
                return Response(status_code=204)
            return JSONResponse({}, 503 if runs == 1 and way == "503 of JSON first" else 200)

        app = Starlette(
            routes=[Route("/", handler, methods=["POST"])],
            middleware=[Middleware(IdempotencyHeaderMiddleware, backend=MemoryBackend())],
        )
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            statuses = [(await client.post("/", headers={"Idempotency-Key": "evt_1"})).status_code for _ in range(3)]
        print(f"asgi-idempotency-header {version('asgi-idempotency-header')}, {way}:", *statuses, "runs:", runs)


asyncio.run(main())
PY
venv/bin/python probe.py | tee -a seen

diff seen - <<'SEEN'
express-idempotency 1.0.6, throws first: 500 409 409 runs: 1
express-idempotency 1.0.6, 503 by send first: 503 204 204 runs: 2
express-idempotency 1.0.6, 204 by send: 204 204 204 runs: 1
express-idempotency 1.0.6, 204 by end: 204 409 409 runs: 1
asgi-idempotency-header 0.2.0, throws first: 500 409 409 runs: 1
asgi-idempotency-header 0.2.0, 503 of JSON first: 503 503 503 runs: 1
asgi-idempotency-header 0.2.0, 200 of JSON: 200 200 200 runs: 1
asgi-idempotency-header 0.2.0, 204: 204 204 204 runs: 3
SEEN
echo "as described."
