#!/usr/bin/env bash
# NestJS: which errors of a guard keep their HTTP status.
#
# Express and Fastify answer an error with its `statusCode`, and so does NestJS 11. NestJS 12 answers 500 for the same Error,
# unless it has `status` and a boolean `expose` as well; an object that is no Error keeps its status with `statusCode` alone.
# So a guard that throws an Error with statusCode 401 turns "refused" into "the server failed" with the update.
#
# Fails when either version answers otherwise.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

cat >probe.mjs <<'JS'
import 'reflect-metadata'
import { Controller, Get, Module, UseGuards } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'

const errors = {
  'an Error with statusCode': () => Object.assign(new Error('no'), { statusCode: 401 }),
  'an Error with statusCode, status and expose': () => Object.assign(new Error('no'), { statusCode: 401, status: 401, expose: true }),
  'an object with statusCode': () => ({ statusCode: 401, message: 'no' }),
}
class Probe {
  handle() {}
}
const guard = { canActivate: (context) => { throw errors[decodeURI(context.switchToHttp().getRequest().url.slice(1))]() } }
Get('*splat')(Probe.prototype, 'handle', Object.getOwnPropertyDescriptor(Probe.prototype, 'handle'))
UseGuards(guard)(Probe)
Controller()(Probe)
class App {}
Module({ controllers: [Probe] })(App)

const app = await NestFactory.create(App, { logger: false })
await app.listen(0, '127.0.0.1')
for (const name of Object.keys(errors)) {
  const { status } = await fetch(`http://127.0.0.1:${app.getHttpServer().address().port}/${encodeURI(name)}`)
  console.log(`${name}: ${status}`)
}
await app.close()
JS

check() { # VERSION EXPECTED
  local version=$1 expected=$2 came
  rm -rf node_modules package.json
  echo '{ "private": true, "type": "module" }' >package.json
  npm install --ignore-scripts --no-audit --no-fund --no-package-lock --loglevel=error \
    "@nestjs/common@$version" "@nestjs/core@$version" "@nestjs/platform-express@$version" reflect-metadata@0.2.2 rxjs@7.8.2 >/dev/null
  came=$(node probe.mjs)
  printf 'NestJS %s\n%s\n' "$version" "$came"
  [ "$came" = "$expected" ] || { printf 'expected\n%s\n' "$expected"; exit 1; }
}
check 11.2.10 'an Error with statusCode: 401
an Error with statusCode, status and expose: 401
an object with statusCode: 401'
check 12.5.1 'an Error with statusCode: 500
an Error with statusCode, status and expose: 401
an object with statusCode: 401'
