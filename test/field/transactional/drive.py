"""Runs end_call of docs/transactional-publishing.md. Prints one JSON a line: what each case came to."""

import json
import sys
from datetime import datetime, timezone
from decimal import Decimal

import psycopg
from psycopg.types.json import Jsonb, set_json_dumps

from end_call import end_call

url, tenant, call_text = sys.argv[1:]
call = json.loads(call_text)


def say(case, value):
    print(json.dumps({"case": case, "value": value}), flush=True)


def failure(work):
    try:
        work()
    except psycopg.Error as error:
        return error.sqlstate
    return None


with psycopg.connect(url, autocommit=True) as connection:
    say("committed", end_call(connection, tenant, call))
    # The row of the same call is there: the insert fails before the event.
    say("refused row", failure(lambda: end_call(connection, tenant, call)))

    def break_off():
        with connection.transaction():
            end_call(connection, tenant, {**call, "call_id": "call_rolled_back"})
            raise RuntimeError("the shop changed its mind")

    try:
        break_off()
    except RuntimeError as error:
        say("rolled back", str(error))

    say("unknown tenant", failure(lambda: end_call(connection, "ten_nobody", {**call, "call_id": "call_nobody"})))
    say("may not read", failure(lambda: connection.execute("select * from event")))

    # A prepared statement in binary, every argument, a time with an offset, an exact decimal.
    set_json_dumps(lambda value: json.dumps(value, default=lambda d: float(d) if isinstance(d, Decimal) else str(d)))
    publish = (
        "select sivo.publish(tenant => %s, type => 'call.ended', data => %s, subject => %s, sequence => %s,"
        " occurred_at => %s, idempotency_key => %s)"
    )
    values = (
        tenant,
        Jsonb({**call, "call_id": "call_whole", "rate": Decimal("0.25")}),
        "call_whole Zoë 😀",
        9007199254740991,
        datetime(2026, 11, 28, 12, 0, 0, 123000, tzinfo=timezone.utc),
        "whole",
    )
    ids = {connection.execute(publish, values, prepare=True, binary=True).fetchone()[0] for _ in range(3)}
    say("whole", list(ids))
