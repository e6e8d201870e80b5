#!/usr/bin/env bash
# date-fns with @date-fns/tz, and @formkit/tempo: a local time of another zone is an hour to a day off on the day when clocks change.
#
# Call records often have local times without an offset, and an importer knows the zone of the telephone system. All times below occur
# once in their zone. Expected: one moment, whatever zone the process runs in. @formkit/tempo's tzDate takes the
# offset of another moment: in a process on UTC a call in Los Angeles at 9:30, six hours after the change, is an hour late. date-fns's
# parse with { in: tz(zone) }, and TZDate, pass through the clock of the process: right on UTC, but in one on Berlin time calls of London
# are two hours early, and those of Nuuk a day and an hour. dayjs, luxon and date-fns-tz, tried beside them, are right.
#
# Fails when one of them reads otherwise.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
echo '{ "private": true, "type": "module" }' >package.json
npm install --ignore-scripts --no-audit --no-fund --no-package-lock --loglevel=error \
  date-fns@4.4.0 @date-fns/tz@1.5.0 @formkit/tempo@1.1.0 dayjs@1.11.23 luxon@3.7.2 date-fns-tz@3.2.0 >/dev/null

cat >probe.mjs <<'JS'
import { TZDate, tz } from '@date-fns/tz'
import { tzDate } from '@formkit/tempo'
import { parse } from 'date-fns'
import { fromZonedTime } from 'date-fns-tz'
import dayjs from 'dayjs'
import timezone from 'dayjs/plugin/timezone.js'
import utc from 'dayjs/plugin/utc.js'
import { DateTime } from 'luxon'

dayjs.extend(utc)
dayjs.extend(timezone)
const numbers = (text) => text.split(/[- :]/).map((part, at) => Number(part) - (at === 1 ? 1 : 0))
const readers = {
  'dayjs 1.11.23': (text, zone) => dayjs.tz(text, zone),
  'luxon 3.7.2': (text, zone) => DateTime.fromSQL(text, { zone }),
  'date-fns-tz 3.2.0': (text, zone) => fromZonedTime(text, zone),
  'date-fns 4.4.0, parse': (text, zone) => parse(text, 'yyyy-MM-dd HH:mm:ss', new Date(0), { in: tz(zone) }),
  '@date-fns/tz 1.5.0, TZDate': (text, zone) => new TZDate(...numbers(text), zone),
  '@formkit/tempo 1.1.0': (text, zone) => tzDate(text.replace(' ', 'T'), zone),
}
const times = [
  ['America/Los_Angeles', '2025-03-09 09:30:00', '2025-03-09T16:30:00Z'],
  ['Australia/Sydney', '2025-04-05 18:00:00', '2025-04-05T07:00:00Z'],
  ['Europe/London', '2025-10-26 02:30:00', '2025-10-26T02:30:00Z'],
  ['America/Nuuk', '2025-10-26 12:30:00', '2025-10-26T14:30:00Z'],
]
for (const [name, read] of Object.entries(readers)) {
  const off = times.map(([zone, text, at]) => [zone.split('/')[1], (read(text, zone).valueOf() - Date.parse(at)) / 3_600_000])
  console.log(`${process.env.TZ}: ${name}: ${off.map(([zone, hours]) => `${zone} ${hours}`).join(', ')}`)
}
JS
came=$(TZ=UTC node probe.mjs && TZ=Europe/Berlin node probe.mjs)
right='Los_Angeles 0, Sydney 0, London 0, Nuuk 0'
expected="UTC: dayjs 1.11.23: $right
UTC: luxon 3.7.2: $right
UTC: date-fns-tz 3.2.0: $right
UTC: date-fns 4.4.0, parse: $right
UTC: @date-fns/tz 1.5.0, TZDate: $right
UTC: @formkit/tempo 1.1.0: Los_Angeles 1, Sydney 1, London 0, Nuuk 0
Europe/Berlin: dayjs 1.11.23: $right
Europe/Berlin: luxon 3.7.2: $right
Europe/Berlin: date-fns-tz 3.2.0: $right
Europe/Berlin: date-fns 4.4.0, parse: Los_Angeles 0, Sydney 0, London -2, Nuuk -25
Europe/Berlin: @date-fns/tz 1.5.0, TZDate: Los_Angeles 0, Sydney 0, London -1, Nuuk 0
Europe/Berlin: @formkit/tempo 1.1.0: Los_Angeles 1, Sydney 1, London -1, Nuuk 0"
echo 'hours between what each reads and the moment, in a process on that zone:'
printf '%s\n' "$came"
[ "$came" = "$expected" ] || { printf 'expected\n%s\n' "$expected"; exit 1; }
