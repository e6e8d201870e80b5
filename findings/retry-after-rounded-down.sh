#!/usr/bin/env bash
# koa-ratelimit and Flask-Limiter: who waits as long as Retry-After says is refused again.
#
# Retry-After names whole seconds, so a limiter has to round the rest of its window up. Expected: a request that comes back after
# that time is taken. Both cut the fraction off (`| 0`, int()): with 4.4 s to go they say 4, and in the last part of a second
# they say "Retry-After: 0", at once. So a sender that obeys is refused a second time, and one that takes the 0 at its word asks
# again and again until the window is over. Flask-Limiter does so for its default, the fixed window.
# express-rate-limit and @fastify/rate-limit, asked the same way, round up: one wait is enough.
#
# Needs node, and python3 with venv. Fails when one of them answers otherwise.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --ignore-scripts --no-audit --no-fund --no-package-lock --loglevel=error koa@3.3.0 koa-ratelimit@6.0.0 express@5.3.0 \
  express-rate-limit@8.7.5 fastify@5.12.8 @fastify/rate-limit@11.2.0 >/dev/null
python3 -m venv python
python/bin/pip install --quiet --disable-pip-version-check Flask==3.1.3 Flask-Limiter==4.1.1 limits==5.8.0

cat >server.py <<'PYTHON'
from flask import Flask
from flask_limiter import Limiter
from werkzeug.serving import make_server

app = Flask(__name__)
Limiter(lambda: "everybody", app=app, default_limits=["1 per 5 seconds"], storage_uri="memory://", headers_enabled=True)


@app.post("/")
def receive():
    return ""


server = make_server("127.0.0.1", 0, app)
print(server.server_port, flush=True)
server.serve_forever()
PYTHON

cat >probe.mjs <<'JS'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createRequire } from 'node:module'
import { setTimeout as delay } from 'node:timers/promises'
import fastifyLimit from '@fastify/rate-limit'
import express from 'express'
import { rateLimit } from 'express-rate-limit'
import fastify from 'fastify'
import Koa from 'koa'
import koaLimit from 'koa-ratelimit'

const WINDOW_MS = 5_000
const versionOf = (name) => {
  const require = createRequire(import.meta.url)
  const path = require.resolve.paths(name)[0]
  return `${name} ${require(`${path}/${name}/package.json`).version}`
}
const flask = spawn('python/bin/python', ['server.py'], { stdio: ['ignore', 'pipe', 'ignore'] })
process.on('exit', () => flask.kill())

// One request in five seconds, for everybody together.
const servers = {
  async [versionOf('koa-ratelimit')]() {
    const app = new Koa()
    app.use(koaLimit({ driver: 'memory', db: new Map(), duration: WINDOW_MS, max: 1, id: () => 'everybody' }))
    app.use((context) => { context.status = 204 })
    const server = app.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return server.address().port
  },
  async 'Flask-Limiter 4.1.1'() {
    return Number(String(await once(flask.stdout, 'data')))
  },
  async [versionOf('express-rate-limit')]() {
    const app = express()
    app.use(rateLimit({ windowMs: WINDOW_MS, limit: 1 }))
    app.post('/', (_request, response) => response.status(204).end())
    const server = app.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return server.address().port
  },
  async [versionOf('@fastify/rate-limit')]() {
    const app = fastify()
    await app.register(fastifyLimit, { max: 1, timeWindow: WINDOW_MS })
    app.post('/', (_request, reply) => reply.code(204).send())
    await app.listen({ port: 0, host: '127.0.0.1' })
    return app.server.address().port
  },
}

async function tryOne(port) {
  const post = async () => {
    const reply = await fetch(`http://127.0.0.1:${port}/`, { method: 'POST' })
    await reply.text()
    return reply.status < 300 ? 'taken' : reply.headers.get('retry-after')
  }
  if ((await post()) !== 'taken') throw new Error('expected the first request of a window to be taken')
  await delay(600)
  const said = [await post()]
  await delay(Number(said[0]) * 1_000 + 2)
  said.push(await post())
  if (said[1] !== 'taken') said.push(await post())
  return said.join(', then ')
}
const expected = { 'koa-ratelimit': '4, then 0, then 0', 'Flask-Limiter': '4, then 0, then 0' }
const ports = await Promise.all(Object.entries(servers).map(async ([name, make]) => [name, await make()]))
let failed
for (let tries = 0; tries < 3 && failed !== false; tries++) {
  // Flask-Limiter counts to the full second behind the window: it is right for a window that begins with a second.
  await delay(WINDOW_MS + ((1_700 - (Date.now() % 1_000)) % 1_000))
  const said = await Promise.all(ports.map(async ([name, port]) => [name, await tryOne(port)]))
  failed = said.some(([name, text]) => text !== (expected[name.split(' ')[0]] ?? '5, then taken'))
  console.log(said.map(([name, text]) => `${name}: Retry-After ${text}`).join('\n'))
}
if (failed) console.log('expected the first two to refuse again after the wait, with 0, and the others to take the request')
process.exit(failed ? 1 : 0)
JS
node probe.mjs
