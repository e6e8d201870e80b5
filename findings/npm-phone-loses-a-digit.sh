#!/usr/bin/env bash
# npm phone: a number in E.164 of a country whose numbers grew loses a digit, and the result is called valid.
#
# The library takes numbers of any country, and gives { isValid, phoneNumber }. Numbers of Gabon have eight digits since 2019,
# mobile numbers of Liberia nine, those of Argentina have a 9 in front. Expected of a valid number in E.164: itself, or
# isValid: false. phone 3.1.72 does not know these lengths, takes the first digit behind the country for a trunk prefix, removes it
# and says that the rest is valid: it is the number of nobody, or of somebody else. strictDetection: true refuses such a number.
# Numbers of Benin, ten digits since 2024, are refused either way. The numbers are the examples of libphonenumber's metadata, and
# google-libphonenumber, tried beside it, gives each as it is.
#
# Fails when one of them is read otherwise.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
echo '{ "private": true }' >package.json
npm install --ignore-scripts --no-audit --no-fund --no-package-lock --loglevel=error phone@3.1.72 google-libphonenumber@3.2.47 >/dev/null
cat >probe.cjs <<'JS'
const { PhoneNumberFormat, PhoneNumberType, PhoneNumberUtil } = require('google-libphonenumber')
const { phone } = require('phone')
const util = PhoneNumberUtil.getInstance()
for (const region of ['US', 'GA', 'LR', 'AR', 'BJ']) {
  const example = util.getExampleNumberForType(region, PhoneNumberType.MOBILE)
  const number = util.format(example, PhoneNumberFormat.E164)
  const google = util.parse(number)
  const shown = util.isValidNumber(google) ? util.format(google, PhoneNumberFormat.E164) : 'refused'
  const said = [{}, { strictDetection: true }].map((options) => phone(number, options)).map(({ isValid, phoneNumber }) => (isValid ? phoneNumber : 'refused'))
  console.log(`${region} ${number}: google-libphonenumber ${shown}, phone ${said[0]}, strict ${said[1]}`)
}
JS
came=$(node probe.cjs)
expected='US +12015550123: google-libphonenumber +12015550123, phone +12015550123, strict +12015550123
GA +24106031234: google-libphonenumber +24106031234, phone +2416031234, strict refused
LR +231770123456: google-libphonenumber +231770123456, phone +23170123456, strict refused
AR +5491123456789: google-libphonenumber +5491123456789, phone +541123456789, strict refused
BJ +2290195123456: google-libphonenumber +2290195123456, phone refused, strict refused'
printf 'phone 3.1.72, google-libphonenumber 3.2.47\n%s\n' "$came"
[ "$came" = "$expected" ] || { printf 'expected\n%s\n' "$expected"; exit 1; }
