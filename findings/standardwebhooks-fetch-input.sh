#!/usr/bin/env bash
# npm standardwebhooks: what a Fetch handler has cannot be given to verify() as it is.
#
# The library runs wherever Fetch is (it brings its own SHA-256). Yet verify(payload, headers) reads headers with Object.keys,
# so that a Headers object or a Map counts as empty ("Missing required headers"), and takes bytes only from Node's Buffer: the
# Uint8Array of await request.arrayBuffer() is refused with a plain Error, not its WebhookVerificationError. A handler that
# answers 401 for WebhookVerificationError alone answers 500 there. The text of the body and Object.fromEntries(headers) work.
#
# Fails when the library takes them.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
echo '{ "private": true, "type": "module" }' >package.json
npm install --ignore-scripts --no-audit --no-fund --no-package-lock --loglevel=error standardwebhooks@1.1.1 >/dev/null

cat >probe.mjs <<'JS'
import { Webhook, WebhookVerificationError } from 'standardwebhooks'

const webhook = new Webhook('whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=')
const body = '{"id":"evt_1"}'
const now = new Date()
const headers = {
  'webhook-id': 'evt_1',
  'webhook-timestamp': String(Math.floor(now.getTime() / 1000)),
  'webhook-signature': webhook.sign('evt_1', now, body),
}
const request = () => new Request('https://receiver.example', { method: 'POST', headers, body })
const cases = {
  'text and a plain object': [await request().text(), Object.fromEntries(request().headers)],
  'text and Headers': [await request().text(), request().headers],
  'text and a Map': [await request().text(), new Map(Object.entries(headers))],
  'a Buffer and a plain object': [Buffer.from(body), headers],
  'a Uint8Array and a plain object': [new Uint8Array(await request().arrayBuffer()), headers],
}
for (const [name, [payload, given]] of Object.entries(cases)) {
  try {
    webhook.verify(payload, given)
    console.log(`${name}: accepted`)
  } catch (error) {
    console.log(`${name}: ${error instanceof WebhookVerificationError ? 'WebhookVerificationError' : 'Error'}: ${error.message}`)
  }
}
JS
came=$(node probe.mjs)
expected='text and a plain object: accepted
text and Headers: WebhookVerificationError: Missing required headers
text and a Map: WebhookVerificationError: Missing required headers
a Buffer and a plain object: accepted
a Uint8Array and a plain object: Error: Expected payload to be of type string or Buffer.'
printf 'standardwebhooks 1.1.1\n%s\n' "$came"
[ "$came" = "$expected" ] || { printf 'expected\n%s\n' "$expected"; exit 1; }
