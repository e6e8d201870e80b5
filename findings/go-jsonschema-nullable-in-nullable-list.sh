#!/usr/bin/env bash
# go-jsonschema: of a valid schema it makes Go code that does not compile.
#
# A list that may be null, whose items have an object that may be null, both written as anyOf with null (as zod, Pydantic and
# many others write it): the generator exits with 0, and the code names a type that it did not make. The same schema with
# `"type": ["array", "null"]` and `"type": ["object", "null"]` compiles, and so does the list without null.
#
# Fails when the code of the first compiles, or that of the others does not.
set -euo pipefail
folder=$(mktemp -d)
trap 'chmod -R u+w "$folder"; rm -rf "$folder"' EXIT
cd "$folder"
export GOBIN="$folder/bin" GOFLAGS=-buildvcs=false
go install github.com/atombender/go-jsonschema@v0.24.1 2>/dev/null

party='{"type":"object","properties":{"name":{"type":"string"}}}'
legs() { # the schema of the list, given that of an item's party
  echo "{\"type\":\"array\",\"items\":{\"type\":\"object\",\"properties\":{\"party\":$1}}}"
}
nullable="{\"anyOf\":[$party,{\"type\":\"null\"}]}"
declare -A schemas=(
  [both_with_anyOf]="{\"anyOf\":[$(legs "$nullable"),{\"type\":\"null\"}]}"
  [list_without_null]="$(legs "$nullable")"
  [both_with_types]="$(legs "${party/\"object\"/[\"object\",\"null\"]}" | sed 's/"type":"array"/"type":["array","null"]/')"
)
for name in both_with_anyOf list_without_null both_with_types; do
  mkdir "$name"
  echo "{\"\$schema\":\"https://json-schema.org/draft/2020-12/schema\",\"title\":\"call\",\"type\":\"object\",\"properties\":{\"legs\":${schemas[$name]}}}" >"$name/call.json"
  (
    cd "$name"
    printf 'module example.com/probe\n\ngo 1.24\n' >go.mod
    printf 'package main\n\nfunc main() {}\n' >main.go
    "$GOBIN/go-jsonschema" --package main --output call.go call.json 2>/dev/null && made=yes || made=no
    go mod tidy >/dev/null 2>&1
    if go build -o /dev/null . 2>said; then compiles=yes; else compiles="no ($(grep -o 'undefined: .*' said | head -1))"; fi
    echo "$name: made $made, compiles $compiles"
  )
done | tee seen

diff seen - <<'SEEN'
both_with_anyOf: made yes, compiles no (undefined: CallJsonLegsElemParty_0)
list_without_null: made yes, compiles yes
both_with_types: made yes, compiles yes
SEEN
echo "go-jsonschema v0.24.1, $(go env GOVERSION): as described."
