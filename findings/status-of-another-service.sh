#!/usr/bin/env bash
# Express, Fastify, Koa and Elysia: the status of another service becomes the status of the receiver.
#
# A receiver of webhooks calls other services, and such a call fails with the error of its client: axios, Octokit, ofetch,
# superagent and openai put the status of the reply on it as `status`. Nobody catches it. Expected: 500, so that the
# sender comes again. Four frameworks take `status` of any error for their own:
#   410 of an inner service is answered as 410, on which senders disable the address (the gateway of this project does).
#   401 or 404 look like a wrong secret or a wrong address.
#   200 (superagent where JSON of a 200 cannot be read): Koa and Elysia answer 200, so that a failed event counts as delivered.
# Hono, Hapi and NestJS 12 answer 500 to each.
# What helps: catch, and throw an error of your own with the first as its `cause`.
#
# Needs node and npm. Fails when one of the statuses is another one. Nothing leaves the machine but the installation.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
echo '{ "private": true, "type": "module" }' >package.json
npm install --ignore-scripts --no-audit --no-fund --no-package-lock --loglevel=error express@5.3.0 fastify@5.12.8 koa@3.3.0 \
  elysia@1.4.30 hono@4.13.19 @hono/node-server@2.1.9 @hapi/hapi@21.4.10 @nestjs/core@12.5.1 @nestjs/common@12.5.1 \
  @nestjs/platform-express@12.5.1 reflect-metadata@0.2.2 rxjs@7.8.2 axios@1.21.1 superagent@10.4.2 @octokit/request@10.0.16 >/dev/null
cat >probe.mjs <<'JS'
import 'reflect-metadata'
import { createServer } from 'node:http'
import { readFileSync } from 'node:fs'
import Hapi from '@hapi/hapi'
import { getRequestListener } from '@hono/node-server'
import { Controller, Module, Post } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { request } from '@octokit/request'
import axios from 'axios'
import { Elysia } from 'elysia'
import express from 'express'
import Fastify from 'fastify'
import { Hono } from 'hono'
import Koa from 'koa'
import superagent from 'superagent'

const listen = (server) => new Promise((done) => server.listen(0, '127.0.0.1', () => done(server.address().port)))
/** Answers /410 with 410. The JSON of a 200 breaks off. */
const inner = createServer((request, response) => {
  const status = Number(request.url.slice(1))
  response.writeHead(status, { 'content-type': 'application/json' }).end(status === 200 ? '{"calls":' : '{}')
})
const at = `http://127.0.0.1:${await listen(inner)}`
const calls = {
  'axios 410': () => axios.get(`${at}/410`),
  'Octokit 401': () => request(`GET ${at}/401`),
  'superagent 404': async () => { await superagent.get(`${at}/404`) },
  'superagent 200': async () => { await superagent.get(`${at}/200`) },
}

let nestWork
class Webhooks {
  handle() {
    return nestWork()
  }
}
Post('/')(Webhooks.prototype, 'handle', Object.getOwnPropertyDescriptor(Webhooks.prototype, 'handle'))
Controller()(Webhooks)
class App {}
Module({ controllers: [Webhooks] })(App)

const frameworks = {
  express: async (work) => listen(createServer(express().set('env', 'test').post('/', work))),
  fastify: async (work) => {
    const app = Fastify()
    app.post('/', work)
    await app.listen({ port: 0, host: '127.0.0.1' })
    return app.server.address().port
  },
  koa: async (work) => {
    const app = new Koa()
    app.silent = true
    app.use(work)
    return listen(createServer(app.callback()))
  },
  elysia: async (work) => listen(createServer(getRequestListener(new Elysia().post('/', work).fetch))),
  hono: async (work) => listen(createServer(getRequestListener(new Hono().post('/', work).fetch))),
  '@hapi/hapi': async (handler) => {
    const app = Hapi.server({ port: 0, host: '127.0.0.1', debug: false })
    app.route({ method: 'POST', path: '/', handler })
    await app.start()
    return app.info.port
  },
  '@nestjs/core': async (work) => {
    nestWork = work
    const app = await NestFactory.create(App, { logger: false })
    await app.listen(0, '127.0.0.1')
    return app.getHttpServer().address().port
  },
}
for (const [framework, start] of Object.entries(frameworks)) {
  const answers = []
  for (const [call, work] of Object.entries(calls)) {
    // Left out: its reply to that one is no valid HTTP, which is a failure for every sender.
    if (framework === 'fastify' && call === 'superagent 200') continue
    const port = await start(() => work())
    const { status } = await fetch(`http://127.0.0.1:${port}/`, { method: 'POST' })
    answers.push(`${call}: ${status}`)
  }
  const { version } = JSON.parse(readFileSync(`node_modules/${framework}/package.json`, 'utf8'))
  console.log(`${framework} ${version}: ${answers.join(', ')}`)
}
process.exit(0)
JS
node probe.mjs 2>/dev/null | tee seen
diff seen - <<'SEEN'
express 5.3.0: axios 410: 410, Octokit 401: 401, superagent 404: 404, superagent 200: 500
fastify 5.12.8: axios 410: 410, Octokit 401: 401, superagent 404: 404
koa 3.3.0: axios 410: 410, Octokit 401: 401, superagent 404: 404, superagent 200: 200
elysia 1.4.30: axios 410: 410, Octokit 401: 401, superagent 404: 404, superagent 200: 200
hono 4.13.19: axios 410: 500, Octokit 401: 500, superagent 404: 500, superagent 200: 500
@hapi/hapi 21.4.10: axios 410: 500, Octokit 401: 500, superagent 404: 500, superagent 200: 500
@nestjs/core 12.5.1: axios 410: 500, Octokit 401: 500, superagent 404: 500, superagent 200: 500
SEEN
echo "as described."
