#!/usr/bin/env bash
# Readers of CSV: every tenth call of an Asterisk gets another id, and two calls of a busy one get the same.
#
# Asterisk names a call by the second and the number of its channel since the start, such as 1795435191.4310, and writes call records as
# CSV (cdr_csv). Expected of readers that find out types: a text, as they keep other ids. All of them make a floating-point number of it:
# 4310 becomes 431, so that one call of ten no longer has the id that events and recordings have. After a million channels the number
# has more digits than a double, and two calls of one second become one when rows are grouped. DuckDB and Polars, which keep
# telephone numbers as texts, do the same. Give the type of the column, or set `systemname` in asterisk.conf, which puts a word in front.
#
# Fails when a reader keeps the ids.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
echo '{ "private": true, "type": "module" }' >package.json
npm install --ignore-scripts --no-audit --no-fund --no-package-lock --loglevel=error \
  papaparse@5.7.1 csv-parse@7.0.3 d3-dsv@3.0.2 udsv@0.7.3 >/dev/null
python3 -m venv python
python/bin/pip install --quiet --disable-pip-version-check pandas==3.1.1 polars==2.1.0 duckdb==2.0.1
cat >calls.csv <<'CSV'
src,uniqueid,billsec
+442079460123,1795435191.4310,12
02079460124,1795435192.4311,13
+442079460125,1795435193.1234567,14
02079460126,1795435193.1234568,15
CSV
sed 's/,1795/,pbx1-1795/' calls.csv >named.csv

cat >probe.mjs <<'JS'
import { readFileSync } from 'node:fs'
import { parse } from 'csv-parse/sync'
import { autoType, csvParse } from 'd3-dsv'
import Papa from 'papaparse'
import { inferSchema, initParser } from 'udsv'

const readers = {
  'papaparse 5.7.1, dynamicTyping': (text) => Papa.parse(text, { header: true, dynamicTyping: true, skipEmptyLines: true }).data,
  'csv-parse 7.0.3, cast': (text) => parse(text, { columns: true, cast: true }),
  'd3-dsv 3.0.2, autoType': (text) => csvParse(text, autoType),
  'udsv 0.7.3, typedObjs': (text) => initParser(inferSchema(text)).typedObjs(text),
}
for (const [name, read] of Object.entries(readers))
  for (const file of ['calls', 'named']) {
    const ids = read(readFileSync(`${file}.csv`, 'utf8')).map((row) => row.uniqueid)
    console.log(`${name}, ${file}: ${ids.join(' ')}, ${new Set(ids).size} calls`)
  }
JS
cat >probe.py <<'PYTHON'
import duckdb
import pandas
import polars

readers = {
    "pandas 3.1.1": lambda file: pandas.read_csv(file).uniqueid.tolist(),
    "polars 2.1.0": lambda file: polars.read_csv(file)["uniqueid"].to_list(),
    "duckdb 2.0.1": lambda file: [row[0] for row in duckdb.sql(f"select uniqueid from '{file}'").fetchall()],
}
for name, read in readers.items():
    for file in ("calls", "named"):
        ids = read(file + ".csv")
        print(f"{name}, {file}: {' '.join(map(str, ids))}, {len(set(ids))} calls")
PYTHON
came=$(node probe.mjs && python/bin/python probe.py)
changed='1795435191.431 1795435192.4311 1795435193.1234567 1795435193.1234567, 3 calls'
kept='pbx1-1795435191.4310 pbx1-1795435192.4311 pbx1-1795435193.1234567 pbx1-1795435193.1234568, 4 calls'
expected=$(for reader in 'papaparse 5.7.1, dynamicTyping' 'csv-parse 7.0.3, cast' 'd3-dsv 3.0.2, autoType' 'udsv 0.7.3, typedObjs' \
  'pandas 3.1.1' 'polars 2.1.0' 'duckdb 2.0.1'; do printf '%s, calls: %s\n%s, named: %s\n' "$reader" "$changed" "$reader" "$kept"; done)
printf '%s\n' "$came"
[ "$came" = "$expected" ] || { printf 'expected\n%s\n' "$expected"; exit 1; }
