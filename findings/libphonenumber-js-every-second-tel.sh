#!/usr/bin/env bash
# libphonenumber-js: a tel: URI with a phone-context is read every second time.
#
# `tel:555-0132;phone-context=+1-415` is +1 415 555 0132 (RFC 3966, section 5.1.5), and systems that know their area alone write
# numbers so. Expected: the same answer each time, as google-libphonenumber gives it. libphonenumber-js keeps a regular expression with
# the flag g and test()s the context with it, which goes on where the last match ended: the first call gives the number, the
# second undefined, the third the number. What an importer loses depends on how many such numbers came before.
# tel: with a whole number is read each time.
#
# Fails when every call, or none, gives the number.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
echo '{ "private": true, "type": "module" }' >package.json
npm install --ignore-scripts --no-audit --no-fund --no-package-lock --loglevel=error \
  libphonenumber-js@1.13.16 google-libphonenumber@3.2.47 >/dev/null

cat >probe.mjs <<'JS'
import google from 'google-libphonenumber'
import { parsePhoneNumberFromString } from 'libphonenumber-js'

const util = google.PhoneNumberUtil.getInstance()
const readers = {
  'google-libphonenumber 3.2.47': (text) => util.format(util.parse(text), google.PhoneNumberFormat.E164),
  'libphonenumber-js 1.13.16': (text) => parsePhoneNumberFromString(text)?.number ?? 'undefined',
}
const four = (read, text) => Array.from({ length: 4 }, () => read(text)).join(' ')
for (const [name, read] of Object.entries(readers)) {
  console.log(`${name}: ${four(read, 'tel:+1-415-555-0132')}`)
  console.log(`${name}, phone-context: ${four(read, 'tel:555-0132;phone-context=+1-415')}`)
}
JS
came=$(node probe.mjs)
number=+14155550132
expected="google-libphonenumber 3.2.47: $number $number $number $number
google-libphonenumber 3.2.47, phone-context: $number $number $number $number
libphonenumber-js 1.13.16: $number $number $number $number
libphonenumber-js 1.13.16, phone-context: $number undefined $number undefined"
printf '%s\n' "$came"
[ "$came" = "$expected" ] || { printf 'expected\n%s\n' "$expected"; exit 1; }
