#!/usr/bin/env bash
# Durations in ISO 8601: a length below zero becomes a positive one, or cannot be read.
#
# Systems that write lengths as PT1M30S write one below zero when a clock was set back during a call. Python's isodate, XML
# Schema and JavaScript's Temporal put the sign in front (-PT5S), Java's Duration.toString puts it inside (PT-5S). Expected of
# a reader: minus five of both, or an error. npm iso8601-duration and dayjs read -PT5S as plus five, so that a fault becomes
# a plausible length; isodate and iso8601-duration refuse PT-5S. luxon reads both. dayjs also reads PT1,5S as zero, though
# the comma is the decimal sign that ISO 8601 names first.
#
# Fails when one of them reads otherwise.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
echo '{ "private": true, "type": "module" }' >package.json
npm install --ignore-scripts --no-audit --no-fund --no-package-lock --loglevel=error \
  iso8601-duration@2.1.4 dayjs@1.11.23 luxon@3.7.2 >/dev/null
python3 -m venv python
python/bin/pip install --quiet --disable-pip-version-check isodate==0.7.2

cat >probe.mjs <<'JS'
import dayjs from 'dayjs'
import duration from 'dayjs/plugin/duration.js'
import { parse, toSeconds } from 'iso8601-duration'
import { Duration } from 'luxon'

dayjs.extend(duration)
const readers = {
  'dayjs 1.11.23': (text) => dayjs.duration(text).asSeconds(),
  'iso8601-duration 2.1.4': (text) => toSeconds(parse(text)),
  'luxon 3.7.2': (text) => Duration.fromISO(text).as('seconds'),
}
const attempt = (read, text) => {
  try {
    return read(text)
  } catch {
    return 'refused'
  }
}
for (const [name, read] of Object.entries(readers))
  console.log(`${name}: ${['-PT5S', 'PT-5S', 'PT1,5S'].map((text) => `${text} ${attempt(read, text)}`).join(', ')}`)
JS
cat >probe.py <<'PYTHON'
from datetime import timedelta

import isodate


def read(text):
    try:
        return f"{isodate.parse_duration(text).total_seconds():g}"
    except isodate.ISO8601Error:
        return "refused"


print("isodate 0.7.2:", ", ".join(f"{text} {read(text)}" for text in ("-PT5S", "PT-5S", "PT1,5S")))
print("isodate 0.7.2 writes", isodate.duration_isoformat(timedelta(seconds=-5)))
PYTHON
came=$(node probe.mjs && python/bin/python probe.py)
expected='dayjs 1.11.23: -PT5S 5, PT-5S -5, PT1,5S 0
iso8601-duration 2.1.4: -PT5S 5, PT-5S refused, PT1,5S 1.5
luxon 3.7.2: -PT5S -5, PT-5S -5, PT1,5S 1.5
isodate 0.7.2: -PT5S -5, PT-5S refused, PT1,5S 1.5
isodate 0.7.2 writes -PT5S'
printf '%s\n' "$came"
[ "$came" = "$expected" ] || { printf 'expected\n%s\n' "$expected"; exit 1; }
