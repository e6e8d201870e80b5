#!/usr/bin/env bash
# Go sipgo: a header parameter with a space in front of it is there, and is not found.
#
# SIP allows spaces around the semicolon and the equals sign of a parameter, and its names have no case (RFC 3261, sections 7.3.1 and 25.1):
# `Contact: <sip:…>; expires=60`, `From: <sip:…>; tag=1`. Devices write them so. Expected: expires is 60 and the tag is 1. sipgo parses
# without an error, writes the header as it came, and names the parameter " expires": Params.Get("expires") finds none, so that a
# registration has no length and a dialog no tag. `;Tag=1` is not found either. Where the space is before the semicolon of a Via, its
# host is empty and its port 0.
#
# Needs Go. Fails when one of them is read, or the ones without a space are not.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
cat >main.go <<'GO'
package main

import (
	"fmt"
	"strings"

	"github.com/emiago/sipgo/sip"
)

func main() {
	for _, headers := range [][]string{
		{"SIP/2.0/UDP 192.0.2.1:5062;branch=z9hG4bK1", "<sip:a@pbx.example>;tag=1", "<sip:a@192.0.2.1>;expires=60"},
		{"SIP/2.0/UDP 192.0.2.1:5062; branch=z9hG4bK1", "<sip:a@pbx.example>; tag=1", "<sip:a@192.0.2.1>; expires=60"},
		{"SIP/2.0/UDP 192.0.2.1:5062 ;branch=z9hG4bK1", "<sip:a@pbx.example>;tag =1", "<sip:a@192.0.2.1>;expires =60"},
		{"SIP/2.0/UDP 192.0.2.1:5062;Branch=z9hG4bK1", "<sip:a@pbx.example>;Tag=1", "<sip:a@192.0.2.1>;Expires=60"},
	} {
		text := "REGISTER sip:pbx.example SIP/2.0\r\nVia: " + headers[0] + "\r\nFrom: " + headers[1] +
			"\r\nTo: <sip:a@pbx.example>\r\nCall-ID: call-1\r\nCSeq: 1 REGISTER\r\nContact: " + headers[2] + "\r\nContent-Length: 0\r\n\r\n"
		message, err := sip.ParseMessage([]byte(text))
		if err != nil {
			fmt.Println(err)
			continue
		}
		request := message.(*sip.Request)
		via := request.Via()
		branch, _ := via.Params.Get("branch")
		tag, _ := request.From().Params.Get("tag")
		expires, _ := request.Contact().Params.Get("expires")
		separator := strings.TrimPrefix(strings.TrimSuffix(headers[1], "1"), "<sip:a@pbx.example>")
		fmt.Printf("%s: tag %q, expires %q, Via of %s:%d with branch %q\n", separator, tag, expires, via.Host, via.Port, branch)
	}
}
GO
go mod init example 2>/dev/null
go get github.com/emiago/sipgo@v1.7.3 2>/dev/null
came=$(go run .)
expected=';tag=: tag "1", expires "60", Via of 192.0.2.1:5062 with branch "z9hG4bK1"
; tag=: tag "", expires "", Via of 192.0.2.1:5062 with branch "z9hG4bK1"
;tag =: tag "", expires "", Via of :0 with branch ""
;Tag=: tag "", expires "", Via of 192.0.2.1:5062 with branch ""'
echo 'sipgo 1.7.3:'
printf '%s\n' "$came"
[ "$came" = "$expected" ] || { printf 'expected\n%s\n' "$expected"; exit 1; }
