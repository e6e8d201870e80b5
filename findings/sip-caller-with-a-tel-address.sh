#!/usr/bin/env bash
# SIP.js and JsSIP: a call whose caller is a tel: address is dropped as a whole message.
#
# From takes any address (RFC 3261, sections 8.1.1.3 and 20.20): mobile networks and carriers write a caller who has a number and no
# domain as <tel:+14155550132> (RFC 3966). Expected: a call with that number, or an answer that says what is wrong. For both libraries
# the header is an error, parseMessage gives nothing, and a message that is nothing gets no answer: the caller hears silence until
# the far side gives up, and the application has no event of a call that it missed. The same number as sip:…;user=phone is read.
# npm sip, tried beside them, reads both.
#
# Fails when one of the two reads the message, or npm sip does not.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
echo '{ "private": true }' >package.json
npm install --ignore-scripts --no-audit --no-fund --no-package-lock --loglevel=error sip.js@0.21.2 jssip@3.13.8 sip@0.0.6 >/dev/null

cat >probe.cjs <<'JS'
const sipjs = require('sip.js/lib/core')
const jssip = require('jssip/lib/Parser')
const sip = require('sip')

const invite = (from) =>
  [
    'INVITE sip:100@pbx.example SIP/2.0',
    'Via: SIP/2.0/WSS carrier.example;branch=z9hG4bK1',
    'Max-Forwards: 70',
    `From: <${from}>;tag=1`,
    'To: <sip:100@pbx.example>',
    'Call-ID: call-1',
    'CSeq: 1 INVITE',
    'Contact: <sip:gateway@carrier.example>',
    'Content-Length: 0',
    '',
    '',
  ].join('\r\n')
const silent = { debug() {}, log() {}, warn() {}, error() {} }
const readers = {
  'SIP.js 0.21.2': (text) => sipjs.Parser.parseMessage(text, silent)?.from.uri.toString(),
  'JsSIP 3.13.8': (text) => jssip.parseMessage(text, {})?.from.uri.toString(),
  'sip 0.0.6': (text) => sip.parse(text)?.headers.from.uri,
}
for (const from of ['sip:+14155550132@carrier.example;user=phone', 'tel:+14155550132'])
  for (const [name, read] of Object.entries(readers)) console.log(`${name}: ${from} is ${read(invite(from)) ?? 'no message'}`)
process.exit(0)
JS
came=$(node probe.cjs)
address='sip:+14155550132@carrier.example;user=phone'
expected="SIP.js 0.21.2: $address is $address
JsSIP 3.13.8: $address is $address
sip 0.0.6: $address is $address
SIP.js 0.21.2: tel:+14155550132 is no message
JsSIP 3.13.8: tel:+14155550132 is no message
sip 0.0.6: tel:+14155550132 is tel:+14155550132"
printf '%s\n' "$came"
[ "$came" = "$expected" ] || { printf 'expected\n%s\n' "$expected"; exit 1; }
