// Runs EndCall of docs/transactional-publishing.md. Prints one JSON a line: what each case came to.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

func say(name string, value any) {
	line, _ := json.Marshal(map[string]any{"case": name, "value": value})
	fmt.Println(string(line))
}

func state(err error) any {
	var failure *pgconn.PgError
	if errors.As(err, &failure) {
		return failure.Code
	}
	if err != nil {
		return err.Error()
	}
	return nil
}

func main() {
	ctx := context.Background()
	tenant := os.Args[2]
	var call map[string]any
	if err := json.Unmarshal([]byte(os.Args[3]), &call); err != nil {
		panic(err)
	}
	with := func(id string) map[string]any {
		other := maps.Clone(call)
		other["call_id"] = id
		return other
	}
	conn, err := pgx.Connect(ctx, os.Args[1])
	if err != nil {
		panic(err)
	}
	defer conn.Close(ctx)

	id, err := EndCall(ctx, conn, tenant, call)
	if err != nil {
		panic(err)
	}
	say("committed", id)
	_, err = EndCall(ctx, conn, tenant, call)
	say("refused row", state(err))

	err = pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		if _, err := EndCall(ctx, tx, tenant, with("call_rolled_back")); err != nil {
			return err
		}
		return errors.New("the shop changed its mind")
	})
	say("rolled back", state(err))

	_, err = EndCall(ctx, conn, "ten_nobody", with("call_nobody"))
	say("unknown tenant", state(err))
	_, err = conn.Exec(ctx, "select * from event")
	say("may not read", state(err))

	whole := with("call_whole")
	whole["rate"] = json.Number("0.25")
	ids := map[string]bool{}
	for range 3 {
		var id string
		err := conn.QueryRow(ctx,
			`select sivo.publish(tenant => $1, type => 'call.ended', data => $2, subject => $3, sequence => $4,
			   occurred_at => $5, idempotency_key => $6)`,
			tenant, whole, "call_whole Zoë 😀", int64(9007199254740991),
			time.Date(2026, 11, 28, 13, 0, 0, 123e6, time.FixedZone("", 3600)), "whole").Scan(&id)
		if err != nil {
			panic(err)
		}
		ids[id] = true
	}
	list := []string{}
	for id := range ids {
		list = append(list, id)
	}
	say("whole", list)
}
