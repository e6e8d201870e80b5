#!/usr/bin/env bash
# @fastify/reply-from: JSON that is passed on arrives with other digits, and so under another signature.
#
# A proxy was expected to pass on the bytes that came. This one lets Fastify parse JSON, and writes it again with JSON.stringify:
# {"id":12345678901234567890} arrives as 12345678901234567000, the id of something else, 1.0 as 1, and text without its
# escapes and spaces. No error, and the receiver cannot tell. A sender's signature fits no longer, unless the sender wrote its
# body as JSON.stringify would. @fastify/http-proxy, which is made of it, passes bytes on, as do http-proxy-middleware and
# express-http-proxy. With parsers that hand the stream on, reply-from does too:
#   app.removeAllContentTypeParsers(); app.addContentTypeParser('*', (request, payload, done) => done(null, payload))
#
# Needs node. Fails when the bytes arrive, or when they do not with those parsers or @fastify/http-proxy.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --ignore-scripts --no-audit --no-fund --no-package-lock --loglevel=error fastify@5.12.8 @fastify/reply-from@12.6.5 \
  @fastify/http-proxy@11.6.3 >/dev/null
cat >probe.mjs <<'JS'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { text } from 'node:stream/consumers'
import httpProxy from '@fastify/http-proxy'
import replyFrom from '@fastify/reply-from'
import fastify from 'fastify'

const BODY = String.raw`{ "id": 12345678901234567890, "price": 1.0, "name": "Zo\u00eb" }`
const REWRITTEN = '{"id":12345678901234567000,"price":1,"name":"Zoë"}'
const behind = createServer(async (request, response) => response.end(await text(request)))
await new Promise((resolve) => behind.listen(0, '127.0.0.1', resolve))
const base = `http://127.0.0.1:${behind.address().port}`
const proxies = {
  'reply-from': [REWRITTEN, (app) => {
    app.register(replyFrom, { base })
    app.post('/', (_request, reply) => reply.from('/'))
  }],
  'reply-from, the stream handed on': [BODY, (app) => {
    app.removeAllContentTypeParsers()
    app.addContentTypeParser('*', (_request, payload, done) => done(null, payload))
    app.register(replyFrom, { base })
    app.post('/', (_request, reply) => reply.from('/'))
  }],
  'http-proxy': [BODY, (app) => app.register(httpProxy, { upstream: base })],
}
for (const name of ['fastify', '@fastify/reply-from', '@fastify/http-proxy'])
  console.log(name, JSON.parse(readFileSync(`node_modules/${name}/package.json`, 'utf8')).version)
console.log(`sent: ${BODY}`)
let failed = false
for (const [name, [expected, prepare]] of Object.entries(proxies)) {
  const app = fastify()
  prepare(app)
  const url = await app.listen({ host: '127.0.0.1', port: 0 })
  const headers = { 'content-type': 'application/json' }
  const came = await fetch(url, { method: 'POST', headers, body: BODY }).then((reply) => reply.text())
  failed ||= came !== expected
  console.log(`${name}: ${came}${came === expected ? '' : `, expected ${expected}`}`)
  await app.close()
}
process.exit(failed ? 1 : 0)
JS
node probe.mjs
