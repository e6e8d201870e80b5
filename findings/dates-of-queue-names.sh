#!/usr/bin/env bash
# csv-parse, Joi, Zod and yup: a queue named Sales 2 is the first of February 2001, and the channel SIP/100-00000012 a day in the year 100.
#
# Call records have names of queues, agents and channels that end in a number. Expected of code that makes dates of texts: an error, or the
# text, where no date is. Node's Date.parse takes any words before a number from 1 to 12 for a date, and these libraries ask it: csv-parse with cast_date
# turns names of queues into dates beside names that stay texts, such as Sales 13; date() of Joi and yup and coerce.date() of Zod let an
# event pass whose time and queue are in each other's place. Joi's date().iso() and Zod's iso.datetime() refuse them.
#
# Fails when one of them says otherwise.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
echo '{ "private": true, "type": "module" }' >package.json
npm install --ignore-scripts --no-audit --no-fund --no-package-lock --loglevel=error \
  csv-parse@7.0.3 joi@18.3.2 zod@4.6.7 yup@1.7.1 >/dev/null
cat >probe.mjs <<'JS'
import { parse } from 'csv-parse/sync'
import Joi from 'joi'
import * as yup from 'yup'
import { z } from 'zod'

const texts = ['Sales 2', 'Sales 13', 'Queue 12', 'SIP/100-00000012', 'ivr-1']
const readers = {
  'csv-parse 7.0.3, cast_date': (text) => parse(text, { cast: true, cast_date: true })[0][0],
  'joi 18.3.2, date()': (text) => Joi.attempt(text, Joi.date()),
  'joi 18.3.2, date().iso()': (text) => Joi.attempt(text, Joi.date().iso()),
  'yup 1.7.1, date()': (text) => yup.date().validateSync(text),
  'zod 4.6.7, coerce.date()': (text) => z.coerce.date().parse(text),
  'zod 4.6.7, iso.datetime()': (text) => z.iso.datetime().parse(text),
}
for (const [name, read] of Object.entries(readers)) {
  const came = texts.map((text) => {
    try {
      const value = read(text)
      return value instanceof Date ? value.toISOString().slice(0, 10) : value
    } catch {
      return 'refused'
    }
  })
  console.log(`${name}: ${came.join(', ')}`)
}
JS
came=$(TZ=UTC node probe.mjs)
dates='2001-02-01, refused, 2001-12-01, 0100-12-01, 2001-01-01'
refused='refused, refused, refused, refused, refused'
expected="csv-parse 7.0.3, cast_date: ${dates/refused/Sales 13}
joi 18.3.2, date(): $dates
joi 18.3.2, date().iso(): $refused
yup 1.7.1, date(): $dates
zod 4.6.7, coerce.date(): $dates
zod 4.6.7, iso.datetime(): $refused"
printf '%s\n' "$came"
[ "$came" = "$expected" ] || { printf 'expected\n%s\n' "$expected"; exit 1; }
