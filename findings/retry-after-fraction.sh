#!/usr/bin/env bash
# urllib3 and requests: a Retry-After with a fraction ends the retries with an exception, and a popular limiter's README sends one.
#
# The README of npm rate-limiter-flexible has `"Retry-After": rateLimiterRes.msBeforeNext / 1000`, which servers copy: 2.534. HTTP
# has whole seconds alone. Expected of a sender that was told to retry 429: it waits 2.534 s, or 3 s, or by its own delay, as
# for a reply without the header. urllib3's Retry, which requests uses, raises InvalidHeader: one request, no retry, and the
# caller sees neither the reply nor its 429. With respect_retry_after_header=False it retries. What a server should send is
# Math.ceil(msBeforeNext / 1000).
#
# Needs node, and python3 with venv. Fails when the README no longer says so, or when requests retries.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"; [ -z "${server:-}" ] || kill "$server" 2>/dev/null || true' EXIT
cd "$folder"
npm install --ignore-scripts --no-audit --no-fund --no-package-lock --loglevel=error express@5.3.0 \
  rate-limiter-flexible@11.4.0 >/dev/null
python3 -m venv python
python/bin/pip install --quiet --disable-pip-version-check requests==2.34.2 urllib3==2.8.0
echo "rate-limiter-flexible 11.4.0, its README:"
grep '"Retry-After": rateLimiterRes.msBeforeNext / 1000' node_modules/rate-limiter-flexible/README.md

cat >server.mjs <<'JS'
import express from 'express'
import { RateLimiterMemory } from 'rate-limiter-flexible'

const limits = new Map()
const headers = {
  '/as-the-readme-has-it': ({ msBeforeNext }) => ({ 'Retry-After': msBeforeNext / 1000 }),
  '/rounded-up': ({ msBeforeNext }) => ({ 'Retry-After': Math.ceil(msBeforeNext / 1000) }),
}
const app = express()
app.get('/:form{/:sender}', async (request, response) => {
  const { url, params } = request
  const limiter = limits.get(url) ?? new RateLimiterMemory({ points: 1, duration: 2 })
  limits.set(url, limiter)
  try {
    await limiter.consume('everybody')
    response.send('taken')
  } catch (refusal) {
    response.set(headers[`/${params.form}`](refusal)).status(429).end()
  }
})
const server = app.listen(0, '127.0.0.1', () => console.log(server.address().port))
JS
node server.mjs >port &
server=$!
for _ in $(seq 100); do [ -s port ] && break; sleep 0.1; done

cat >probe.py <<'PYTHON'
import sys

import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.util.retry import Retry


def get_twice(path, **options):
    """The second request is over the limit."""
    with requests.Session() as session:
        retry = Retry(total=5, backoff_factor=0.5, status_forcelist=[429], **options)
        session.mount("http://", HTTPAdapter(max_retries=retry))
        try:
            for _ in range(2):
                reply = session.get(f"http://127.0.0.1:{sys.argv[1]}/{path}", timeout=10)
            return f"{reply.status_code}"
        except requests.exceptions.RequestException as error:
            return type(error).__name__


print(f"requests {requests.__version__}, urllib3 {urllib3.__version__}")
seen = {
    "as-the-readme-has-it": get_twice("as-the-readme-has-it/a"),
    "as-the-readme-has-it, the header ignored": get_twice("as-the-readme-has-it/b", respect_retry_after_header=False),
    "rounded-up": get_twice("rounded-up/a"),
}
for name, result in seen.items():
    print(f"{name}: {result}")
if list(seen.values()) != ["InvalidHeader", "200", "200"]:
    raise SystemExit("expected InvalidHeader, 200 and 200")
PYTHON
python/bin/python probe.py "$(cat port)"
