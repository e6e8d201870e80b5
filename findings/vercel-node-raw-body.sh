#!/usr/bin/env bash
# @vercel/node: in a function with (request, response), the usual ways to the raw body give nothing, and others give it.
#
# A receiver of webhooks needs the bytes, because they are what was signed. Such a function gets Node's request after its body
# was read. Expected: the stream is as if unread, or all ways fail alike. request.on('data'), request.read() and
# stream.pipeline have the body again. `for await (const chunk of request)`, of which examples of receivers are made, and
# buffer() of node:stream/consumers end at once with 0 bytes, as if the sender had sent none; npm raw-body says "stream is not
# readable"; express.raw() is passed over in silence, so that request.body is the parsed object, and express.json never calls
# its `verify`. So each signature is wrong, though the same code is right on a server.
# With NODEJS_HELPERS=0 each way has the body, and so has `export function POST(request)` with request.arrayBuffer().
#
# Needs node. Fails when one of them gives more, or less. Uses the server that `vercel dev` starts.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
echo '{ "private": true, "type": "module" }' >package.json
npm install --ignore-scripts --no-audit --no-fund --no-package-lock --loglevel=error @vercel/node@24.0.0 express@5.3.0 \
  raw-body@4.0.0 >/dev/null

cat >function.mjs <<'JS'
import { Writable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import express from 'express'
import getRawBody from 'raw-body'

const describe = (body) => (Buffer.isBuffer(body) ? `${body.length} bytes` : `parsed: ${JSON.stringify(body)}`)
const keepBytes = express.json({
  verify(request, _response, bytes) {
    request.rawBody = bytes
  },
})
const through = (middleware, take) => (request, response) => new Promise((resolve) => {
  const app = express()
  app.use(middleware, () => resolve(describe(take(request))))
  app(request, response)
})
const ways = {
  "on('data')": (request) => new Promise((resolve) => {
    const chunks = []
    request.on('data', (chunk) => chunks.push(chunk))
    request.on('end', () => resolve(describe(Buffer.concat(chunks))))
  }),
  'read()': (request) => describe(request.read() ?? Buffer.alloc(0)),
  pipeline: async (request) => {
    const chunks = []
    await pipeline(request, new Writable({ write: (chunk, _encoding, done) => done(null, chunks.push(chunk)) }))
    return describe(Buffer.concat(chunks))
  },
  'for await': async (request) => {
    const chunks = []
    for await (const chunk of request) chunks.push(chunk)
    return describe(Buffer.concat(chunks))
  },
  'buffer()': async (request) => describe(await buffer(request)),
  'raw-body': async (request) => describe(await getRawBody(request)),
  'express.raw': through(express.raw({ type: '*/*' }), ({ body }) => body),
  'express.json verify': through(keepBytes, ({ rawBody, body }) => rawBody ?? body),
}
export default async function handler(request, response) {
  const way = ways[decodeURIComponent(request.url.slice(2))]
  response.end(await Promise.resolve().then(() => way(request, response)).catch(({ message }) => message))
}
JS
cat >web.mjs <<'JS'
export async function POST(request) {
  return new Response(`${(await request.arrayBuffer()).byteLength} bytes`)
}
JS

cat >probe.mjs <<'JS'
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'

const BODY = JSON.stringify({ type: 'call.ended' })
const SERVER = 'node_modules/@vercel/node/dist/dev-server.mjs'
const BYTES = `${BODY.length} bytes`
const PARSED = `parsed: ${BODY}`
/** [with the helpers, as is the default; with NODEJS_HELPERS=0] */
const ways = {
  "on('data')": [BYTES, BYTES],
  'read()': [BYTES, null],
  pipeline: [BYTES, BYTES],
  'for await': ['0 bytes', BYTES],
  'buffer()': ['0 bytes', BYTES],
  'raw-body': ['stream is not readable', BYTES],
  'express.raw': [PARSED, BYTES],
  'express.json verify': [PARSED, BYTES],
}

let failed = false
async function serve(entrypoint, buildEnv, check) {
  const server = spawn(process.execPath, [SERVER], {
    env: { ...process.env, VERCEL_DEV_ENTRYPOINT: entrypoint, VERCEL_DEV_BUILD_ENV: JSON.stringify(buildEnv) },
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  try {
    const { port } = await new Promise((resolve, reject) => {
      server.once('message', resolve)
      server.once('exit', (code) => reject(new Error(`expected the server of vercel dev, it exited with ${code}`)))
    })
    await check(async (name, path, expected) => {
      const reply = await fetch(`http://127.0.0.1:${port}/${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: BODY,
        signal: AbortSignal.timeout(20_000),
      })
      const text = await reply.text()
      failed ||= text !== expected
      console.log(`  ${name}: ${text}${text === expected ? '' : `, expected ${expected}`}`)
    })
  } finally {
    server.removeAllListeners('exit')
    server.kill()
  }
}
console.log(`@vercel/node ${JSON.parse(readFileSync('node_modules/@vercel/node/package.json', 'utf8')).version}, ${BYTES} sent`)
for (const [place, buildEnv] of [{}, { NODEJS_HELPERS: '0' }].entries()) {
  console.log(place === 0 ? 'a function with (request, response)' : 'the same with NODEJS_HELPERS=0')
  await serve('function.mjs', buildEnv, async (ask) => {
    for (const [name, expected] of Object.entries(ways))
      if (expected[place]) await ask(name, `?${encodeURIComponent(name)}`, expected[place])
  })
}
console.log('export function POST(request)')
await serve('web.mjs', {}, (ask) => ask('arrayBuffer()', '', BYTES))
process.exit(failed ? 1 : 0)
JS
node probe.mjs
