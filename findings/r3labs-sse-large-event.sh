#!/usr/bin/env bash
# r3labs/sse (Go): an event of 64 KB or more makes the client read the same small events again for ever.
#
# A server-sent event has no largest size. The client keeps 65,536 bytes of each by default. Expected of a larger one: the event,
# or an error from SubscribeWithContext. It closes the connection, comes back with the id of the last event that fitted, meets the
# large one again, and so on. The handler gets what a server repeats after that id each time, nothing behind the large event ever,
# and no error; the deadline of the context does not end it either. ClientMaxBufferSize(1 << 20) lets the event through.
#
# Needs Go. Fails when the large event arrives, or the call returns.
set -euo pipefail
folder=$(mktemp -d)
trap 'chmod -R u+w "$folder"; rm -rf "$folder"' EXIT
cd "$folder"
cat >main.go <<'GO'
package main

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/r3labs/sse/v2"
)

func main() {
	try("as it comes")
	try("with 1 MiB", sse.ClientMaxBufferSize(1<<20))
}

func try(name string, options ...func(*sse.Client)) {
	var connections atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		connections.Add(1)
		w.Header().Set("Content-Type", "text/event-stream")
		if r.Header.Get("Last-Event-ID") == "" {
			fmt.Fprint(w, "id: 1\ndata: small\n\n")
		}
		fmt.Fprintf(w, "id: 2\ndata: %s\n\nid: 3\ndata: after\n\n", strings.Repeat("x", 65_536))
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	}))
	ctx, cancel := context.WithTimeout(context.Background(), 4*time.Second)
	defer cancel()
	var lock sync.Mutex
	var ids []string
	ended := make(chan error, 1)
	go func() {
		ended <- sse.NewClient(server.URL, options...).SubscribeWithContext(ctx, "", func(event *sse.Event) {
			lock.Lock()
			defer lock.Unlock()
			ids = append(ids, string(event.ID))
		})
	}()
	outcome := "goes on"
	select {
	case err := <-ended:
		outcome = fmt.Sprint("ends with ", err)
	case <-time.After(3 * time.Second):
	}
	lock.Lock()
	defer lock.Unlock()
	fmt.Printf("%s: events %v, more than one connection: %t, %s\n", name, ids, connections.Load() > 1, outcome)
}
GO
printf 'module example.com/probe\n\ngo 1.24\n' >go.mod
go get github.com/r3labs/sse/v2@v2.10.0 2>/dev/null
came=$(go run .)
expected='as it comes: events [1], more than one connection: true, goes on
with 1 MiB: events [1 2 3], more than one connection: false, goes on'
printf 'r3labs/sse 2.10.0\n%s\n' "$came"
[ "$came" = "$expected" ] || { printf 'expected\n%s\n' "$expected"; exit 1; }
