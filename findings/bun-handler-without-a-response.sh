#!/usr/bin/env bash
# Bun: a handler of Bun.serve that returns no Response is answered for with success.
#
# A receiver of webhooks says with its status whether an event was taken, and the sender comes again if not. A handler that
# forgets a `return` on the way to its 503, or returns { status: 503 } as in other frameworks, has no answer. Expected: 500, as for
# a handler that throws and as of Deno.serve, or no reply. Bun answers 204 in production (development: false) and 200 with its
# welcome page otherwise, in `fetch` and in `routes`. The handler `error` is not called. So the event counts as delivered.
# `error` itself: a Response without a status, such as a page that shows the error, is sent with 200; an async one that
# returns nothing gives 204, a sync one 500.
# What helps: TypeScript (the types refuse a `fetch` that may return nothing, except beside websockets), and a status in `error`.
#
# Needs node and npm. Fails when one of the statuses is another one. Nothing leaves the machine but the installation.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
echo '{ "private": true, "type": "module" }' >package.json
npm install --ignore-scripts --no-audit --no-fund --no-package-lock --loglevel=error bun@1.4.5 deno@2.9.6 >/dev/null

cat >probe.mjs <<'JS'
const handlers = {
  'returns nothing': async () => {},
  'returns { status: 503 }': () => ({ status: 503 }),
  'throws': () => { throw new Error('the database is away') },
}
const errors = {
  'none': undefined,
  'returns a Response': (error) => new Response(String(error)),
  'returns nothing': () => {},
  'returns nothing, later': async () => { await new Promise((resolve) => setTimeout(resolve, 5)) },
}

async function ask(serving) {
  const server = serving()
  const { status } = await fetch(`http://127.0.0.1:${server.port ?? server.addr.port}/`, { method: 'POST', body: '{}' })
  server.stop?.(true)
  return status
}

if (globalThis.Bun) {
  for (const development of [false, true]) {
    for (const [name, handle] of Object.entries(handlers)) {
      const told = []
      const error = (cause) => { told.push(cause) }
      const statuses = [
        await ask(() => Bun.serve({ port: 0, hostname: '127.0.0.1', development, error, fetch: handle })),
        await ask(() => Bun.serve({ port: 0, hostname: '127.0.0.1', development, error, routes: { '/': { POST: handle } } })),
      ]
      const mode = development ? 'development' : 'production'
      console.log(`Bun ${Bun.version}, ${mode}, ${name}: fetch ${statuses[0]}, routes ${statuses[1]}, error called ${told.length} times`)
    }
  }
  for (const [name, error] of Object.entries(errors))
    console.log(`Bun ${Bun.version}, throws, error ${name}: ${await ask(() => Bun.serve({ port: 0, hostname: '127.0.0.1', development: false, error, fetch: handlers.throws }))}`)
  process.exit(0)
} else {
  for (const [name, handle] of Object.entries(handlers))
    console.log(`Deno ${Deno.version.deno}, ${name}: ${await ask(() => Deno.serve({ port: 0, hostname: '127.0.0.1', onListen() {} }, handle))}`)
  Deno.exit()
}
JS
node_modules/@oven/bun-linux-x64*/bin/bun probe.mjs 2>/dev/null | tee seen
node_modules/@deno/linux-x64-glibc/deno run --allow-net probe.mjs 2>/dev/null | tee -a seen
diff seen - <<'SEEN'
Bun 1.4.5, production, returns nothing: fetch 204, routes 204, error called 0 times
Bun 1.4.5, production, returns { status: 503 }: fetch 204, routes 204, error called 0 times
Bun 1.4.5, production, throws: fetch 500, routes 500, error called 2 times
Bun 1.4.5, development, returns nothing: fetch 200, routes 200, error called 0 times
Bun 1.4.5, development, returns { status: 503 }: fetch 200, routes 200, error called 0 times
Bun 1.4.5, development, throws: fetch 500, routes 500, error called 2 times
Bun 1.4.5, throws, error none: 500
Bun 1.4.5, throws, error returns a Response: 200
Bun 1.4.5, throws, error returns nothing: 500
Bun 1.4.5, throws, error returns nothing, later: 204
Deno 2.9.6, returns nothing: 500
Deno 2.9.6, returns { status: 503 }: 500
Deno 2.9.6, throws: 500
SEEN
echo "as described."
