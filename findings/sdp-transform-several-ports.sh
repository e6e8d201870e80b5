#!/usr/bin/env bash
# npm sdp-transform: a media line with a number of ports is lost without a word, and a long session version is written as another one.
#
# RFC 8866 lets a media line name several ports, m=audio 49170/2 RTP/AVP 0 (section 5.14), and makes the version of a session a number
# of any length, such as a time of NTP with 64 bits (section 5.2). Expected of a reader: the media line with its port, and what it
# reads written as it was. sdp-transform reads a media section without type, port, protocol and formats, and writes it as
# "m=undefined NaN undefined"; it reads the version as it is, and rounds it where it writes it. A program that changes an attribute by
# reading and writing an offer sends one that nobody takes. npm sdp, tried beside it, reads the port.
#
# Fails when one of them does otherwise.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
echo '{ "private": true }' >package.json
npm install --ignore-scripts --no-audit --no-fund --no-package-lock --loglevel=error sdp-transform@3.0.0 sdp@3.2.2 >/dev/null
cat >probe.cjs <<'JS'
const sdp = require('sdp')
const transform = require('sdp-transform')
const offer = (port, version) =>
  ['v=0', `o=- 1 ${version} IN IP4 192.0.2.1`, 's=-', 'c=IN IP4 192.0.2.1', 't=0 0', `m=audio ${port} RTP/AVP 0`, ''].join('\r\n')
const show = ({ type, kind = type, port }) => `${kind} ${port}`
for (const port of ['49170', '49170/2']) {
  const text = offer(port, 2)
  const read = transform.parse(text)
  const written = transform.write(read).split('\r\n').find((line) => line.startsWith('m='))
  console.log(`sdp-transform, ${port}: ${show(read.media[0])}, written ${written.trim()}`)
  console.log(`sdp, ${port}: ${show(sdp.parseMLine(sdp.getMediaSections(text)[0]))}`)
}
for (const version of ['3973507331', '17066083038927529217']) {
  const read = transform.parse(offer('49170', version))
  const [, written] = /^o=- 1 (\d+)/m.exec(transform.write(read))
  console.log(`sdp-transform, version ${version}: ${read.origin.sessionVersion}, written ${written}`)
}
JS
came=$(node probe.cjs)
expected='sdp-transform, 49170: audio 49170, written m=audio 49170 RTP/AVP 0
sdp, 49170: audio 49170
sdp-transform, 49170/2: undefined undefined, written m=undefined NaN undefined
sdp, 49170/2: audio 49170
sdp-transform, version 3973507331: 3973507331, written 3973507331
sdp-transform, version 17066083038927529217: 17066083038927529217, written 17066083038927530000'
printf 'sdp-transform 3.0.0, sdp 3.2.2\n%s\n' "$came"
[ "$came" = "$expected" ] || { printf 'expected\n%s\n' "$expected"; exit 1; }
