#!/usr/bin/env bash
# Fiber: an event id that a handler keeps becomes the id of a later request, and duplicates are taken for new events.
#
# c.Get gives a string, and strings of Go never change. Fiber's point into a buffer that the next request on the connection
# is read into (unless Config.Immutable is on). A receiver that discards the ids that it has seen, by a map of c.Get("X-…"),
# finds each id twice or never: the map's keys read like other ids, the repeated events count as new, and a list of ids for
# later work names the wrong events. With one connection all looks right. strings.Clone(c.Get("X-…")) is what to keep.
#
# Needs Go. Fails when duplicates are found without the clone, or are not found with it.
set -euo pipefail
folder=$(mktemp -d)
trap 'chmod -R u+w "$folder"; rm -rf "$folder"' EXIT
cd "$folder"
cat >main.go <<'GO'
package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"

	"github.com/gofiber/fiber/v2"
)

func main() {
	fmt.Println("Fiber", fiber.Version)
	try("c.Get", func(text string) string { return text })
	try("strings.Clone(c.Get)", strings.Clone)
}

func try(name string, keep func(string) string) {
	seen, ids := map[string]bool{}, []string{}
	app := fiber.New(fiber.Config{DisableStartupMessage: true})
	app.Post("/", func(c *fiber.Ctx) error {
		id := keep(c.Get("X-Event-Id"))
		if seen[id] {
			return c.SendString("seen")
		}
		seen[id] = true
		ids = append(ids, id)
		return c.SendString("new")
	})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	go app.Listener(listener)
	open := func() net.Conn {
		connection, err := net.Dial("tcp", listener.Addr().String())
		if err != nil {
			panic(err)
		}
		return connection
	}
	one, two := open(), open()
	post := func(connection net.Conn, id string) string {
		fmt.Fprintf(connection, "POST / HTTP/1.1\r\nHost: localhost\r\nX-Event-Id: %s\r\nContent-Length: 2\r\n\r\n{}", id)
		response, err := http.ReadResponse(bufio.NewReader(connection), nil)
		if err != nil {
			panic(err)
		}
		body, _ := io.ReadAll(response.Body)
		return id + " " + string(body)
	}
	// The repeated ids come over the other connection.
	fmt.Println(name+":", post(one, "evt_A"), post(two, "evt_B"), post(one, "evt_C"), post(two, "evt_A"), post(one, "evt_B"))
	fmt.Println("ids kept:", strings.Join(ids, " "))
}
GO
printf 'module example.com/probe\n\ngo 1.24\n' >go.mod
go get github.com/gofiber/fiber/v2@v2.52.15 2>/dev/null
go run . | tee seen

diff seen - <<'SEEN'
Fiber 2.52.15
c.Get: evt_A new evt_B new evt_C new evt_A new evt_B new
ids kept: evt_B evt_A evt_B evt_A evt_B
strings.Clone(c.Get): evt_A new evt_B new evt_C new evt_A seen evt_B seen
ids kept: evt_A evt_B evt_C
SEEN
echo "Fiber 2.52.15: as described."
