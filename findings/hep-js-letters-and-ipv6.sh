#!/usr/bin/env bash
# npm hep-js: a SIP message with a letter outside ASCII loses its end, and addresses of IPv6 are lost.
#
# HEP3 carries SIP messages to a capture server such as Homer: each with its addresses, of IPv4 (chunks 3 and 4) or of IPv6 (chunks
# 5 and 6), and its time. Expected of what writes and reads it: the message and the addresses as they were. hep-js counts
# the letters of the message and writes so many bytes of it: with Zoë as the caller's name its last byte is gone, with a longer
# name the end of its body. It writes addresses of IPv6 as 0.0.0.0, and of a packet that has them it gives none. IPv4 with a
# message of ASCII comes out as it went in.
#
# Fails when that changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
echo '{ "private": true }' >package.json
npm install --ignore-scripts --no-audit --no-fund --no-package-lock --loglevel=error hep-js@1.0.22 >/dev/null
cat >probe.cjs <<'JS'
const hep = require('hep-js')
const message = (name) =>
  `OPTIONS sip:a@example.com SIP/2.0\r\nFrom: "${name}" <sip:b@example.com>;tag=1\r\nContent-Length: 0\r\n\r\n`
const about = { protocol: 17, payloadType: 1, captureId: 1, srcPort: 5060, dstPort: 5061, timeSeconds: 1796000000, timeUseconds: 5 }
const four = { ...about, protocolFamily: 2, srcIp: '192.0.2.1', dstIp: '192.0.2.200' }
const six = { ...about, protocolFamily: 10, srcIp: '2001:db8::1', dstIp: '2001:db8::2' }
const addresses = ({ rcinfo: { srcIp, dstIp } }) => `${srcIp} to ${dstIp}`

for (const name of ['Zoe', 'Zoë', 'Ångström']) {
  const { payload } = hep.decapsulate(hep.encapsulate(message(name), four))
  console.log(`${name}: ${Buffer.byteLength(message(name)) - Buffer.byteLength(payload)} bytes are lost`)
}
console.log(`written and read: ${addresses(hep.decapsulate(hep.encapsulate('', four)))}`)
console.log(`written and read: ${addresses(hep.decapsulate(hep.encapsulate('', six)))}`)

/** A packet of HEP3 with these chunks: type and bytes in hexadecimal digits. */
function packet(chunks) {
  const body = Buffer.concat(
    chunks.map(([type, bytes]) => {
      const value = Buffer.from(bytes, 'hex')
      const head = Buffer.alloc(6)
      head.writeUInt16BE(type, 2)
      head.writeUInt16BE(6 + value.length, 4)
      return Buffer.concat([head, value])
    }),
  )
  const head = Buffer.from('HEP3\0\0')
  head.writeUInt16BE(6 + body.length, 4)
  return Buffer.concat([head, body])
}
const inSix = [[1, '0a'], [2, '11'], [5, '20010db8000000000000000000000001'], [6, '20010db8000000000000000000000002'], [11, '01'], [15, '4f4b']]
const inFour = [[1, '02'], [2, '11'], [3, 'c0000201'], [4, 'c00002c8'], [11, '01'], [15, '4f4b']]
for (const chunks of [inFour, inSix]) console.log(`read: ${addresses(hep.decapsulate(packet(chunks)))}`)
JS
came=$(node probe.cjs)
expected='Zoe: 0 bytes are lost
Zoë: 1 bytes are lost
Ångström: 2 bytes are lost
written and read: 192.0.2.1 to 192.0.2.200
written and read: 0.0.0.0 to 0.0.0.0
read: 192.0.2.1 to 192.0.2.200
read: undefined to undefined'
printf 'hep-js 1.0.22\n%s\n' "$came"
[ "$came" = "$expected" ] || { printf 'expected\n%s\n' "$expected"; exit 1; }
