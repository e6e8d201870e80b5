#!/usr/bin/env bash
# Go pion/sdp: an offer of a fax is refused, and of the layers of a media line only the last is kept.
#
# A call that becomes a fax is offered as m=image 5004 udptl t38 (RFC 3362, RFC 6466), often beside the call's audio. RFC 8866 (section 5.7)
# lets a media line have several c= lines, for the multicast addresses of its layers. Expected of a reader: each media line, and
# each address. pion/sdp refuses the whole offer, "invalid value `image`", the audio too. It keeps the last c= line without a word.
# npm sdp-transform, tried beside it, reads the fax.
#
# Needs Go. Fails when one of them does otherwise.
set -euo pipefail
folder=$(mktemp -d)
trap 'chmod -R u+w "$folder"; rm -rf "$folder"' EXIT
cd "$folder"
echo '{ "private": true }' >package.json
npm install --ignore-scripts --no-audit --no-fund --no-package-lock --loglevel=error sdp-transform@3.0.0 >/dev/null
head='v=0\r\no=- 1 2 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n'
printf "${head}m=audio 5004 RTP/AVP 0\r\n" >audio.sdp
printf "${head}m=audio 5004 RTP/AVP 0\r\nm=image 5006 udptl t38\r\na=T38FaxVersion:0\r\n" >fax.sdp
printf "${head}m=audio 5004 RTP/AVP 0\r\nc=IN IP4 233.252.0.1/127\r\nc=IN IP4 233.252.0.2/127\r\n" >layers.sdp
cat >main.go <<'GO'
package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/pion/sdp/v3"
)

func main() {
	for _, name := range []string{"audio", "fax", "layers"} {
		text, err := os.ReadFile(name + ".sdp")
		if err != nil {
			panic(err)
		}
		var read sdp.SessionDescription
		if err := read.Unmarshal(text); err != nil {
			fmt.Printf("pion/sdp, %s: %s\n", name, err)
			continue
		}
		written, err := read.Marshal()
		if err != nil {
			panic(err)
		}
		fmt.Printf("pion/sdp, %s: %d of %d lines\n", name, strings.Count(string(written), "\n"), strings.Count(string(text), "\n"))
	}
}
GO
cat >probe.cjs <<'JS'
const { readFileSync } = require('node:fs')
const { parse } = require('sdp-transform')
for (const name of ['audio', 'fax'])
  console.log(`sdp-transform, ${name}: ${parse(readFileSync(`${name}.sdp`, 'utf8')).media.map(({ type }) => type)}`)
JS
export GOFLAGS=-mod=mod
go mod init probe >/dev/null 2>&1
go get github.com/pion/sdp/v3@v3.0.20 >/dev/null 2>&1
came=$(go run . && node probe.cjs)
expected='pion/sdp, audio: 6 of 6 lines
pion/sdp, fax: sdp: invalid value `image`
pion/sdp, layers: 7 of 8 lines
sdp-transform, audio: audio
sdp-transform, fax: audio,image'
printf 'pion/sdp 3.0.20, sdp-transform 3.0.0\n%s\n' "$came"
[ "$came" = "$expected" ] || { printf 'expected\n%s\n' "$expected"; exit 1; }
