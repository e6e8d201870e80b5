#!/usr/bin/env bash
# SIP.js and JsSIP: the host of a caller is the maddr parameter of the address.
#
# maddr says where to send what is meant for an address, without changing whose address it is (RFC 3261, section 19.1.1), so that
# sip:+14155550132@carrier.example;maddr=192.0.2.9 is a number of carrier.example. Gateways and hosted systems put the address of a
# node there. Expected: the host carrier.example. Both libraries answer 192.0.2.9 and write sip:+14155550132@192.0.2.9;maddr=192.0.2.9, in
# From, Contact, Record-Route and the name that is shown; a Via loses its sent-by in the same way. The ttl parameter, which goes with maddr, is
# lost. Whoever matches callers by their domain, or publishes the address, has one node's IP address. npm sip, tried beside
# them, keeps both.
#
# Fails when one of the two has the host, or npm sip has not.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
echo '{ "private": true }' >package.json
npm install --ignore-scripts --no-audit --no-fund --no-package-lock --loglevel=error sip.js@0.21.2 jssip@3.13.8 sip@0.0.6 >/dev/null

cat >probe.cjs <<'JS'
const { Grammar } = require('sip.js')
const JsSIP = require('jssip')
const sip = require('sip')

const address = 'sip:+14155550132@carrier.example;maddr=192.0.2.9;ttl=1'
const via = 'SIP/2.0/UDP pbx.example;maddr=192.0.2.9;branch=z9hG4bK1'
const readers = {
  'SIP.js 0.21.2': [(text) => Grammar.parse(text, 'From').uri, (text) => Grammar.parse(text, 'Via').host],
  'JsSIP 3.13.8': [(text) => JsSIP.Grammar.parse(text, 'From').uri, (text) => JsSIP.Grammar.parse(text, 'Via').host],
  'sip 0.0.6': [
    (text) => sip.parseUri(sip.parse(`OPTIONS sip:a@b.example SIP/2.0\r\nFrom: ${text}\r\n\r\n`).headers.from.uri),
    (text) => sip.parse(`OPTIONS sip:a@b.example SIP/2.0\r\nVia: ${text}\r\n\r\n`).headers.via[0].host,
  ],
}
for (const [name, [caller, sender]] of Object.entries(readers)) {
  const uri = caller(`<${address}>;tag=1`)
  const written = name.startsWith('sip ') ? sip.stringifyUri(uri) : uri.toString()
  console.log(`${name}: host ${uri.host}, written ${written}, Via ${sender(via)}`)
}
process.exit(0)
JS
came=$(node probe.cjs)
expected='SIP.js 0.21.2: host 192.0.2.9, written sip:+14155550132@192.0.2.9;maddr=192.0.2.9, Via 192.0.2.9
JsSIP 3.13.8: host 192.0.2.9, written sip:+14155550132@192.0.2.9;maddr=192.0.2.9, Via 192.0.2.9
sip 0.0.6: host carrier.example, written sip:+14155550132@carrier.example;maddr=192.0.2.9;ttl=1, Via pbx.example'
printf '%s\n' "$came"
[ "$came" = "$expected" ] || { printf 'expected\n%s\n' "$expected"; exit 1; }
