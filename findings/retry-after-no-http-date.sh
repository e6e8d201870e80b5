#!/usr/bin/env bash
# go-limiter and slowapi: their Retry-After is a date that HTTP does not have, and senders that read HTTP dates come back at once.
#
# RFC 9110 has three forms of a date, each in GMT: "Sun, 29 Nov 2026 18:16:08 GMT". Expected of a limiter that sends a date: one of
# them. Go's go-limiter (its HTTP middleware) formats with time.RFC1123, which writes the zone's name: "… UTC". slowapi, for
# FastAPI, with retry_after="http-date" takes Python's formatdate() without usegmt, the form of mail: "… -0000".
# npm ky, as a sender, reads neither, and goes by its own delay: it came back after 0.3 s where 5 s were asked for. npm undici's
# RetryAgent reads both. Java's RFC_1123_DATE_TIME is a third trap of the kind: "Sun, 1 Nov 2026 …", with one digit.
#
# Needs node, Go, and python3 with venv. Fails when a header has another form, or when ky reads it.
set -euo pipefail
folder=$(mktemp -d)
trap 'chmod -R u+w "$folder"; rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv python
python/bin/pip install --quiet --disable-pip-version-check slowapi==0.1.10 fastapi==0.165.0 httpx==0.28.1
cat >go.mod <<'GO'
module probe

go 1.22

require github.com/sethvargo/go-limiter v0.7.1
GO
cat >main.go <<'GO'
package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/sethvargo/go-limiter/httplimit"
	"github.com/sethvargo/go-limiter/memorystore"
)

func main() {
	store, _ := memorystore.New(&memorystore.Config{Tokens: 1, Interval: time.Minute})
	limit, _ := httplimit.NewMiddleware(store, func(*http.Request) (string, error) { return "everybody", nil })
	handler := limit.Handle(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	for {
		reply := httptest.NewRecorder()
		handler.ServeHTTP(reply, httptest.NewRequest("POST", "/", nil))
		if reply.Code == 429 {
			fmt.Print(reply.Header().Get("Retry-After"))
			return
		}
	}
}
GO
cat >probe.py <<'PYTHON'
from fastapi import FastAPI, Request, Response
from fastapi.testclient import TestClient
from slowapi import Limiter, _rate_limit_exceeded_handler
from slowapi.errors import RateLimitExceeded

app = FastAPI()
app.state.limiter = limiter = Limiter(key_func=lambda: "everybody", headers_enabled=True, retry_after="http-date")
app.add_exception_handler(RateLimitExceeded, _rate_limit_exceeded_handler)


@app.post("/")
@limiter.limit("1/minute")
async def receive(request: Request):
    return Response()


client = TestClient(app)
client.post("/")
print(client.post("/").headers["Retry-After"], end="")
PYTHON
npm install --ignore-scripts --no-audit --no-fund --no-package-lock --loglevel=error ky@2.1.0 undici@8.13.1 >/dev/null
GOFLAGS=-mod=mod GOPATH="$folder/go" go run . >go-limiter.txt 2>go.log || { cat go.log; exit 1; }
python/bin/python -W ignore probe.py >slowapi.txt

cat >probe.mjs <<'JS'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import ky from 'ky'
import { Agent, RetryAgent, request } from 'undici'

const WAIT_MS = 5_000
const asked = new Map()
const waited = new Map()
// Answers the first request of a path with 429 and a date in the form that the path names, five to six seconds ahead.
const server = createServer(({ url }, response) => {
  if (asked.has(url)) {
    waited.set(url, Date.now() - asked.get(url))
    return response.end('taken')
  }
  asked.set(url, Date.now())
  const date = new Date(Date.now() + WAIT_MS + 1_000).toUTCString()
  response.writeHead(429, { 'retry-after': date.replace('GMT', url.split('/')[2]) }).end()
})
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
const senders = {
  ky: (url) => ky(url).text(),
  undici: (url) => request(url, { dispatcher: new RetryAgent(new Agent()) }).then(({ body }) => body.text()),
}
const zones = ['GMT', 'UTC', '-0000']
await Promise.all(Object.entries(senders).flatMap(([name, send]) =>
  zones.map((zone) => send(`http://127.0.0.1:${server.address().port}/${name}/${zone}`))))

let failed = false
const check = (text, isAsExpected) => {
  failed ||= !isAsExpected
  console.log(`${text}${isAsExpected ? '' : ', which is not as expected'}`)
}
const date = '[A-Z][a-z]{2}, [0-9]{2} [A-Z][a-z]{2} [0-9]{4} [0-9]{2}:[0-9]{2}:[0-9]{2}'
for (const [name, version, zone] of [['go-limiter', '0.7.1', 'UTC'], ['slowapi', '0.1.10', '-0000']]) {
  const header = readFileSync(`${name}.txt`, 'utf8')
  check(`${name} ${version}: Retry-After: ${header}`, new RegExp(`^${date} ${zone}$`).test(header))
}
for (const [url, ms] of waited) {
  const [, name, zone] = url.split('/')
  const hasWaited = ms > WAIT_MS - 1_000
  const readsIt = name === 'undici' || zone === 'GMT'
  check(`${name} and a date in ${zone}: ${hasWaited ? 'waited' : 'came back early'}`, hasWaited === readsIt)
}
process.exit(failed || waited.size !== 6 ? 1 : 0)
JS
node probe.mjs
