#!/usr/bin/env bash
# Readers of RTCP: one packet of sound that came twice becomes 16,777,215 lost packets.
#
# A telephone reports how many packets of a call it lost as a signed number of 24 bits: expected less received, below zero where the
# network delivered one twice (RFC 3550, section 6.4.1). Expected: -1. Go pion/rtcp, with which most programs for WebRTC in Go are
# built, and npm werift-rtp read 16777215. pion's own statistics (interceptor/pkg/stats) go on with it: PacketsLost is 16777215, and of
# 100 packets that were sent none was received, so that a report on the quality of calls finds a perfect one dead. PyPI aiortc, tried
# beside them, reads -1.
#
# Needs Go. Fails when one of them reads another number.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
# Receiver reports of 1 about 2: fraction lost, packets lost, highest sequence number 100.
report() { echo "81c90007000000010000000200${1}00000064000000030000000000000000"; }
once=$(report 000003)
twice=$(report ffffff)

cat >main.go <<'GO'
package main

import (
	"encoding/hex"
	"fmt"
	"os"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/interceptor/pkg/stats"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
)

func main() {
	for _, text := range os.Args[1:] {
		report, err := hex.DecodeString(text)
		must(err)
		packets, err := rtcp.Unmarshal(report)
		must(err)
		fmt.Println("pion/rtcp 1.2.20:", packets[0].(*rtcp.ReceiverReport).Reports[0].TotalLost)

		factory, err := stats.NewInterceptor()
		must(err)
		var getter stats.Getter
		factory.OnNewPeerConnection(func(_ string, found stats.Getter) { getter = found })
		recording, err := factory.NewInterceptor("call")
		must(err)
		out := recording.BindLocalStream(&interceptor.StreamInfo{SSRC: 2, ClockRate: 8000}, interceptor.RTPWriterFunc(
			func(_ *rtp.Header, payload []byte, _ interceptor.Attributes) (int, error) { return len(payload), nil }))
		in := recording.BindRTCPReader(interceptor.RTCPReaderFunc(
			func(buffer []byte, attributes interceptor.Attributes) (int, interceptor.Attributes, error) {
				return copy(buffer, report), attributes, nil
			}))
		// The recorder starts beside this program, and counts from then on.
		for number := uint16(1); number <= 100; {
			_, err = out.Write(&rtp.Header{Version: 2, SSRC: 2, SequenceNumber: number}, make([]byte, 160), nil)
			must(err)
			if getter.Get(2).OutboundRTPStreamStats.PacketsSent == uint64(number) {
				number++
			} else {
				time.Sleep(10 * time.Millisecond)
			}
		}
		_, _, err = in.Read(make([]byte, 1500), interceptor.Attributes{})
		must(err)
		found := getter.Get(2)
		remote := found.RemoteInboundRTPStreamStats
		fmt.Printf("pion/interceptor 0.1.51: sent %d, lost %d, received %d\n", found.OutboundRTPStreamStats.PacketsSent, remote.PacketsLost, remote.PacketsReceived)
		must(recording.Close())
	}
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}
GO
go mod init probe >/dev/null 2>&1
go get github.com/pion/rtcp@v1.2.20 github.com/pion/interceptor/pkg/stats@v0.1.51 github.com/pion/rtp >/dev/null 2>&1
echo '{ "private": true }' >package.json
npm install --ignore-scripts --no-audit --no-fund --no-package-lock --loglevel=error werift-rtp@0.8.9 >/dev/null
cat >probe.cjs <<'JS'
const { RtcpPacketConverter } = require('werift-rtp')
for (const text of process.argv.slice(2))
  console.log('werift-rtp 0.8.9:', RtcpPacketConverter.deSerialize(Buffer.from(text, 'hex'))[0].reports[0].packetsLost)
JS
python3 -m venv python
python/bin/pip install --quiet --disable-pip-version-check aiortc==1.16.0
cat >probe.py <<'PYTHON'
import sys

from aiortc.rtp import RtcpPacket

for text in sys.argv[1:]:
    print("aiortc 1.16.0:", RtcpPacket.parse(bytes.fromhex(text))[0].reports[0].packets_lost)
PYTHON
came=$(go run . "$once" "$twice" && node probe.cjs "$once" "$twice" && python/bin/python probe.py "$once" "$twice")
expected='pion/rtcp 1.2.20: 3
pion/interceptor 0.1.51: sent 100, lost 3, received 97
pion/rtcp 1.2.20: 16777215
pion/interceptor 0.1.51: sent 100, lost 16777215, received 0
werift-rtp 0.8.9: 3
werift-rtp 0.8.9: 16777215
aiortc 1.16.0: 3
aiortc 1.16.0: -1'
printf '%s\n' "$came"
[ "$came" = "$expected" ] || { printf 'expected\n%s\n' "$expected"; exit 1; }
