#!/usr/bin/env bash
# Go phonenumbers (nyaruka): the national form of an Argentine mobile number loses its area code.
#
# +54 9 11 2345 6789 is a mobile number of Buenos Aires, which people there write as 011 15-2345-6789: the trunk prefix 0, the
# area code 11, then 15. Expected of a port of Google's libphonenumber, with the same metadata: the same text. The port puts the
# prefix in front of the first group of the pattern instead of the first group of the format, and writes 09 15-2345-6789. The area
# is gone: read again, the text is another number. Mobile numbers of each area lose it; the forms with +54 are right.
# Python's port, tried beside it, writes 011.
#
# Needs Go, and python3 with venv. Fails when that changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'chmod -R u+w "$folder"; rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv python
python/bin/pip install --quiet --disable-pip-version-check phonenumbers==9.0.43
cat >main.go <<'GO'
package main

import (
	"fmt"

	"github.com/nyaruka/phonenumbers"
)

func main() {
	for _, text := range []string{"+5491123456789", "+5493515123456", "+541123456789"} {
		number, err := phonenumbers.Parse(text, "AR")
		if err != nil {
			panic(err)
		}
		national := phonenumbers.Format(number, phonenumbers.NATIONAL)
		again := "an error"
		if read, err := phonenumbers.Parse(national, "AR"); err == nil {
			again = phonenumbers.Format(read, phonenumbers.E164)
		}
		fmt.Printf("Go %s: %s, %s, read again: %s\n", text, phonenumbers.Format(number, phonenumbers.INTERNATIONAL), national, again)
	}
}
GO
cat >probe.py <<'PYTHON'
import phonenumbers as p

for text in ("+5491123456789", "+5493515123456", "+541123456789"):
    number = p.parse(text, "AR")
    national = p.format_number(number, p.PhoneNumberFormat.NATIONAL)
    again = p.format_number(p.parse(national, "AR"), p.PhoneNumberFormat.E164)
    print(f"Python {text}: {p.format_number(number, p.PhoneNumberFormat.INTERNATIONAL)}, {national}, read again: {again}")
PYTHON
printf 'module example.com/probe\n\ngo 1.24\n' >go.mod
go get github.com/nyaruka/phonenumbers@v1.8.1 2>/dev/null
came=$(go run . && python/bin/python probe.py)
expected='Go +5491123456789: +54 9 11 2345-6789, 09 15-2345-6789, read again: +5491523456789
Go +5493515123456: +54 9 351 512-3456, 09 15-512-3456, read again: +549155123456
Go +541123456789: +54 11 2345-6789, 011 2345-6789, read again: +541123456789
Python +5491123456789: +54 9 11 2345-6789, 011 15-2345-6789, read again: +5491123456789
Python +5493515123456: +54 9 351 512-3456, 0351 15-512-3456, read again: +5493515123456
Python +541123456789: +54 11 2345-6789, 011 2345-6789, read again: +541123456789'
printf 'nyaruka/phonenumbers 1.8.1, PyPI phonenumbers 9.0.43\n%s\n' "$came"
[ "$came" = "$expected" ] || { printf 'expected\n%s\n' "$expected"; exit 1; }
