#!/usr/bin/env bash
# PyPI plivo: a callback with a letter outside of ASCII in its address is not checked, it ends in an exception.
#
# Plivo signs its callbacks (X-Plivo-Signature-V3), and validate_v3_signature says whether one is Plivo's. A callback by GET has all its
# fields in the address, the caller's name among them: ?CallerName=Zo%C3%AB&From=14155550132; one by POST has what the application put
# there, ?agent=Zo%C3%AB. Expected: true. It raises UnicodeEncodeError, so that a handler answers 500 for each call of such a
# caller and each other call works. The name in the fields of a POST is right. npm plivo, by the same makers, takes all three
# with the same signatures.
#
# Fails when the library on PyPI answers, or the one on npm does not take them.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
echo '{ "private": true }' >package.json
npm install --ignore-scripts --no-audit --no-fund --no-package-lock --loglevel=error plivo@4.79.0 >/dev/null
python3 -m venv python
python/bin/pip install --quiet --disable-pip-version-check plivo==4.63.0

cat >cases.json <<'JSON'
[
  { "what": "GET, Zoe", "method": "GET", "uri": "https://pbx.example/answer?CallerName=Zoe&From=14155550132", "params": {},
    "signed": "https://pbx.example/answer?CallerName=Zoe&From=14155550132" },
  { "what": "GET, Zoë", "method": "GET", "uri": "https://pbx.example/answer?CallerName=Zo%C3%AB&From=14155550132", "params": {},
    "signed": "https://pbx.example/answer?CallerName=Zoë&From=14155550132" },
  { "what": "POST, ?agent=Zoë", "method": "POST", "uri": "https://pbx.example/answer?agent=Zo%C3%AB", "params": { "From": "14155550132" },
    "signed": "https://pbx.example/answer?agent=Zoë.From14155550132" },
  { "what": "POST, Zoë in its fields", "method": "POST", "uri": "https://pbx.example/answer", "params": { "CallerName": "Zoë" },
    "signed": "https://pbx.example/answer?CallerNameZoë" }
]
JSON
cat >probe.cjs <<'JS'
const { createHmac } = require('node:crypto')
const { validateV3Signature } = require('plivo')

for (const { what, method, uri, params, signed } of require('./cases.json')) {
  const signature = createHmac('sha256', 'token').update(`${signed}.nonce`).digest('base64')
  console.log(`npm plivo 4.79.0: ${what}: ${validateV3Signature(method, uri, 'nonce', 'token', signature, params)}`)
}
process.exit(0)
JS
cat >probe.py <<'PYTHON'
import base64
import hashlib
import hmac
import json

from plivo.utils import validate_v3_signature

with open("cases.json", encoding="utf-8") as file:
    cases = json.load(file)
for case in cases:
    signature = base64.b64encode(hmac.new(b"token", f"{case['signed']}.nonce".encode(), hashlib.sha256).digest()).decode()
    try:
        says = str(validate_v3_signature(case["method"], case["uri"], "nonce", "token", signature, case["params"])).lower()
    except UnicodeEncodeError as error:
        says = type(error).__name__
    print(f"PyPI plivo 4.63.0: {case['what']}: {says}")
PYTHON
came=$(node probe.cjs && python/bin/python probe.py)
expected='npm plivo 4.79.0: GET, Zoe: true
npm plivo 4.79.0: GET, Zoë: true
npm plivo 4.79.0: POST, ?agent=Zoë: true
npm plivo 4.79.0: POST, Zoë in its fields: true
PyPI plivo 4.63.0: GET, Zoe: true
PyPI plivo 4.63.0: GET, Zoë: UnicodeEncodeError
PyPI plivo 4.63.0: POST, ?agent=Zoë: UnicodeEncodeError
PyPI plivo 4.63.0: POST, Zoë in its fields: true'
printf '%s\n' "$came"
[ "$came" = "$expected" ] || { printf 'expected\n%s\n' "$expected"; exit 1; }
