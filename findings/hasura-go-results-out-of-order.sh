#!/usr/bin/env bash
# hasura/go-graphql-client: the results of a subscription are handed over in another order than they came.
#
# A server sends the results of a subscription in order, each newer than the last. SubscriptionClient runs the handler in a goroutine
# of its own for each message, so a small result overtakes a large one. Who keeps the newest state by id, or the last cursor, ends
# with an older one, without an error. Expected: the order of the websocket.
# What helps: WithSyncMode(true), which hands them over one after the other.
#
# Needs go, node and npm. Prints in how many of 200 rounds the last result came last; fails when either mode changes.
set -euo pipefail
folder=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server"; chmod -R u+w "$folder"; rm -rf "$folder"' EXIT
cd "$folder"
echo '{ "private": true, "type": "module" }' >package.json
npm install --ignore-scripts --no-audit --no-fund --no-package-lock --loglevel=error graphql-ws@6.4.2 graphql@16.12.0 ws@8.18.3 >/dev/null
cat >server.mjs <<'JS'
import { buildSchema } from 'graphql'
import { useServer } from 'graphql-ws/use/ws'
import { WebSocketServer } from 'ws'

const schema = buildSchema('type Query { n: Int } type Subscription { rows: [Int!] }')
const server = new WebSocketServer({ host: '127.0.0.1', port: 0, path: '/graphql' })
const rows = async function* () {
  for (let round = 1; round <= 200; round++) {
    yield { rows: Array(10_000).fill(round) }
    yield { rows: [-round] }
    await new Promise((done) => setTimeout(done, 10))
  }
}
useServer({ schema, roots: { subscription: { rows } } }, server)
server.on('listening', () => console.log(server.address().port))
JS
node server.mjs >port &
server=$!
cat >main.go <<'GO'
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"sync"

	hasura "github.com/hasura/go-graphql-client"
)

// The server sends the rows [n, n, …] and then [-n] in each round: the last that is heard of n must be -n.
func watch(inOrder bool) int {
	client := hasura.NewSubscriptionClient("ws://127.0.0.1:" + os.Args[1] + "/graphql").
		WithProtocol(hasura.GraphQLWS).WithSyncMode(inOrder)
	defer client.Close()
	var mutex sync.Mutex
	last := map[int]int{}
	heard, all := 0, make(chan struct{})
	_, err := client.Exec("subscription { rows }", nil, func(message []byte, err error) error {
		var got struct{ Rows []int }
		if err == nil {
			err = json.Unmarshal(message, &got)
		}
		if err != nil {
			return err
		}
		mutex.Lock()
		defer mutex.Unlock()
		last[max(got.Rows[0], -got.Rows[0])] = got.Rows[0]
		if heard++; heard == 400 {
			close(all)
		}
		return nil
	})
	if err != nil {
		panic(err)
	}
	go client.Run()
	<-all
	mutex.Lock()
	defer mutex.Unlock()
	right := 0
	for round, rows := range last {
		if rows == -round {
			right++
		}
	}
	return right
}

func main() {
	byDefault, inOrder := watch(false), watch(true)
	fmt.Printf("by default %d of 200, with WithSyncMode(true) %d of 200\n", byDefault, inOrder)
	if byDefault == 200 || inOrder != 200 {
		fmt.Println("expected fewer than 200 by default, and 200 with WithSyncMode(true)")
		os.Exit(1)
	}
}
GO
export GOFLAGS=-modcacherw
go mod init finding >/dev/null 2>&1
go get github.com/hasura/go-graphql-client@v0.14.4 >/dev/null 2>&1
go build -o finding .
echo "hasura/go-graphql-client v0.14.4: $(timeout 60 ./finding "$(cat port)")"
