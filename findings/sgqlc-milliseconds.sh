#!/usr/bin/env bash
# PyPI sgqlc: milliseconds are read as microseconds, and an offset of -03:30 as -02:30.
#
# sgqlc-codegen makes Python types of a schema, and takes sgqlc.types.datetime.DateTime for a scalar that is named DateTime. Its
# documentation says that it reads YYYY-mm-ddTHH:MM:SS[.mmm][+/-HH:MM], which is what JavaScript and most APIs write. Yet the digits
# behind the dot count as microseconds, whatever their number: 10:00:00.482 becomes 10:00:00.000482. Nothing is raised. Attempts of
# one second come in another order, and a length of 482 ms is 0.482 ms. Of a negative offset the minutes are added: times of
# Newfoundland are an hour off. Expected: the moment that the text names.
# What helps: schema.DateTime.converter = staticmethod(datetime.datetime.fromisoformat), on Python 3.11 and newer.
#
# Needs python3 (3.11 or newer) with venv. Prints what came; fails when that changes, or when the line above does not help.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv python >/dev/null
python/bin/pip install --quiet --disable-pip-version-check sgqlc==18 graphql-core==3.2.6
cat >schema.py <<'PY'
import json
from graphql import build_schema, introspection_from_schema

schema = build_schema("scalar DateTime type Call { startedAt: DateTime } type Query { call: Call }")
print(json.dumps({"data": introspection_from_schema(schema)}))
PY
python/bin/python schema.py >schema.json
python/bin/sgqlc-codegen schema schema.json calls.py
cat >probe.py <<'PY'
from datetime import datetime

from sgqlc.operation import Operation
from calls import calls as schema

TIMES = ["2026-11-30T10:00:00.482Z", "2026-11-30T10:00:00.5Z", "2026-11-30T10:00:00.482000Z", "2026-11-30T10:00:00-03:30", "2026-11-30T10:00:00+05:30"]

def read(time):
    query = Operation(schema.Query)
    query.call.started_at()
    return (query + {"data": {"call": {"startedAt": time}}}).call.started_at

for time in TIMES:
    print(f"{time}: {read(time).isoformat()}")
schema.DateTime.converter = staticmethod(datetime.fromisoformat)
print("with fromisoformat:", "right" if all(read(time) == datetime.fromisoformat(time) for time in TIMES) else "wrong")
PY
came=$(python/bin/python probe.py)
expected='2026-11-30T10:00:00.482Z: 2026-11-30T10:00:00.000482+00:00
2026-11-30T10:00:00.5Z: 2026-11-30T10:00:00.000005+00:00
2026-11-30T10:00:00.482000Z: 2026-11-30T10:00:00.482000+00:00
2026-11-30T10:00:00-03:30: 2026-11-30T10:00:00-02:30
2026-11-30T10:00:00+05:30: 2026-11-30T10:00:00+05:30
with fromisoformat: right'
printf 'sgqlc 18\n%s\n' "$came"
[ "$came" = "$expected" ] || { printf 'expected\n%s\n' "$expected"; exit 1; }
