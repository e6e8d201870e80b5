#!/usr/bin/env bash
# Idempotency of Fiber and of Powertools for AWS Lambda: one failure is repeated to each later attempt, and the handler never
# runs again.
#
# Senders of webhooks try again after a 5xx, so a receiver whose idempotency layer knows the event by its id needs one thing
# of it: that a failed first attempt does not count. Both do that for one way to fail, and not for the other.
#   Fiber: after `return err` the next attempt runs the handler; a 503 that the handler writes is kept for 30 minutes.
#   Powertools: after an error that leaves the function the next attempt runs it. Their own Router makes a 500 of an error in
#     a route, so that none leaves the function: inside makeIdempotent that 500 is kept for an hour. Without the Router, or
#     with the resolver of the Python package (3.37.0), the same error is not kept.
# Expected: no 5xx is kept, or all are. (The draft on Idempotency-Key at the IETF lets a server keep failures.)
# What helps: return an error from Fiber's handler; put makeIdempotent around the work of a route, not around `resolve`.
#
# Needs Go, node and npm. Fails when a kept failure is no longer kept, or another one is. Nothing leaves the machine but the
# installation.
set -euo pipefail
folder=$(mktemp -d)
trap 'chmod -R u+w "$folder"; rm -rf "$folder"' EXIT
cd "$folder"

cat >main.go <<'GO'
package main

import (
	"errors"
	"fmt"
	"net/http/httptest"

	v2 "github.com/gofiber/fiber/v2"
	keep2 "github.com/gofiber/fiber/v2/middleware/idempotency"
	v3 "github.com/gofiber/fiber/v3"
	keep3 "github.com/gofiber/fiber/v3/middleware/idempotency"
)

const key = "0f6a1e0c-7b1b-4a43-9c0b-2b0f2f5d9d11"

var away = errors.New("the database is away")

func main() {
	for _, way := range []string{"return err", "status 503"} {
		runs := 0
		app := v2.New()
		app.Use(keep2.New())
		app.Post("/", func(c *v2.Ctx) error {
			if runs++; runs > 1 {
				return c.SendStatus(204)
			}
			if way == "return err" {
				return away
			}
			return c.SendStatus(503)
		})
		report("Fiber "+v2.Version+", "+way, &runs, func() int {
			request := httptest.NewRequest("POST", "/", nil)
			request.Header.Set("X-Idempotency-Key", key)
			response, err := app.Test(request)
			if err != nil {
				panic(err)
			}
			return response.StatusCode
		})
	}
	for _, way := range []string{"return err", "status 503"} {
		runs := 0
		app := v3.New()
		app.Use(keep3.New())
		app.Post("/", func(c v3.Ctx) error {
			if runs++; runs > 1 {
				return c.SendStatus(204)
			}
			if way == "return err" {
				return away
			}
			return c.SendStatus(503)
		})
		report("Fiber "+v3.Version+", "+way, &runs, func() int {
			request := httptest.NewRequest("POST", "/", nil)
			request.Header.Set("X-Idempotency-Key", key)
			response, err := app.Test(request)
			if err != nil {
				panic(err)
			}
			return response.StatusCode
		})
	}
}

func report(name string, runs *int, send func() int) {
	fmt.Println(name+":", send(), send(), send(), "runs:", *runs)
}
GO
printf 'module example.com/probe\n\ngo 1.25.0\n' >go.mod
go get github.com/gofiber/fiber/v2@v2.52.15 github.com/gofiber/fiber/v3@v3.1.0 2>/dev/null
go mod tidy 2>/dev/null
go run . | tee seen

echo '{ "private": true, "type": "module" }' >package.json
npm install --ignore-scripts --no-audit --no-fund --no-package-lock --loglevel=error \
  @aws-lambda-powertools/idempotency@2.35.0 @aws-lambda-powertools/event-handler@2.35.0 >/dev/null
cat >probe.mjs <<'JS'
import { readFileSync } from 'node:fs'
import { Router } from '@aws-lambda-powertools/event-handler/http'
import { IdempotencyConfig, makeIdempotent } from '@aws-lambda-powertools/idempotency'
import { CachePersistenceLayer } from '@aws-lambda-powertools/idempotency/cache'

/** The three calls of a Redis client that the layer makes. */
function cache() {
  const values = new Map()
  return {
    get: async (key) => values.get(key) ?? null,
    set: async (key, value, options) => (options?.NX && values.has(key) ? null : (values.set(key, value), 'OK')),
    del: async (keys) => [keys].flat().filter((key) => values.delete(key)).length,
  }
}
const silent = { debug() {}, info() {}, warn() {}, error() {} }
const event = {
  version: '2.0',
  routeKey: 'POST /',
  rawPath: '/',
  rawQueryString: '',
  headers: { 'x-event-id': 'evt_1' },
  requestContext: {
    accountId: '1',
    apiId: 'api',
    domainName: 'localhost',
    domainPrefix: 'api',
    http: { method: 'POST', path: '/', protocol: 'HTTP/1.1', sourceIp: '127.0.0.1', userAgent: 'probe' },
    requestId: 'request',
    routeKey: 'POST /',
    stage: '$default',
    time: '01/Nov/2026:12:00:00 +0000',
    timeEpoch: 1793534400000,
  },
  body: '{}',
  isBase64Encoded: false,
}
const context = { awsRequestId: 'request', functionName: 'probe', getRemainingTimeInMillis: () => 10_000 }
const { version } = JSON.parse(readFileSync('node_modules/@aws-lambda-powertools/idempotency/package.json', 'utf8'))

for (const way of ['a function that throws', 'a route that throws']) {
  let runs = 0
  const work = async () => {
    runs += 1
    if (runs === 1) throw new Error('the database is away')
    return { statusCode: 204 }
  }
  const app = new Router({ logger: silent })
  app.post('/', work)
  const handler = makeIdempotent((request, its) => (way === 'a route that throws' ? app.resolve(request, its) : work()), {
    persistenceStore: new CachePersistenceLayer({ client: cache() }),
    config: new IdempotencyConfig({ eventKeyJmesPath: 'headers."x-event-id"' }),
  })
  const statuses = []
  for (let attempt = 1; attempt <= 3; attempt += 1) {
    const { statusCode } = await handler(structuredClone(event), context).catch(() => ({ statusCode: 'error' }))
    statuses.push(statusCode)
  }
  console.log(`Powertools ${version}, ${way}: ${statuses.join(' ')} runs: ${runs}`)
}
JS
AWS_LAMBDA_FUNCTION_NAME=probe node probe.mjs | tee -a seen

diff seen - <<'SEEN'
Fiber 2.52.15, return err: 500 204 204 runs: 2
Fiber 2.52.15, status 503: 503 503 503 runs: 1
Fiber 3.1.0, return err: 500 204 204 runs: 2
Fiber 3.1.0, status 503: 503 503 503 runs: 1
Powertools 2.35.0, a function that throws: error 204 204 runs: 2
Powertools 2.35.0, a route that throws: 500 500 500 runs: 1
SEEN
echo "as described."
