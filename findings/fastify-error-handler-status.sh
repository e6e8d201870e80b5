#!/usr/bin/env bash
# Fastify 4 and 5: an error handler that sets no status answers 200.
#
# An application that reports its errors to somebody sets setErrorHandler, which reports and sends { error: … }. Fastify's page on
# setErrorHandler says that an error with a statusCode below 400 gets 500 before the handler is called, and Fastify 3 answered
# 500. Expected: 500. Since Fastify 4 the reply is 200 unless the handler calls reply.code(), whatever was thrown, in a route or
# in a hook; only reply.send(error) with the Error itself makes 500 of it. A sender of webhooks takes the failed event for delivered.
#
# Needs node and npm. Fails when one of the statuses is another one. Nothing leaves the machine but the installation.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
echo '{ "private": true, "type": "module" }' >package.json
npm install --ignore-scripts --no-audit --no-fund --no-package-lock --loglevel=error fastify3@npm:fastify@3.29.5 \
  fastify4@npm:fastify@4.29.1 fastify5@npm:fastify@5.12.8 >/dev/null
cat >probe.mjs <<'JS'
import { readFileSync } from 'node:fs'

const handlers = {
  'send an object': (error, _request, reply) => reply.send({ error: error.message }),
  'return an object': async (error) => ({ error: error.message }),
  'send the error': (error, _request, reply) => reply.send(error),
}
const throws = async () => { throw new Error('the database is away') }
const fine = async () => ({})
for (const name of ['fastify3', 'fastify4', 'fastify5']) {
  const { default: Fastify } = await import(name)
  const { version } = JSON.parse(readFileSync(`node_modules/${name}/package.json`, 'utf8'))
  const answers = []
  for (const [way, handler] of Object.entries(handlers)) {
    const app = Fastify()
    app.setErrorHandler(handler)
    app.post('/route', throws)
    app.post('/hook', { preHandler: throws }, fine)
    const statuses = []
    for (const url of ['/route', '/hook']) statuses.push((await app.inject({ method: 'POST', url, payload: {} })).statusCode)
    answers.push(`${way}: ${statuses.join(' and ')}`)
    await app.close()
  }
  console.log(`Fastify ${version}: ${answers.join(', ')}`)
}
JS
node probe.mjs 2>/dev/null | tee seen
grep --quiet 'less than 400, Fastify will automatically' node_modules/fastify5/docs/Reference/Server.md
diff seen - <<'SEEN'
Fastify 3.29.5: send an object: 500 and 500, return an object: 500 and 500, send the error: 500 and 500
Fastify 4.29.1: send an object: 200 and 200, return an object: 200 and 200, send the error: 500 and 500
Fastify 5.12.8: send an object: 200 and 200, return an object: 200 and 200, send the error: 500 and 500
SEEN
echo "as described."
