#!/usr/bin/env bash
# JsSIP: a Reason header with two reasons is read as if there were none.
#
# A BYE or CANCEL says why a call ended in its Reason header (RFC 3326): a list, in which a gateway to the telephone network
# puts the Q.850 cause beside the SIP status, `SIP;cause=486;text="Busy Here", Q.850;cause=17`. The same two reasons may stand
# in two header lines. Expected: two reasons, or at least the first. The grammar takes one reason alone: it answers -1 for the
# list, parseHeader gives undefined, and whoever publishes the cause of a call has none. In two lines each one is read.
#
# Fails when the list is read.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
echo '{ "private": true, "type": "module" }' >package.json
npm install --ignore-scripts --no-audit --no-fund --no-package-lock --loglevel=error jssip@3.13.8 >/dev/null

cat >probe.mjs <<'JS'
import JsSIP from 'jssip'

const two = ['SIP;cause=486;text="Busy Here"', 'Q.850;cause=17;text="User busy"']
const read = (text) => {
  const reason = JsSIP.Grammar.parse(text, 'Reason')
  return reason === -1 ? 'nothing' : `${reason.protocol} ${reason.cause}`
}
console.log(`SIP alone: ${read(two[0])}`)
console.log(`Q.850 alone: ${read(two[1])}`)
console.log(`a list of both: ${read(two.join(', '))}`)
JS
came=$(node probe.mjs)
expected='SIP alone: sip 486
Q.850 alone: q.850 17
a list of both: nothing'
printf 'JsSIP %s\n%s\n' "$(node -p 'require("./node_modules/jssip/package.json").version')" "$came"
[ "$came" = "$expected" ] || { printf 'expected\n%s\n' "$expected"; exit 1; }
