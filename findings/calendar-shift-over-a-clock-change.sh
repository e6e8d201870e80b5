#!/usr/bin/env bash
# Calendars of shifts: in the night when clocks change, libraries disagree by an hour on who takes the calls.
#
# A night shift of a calendar file (RFC 5545) begins at 22:00 and lasts PT8H; a weekend service lasts P1D. Hours are exact, days go by
# the clock (section 3.3.6): in Berlin's night of October the shift ends at 5:00, in March's at 7:00, and the service at the hour at which it began.
# Expected: all say so. npm ical.js and PyPI icalendar, with recurring-ical-events, let the shift end at 6:00 in both nights: 9 and 7
# hours. npm node-ical has the shift right, and P1D as 24 hours: the service ends an hour early, or late. A telephone system that
# routes calls by one and a page that shows the other name different people. DTEND in place of DURATION is read the same by all.
#
# Fails when one of them reads otherwise.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
echo '{ "private": true, "type": "module" }' >package.json
npm install --ignore-scripts --no-audit --no-fund --no-package-lock --loglevel=error ical.js@2.2.1 node-ical@0.27.2 >/dev/null
python3 -m venv python
python/bin/pip install --quiet --disable-pip-version-check icalendar==7.3.2 recurring-ical-events==3.8.2
event() {
  printf 'BEGIN:VEVENT\nUID:%s\nDTSTAMP:20260101T000000Z\nSUMMARY:%s\nDTSTART;TZID=Europe/Berlin:%s\n%s\nEND:VEVENT\n' "$1" "$1" "$2" "$3"
}
{
  printf 'BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//example//shifts//EN\nBEGIN:VTIMEZONE\nTZID:Europe/Berlin\n'
  printf 'BEGIN:STANDARD\nTZOFFSETFROM:+0200\nTZOFFSETTO:+0100\nDTSTART:19961027T030000\nRRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10\nEND:STANDARD\n'
  printf 'BEGIN:DAYLIGHT\nTZOFFSETFROM:+0100\nTZOFFSETTO:+0200\nDTSTART:19810329T020000\nRRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=3\nEND:DAYLIGHT\nEND:VTIMEZONE\n'
  event march-shift 20260328T220000 DURATION:PT8H
  event march-service 20260328T080000 DURATION:P1D
  event october-shift 20261024T220000 DURATION:PT8H
  event october-service 20261024T080000 DURATION:P1D
  event october-dtend 20261024T220000 'DTEND;TZID=Europe/Berlin:20261025T050000'
  printf 'END:VCALENDAR\n'
} | sed 's/$/\r/' >shifts.ics

cat >probe.mjs <<'JS'
import { readFileSync } from 'node:fs'
import ICAL from 'ical.js'
import ical from 'node-ical'

const text = readFileSync('shifts.ics', 'utf8')
const clock = new Intl.DateTimeFormat('en-GB', { timeZone: 'Europe/Berlin', hour: '2-digit', minute: '2-digit' })
const calendar = new ICAL.Component(ICAL.parse(text))
ICAL.TimezoneService.register(calendar.getFirstSubcomponent('vtimezone'))
const readers = {
  'ical.js 2.2.1': calendar.getAllSubcomponents('vevent').map((part) => {
    const { summary, startDate, endDate } = new ICAL.Event(part)
    return { summary, start: startDate.toJSDate(), end: endDate.toJSDate() }
  }),
  'node-ical 0.27.2': Object.values(ical.sync.parseICS(text)).filter(({ type }) => type === 'VEVENT'),
}
for (const [name, events] of Object.entries(readers))
  for (const { summary, start, end } of events) console.log(`${name}, ${summary}: ends at ${clock.format(end)}, ${(end - start) / 3_600_000} h`)
JS
cat >probe.py <<'PYTHON'
from datetime import datetime, timezone
from pathlib import Path
from zoneinfo import ZoneInfo

import icalendar
import recurring_ical_events

calendar = icalendar.Calendar.from_ical(Path("shifts.ics").read_bytes())
year = recurring_ical_events.of(calendar).between(datetime(2026, 1, 1), datetime(2026, 12, 31))
readers = {
    "icalendar 7.3.2": [(event["SUMMARY"], event.start, event.end) for event in calendar.walk("VEVENT")],
    "recurring-ical-events 3.8.2": [(event["SUMMARY"], event["DTSTART"].dt, event["DTEND"].dt) for event in year],
}
for name, events in readers.items():
    for summary, start, end in events:
        hours = (end.astimezone(timezone.utc) - start.astimezone(timezone.utc)).total_seconds() / 3600
        print(f"{name}, {summary}: ends at {end.astimezone(ZoneInfo('Europe/Berlin')):%H:%M}, {hours:g} h")
PYTHON
came=$( (TZ=UTC node probe.mjs && TZ=UTC python/bin/python probe.py) | LC_ALL=C sort)
expected='ical.js 2.2.1, march-service: ends at 08:00, 23 h
ical.js 2.2.1, march-shift: ends at 06:00, 7 h
ical.js 2.2.1, october-dtend: ends at 05:00, 8 h
ical.js 2.2.1, october-service: ends at 08:00, 25 h
ical.js 2.2.1, october-shift: ends at 06:00, 9 h
icalendar 7.3.2, march-service: ends at 08:00, 23 h
icalendar 7.3.2, march-shift: ends at 06:00, 7 h
icalendar 7.3.2, october-dtend: ends at 05:00, 8 h
icalendar 7.3.2, october-service: ends at 08:00, 25 h
icalendar 7.3.2, october-shift: ends at 06:00, 9 h
node-ical 0.27.2, march-service: ends at 09:00, 24 h
node-ical 0.27.2, march-shift: ends at 07:00, 8 h
node-ical 0.27.2, october-dtend: ends at 05:00, 8 h
node-ical 0.27.2, october-service: ends at 07:00, 24 h
node-ical 0.27.2, october-shift: ends at 05:00, 8 h
recurring-ical-events 3.8.2, march-service: ends at 08:00, 23 h
recurring-ical-events 3.8.2, march-shift: ends at 06:00, 7 h
recurring-ical-events 3.8.2, october-dtend: ends at 05:00, 8 h
recurring-ical-events 3.8.2, october-service: ends at 08:00, 25 h
recurring-ical-events 3.8.2, october-shift: ends at 06:00, 9 h'
printf '%s\n' "$came"
[ "$came" = "$expected" ] || { printf 'expected\n%s\n' "$expected"; exit 1; }
