#!/usr/bin/env bash
# Prints signature vectors as JSON: requests as the gateway sends them and requests that must be refused, every signature
# made with the openssl command and nothing of ours.
#
#   bash make-vectors.sh [unix seconds of the attempt]
#
# vectors.json is what it prints for the default time. Receivers that look at the clock are sent what it prints for now.
# `sivo` and `standard` name the secrets whose holder accepts the request under each scheme.
set -euo pipefail

AT=${1:-1793534400}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

secret_of() { printf 'whsec_%s' "$(printf '%s' "sivo $1 secret" | openssl dgst -sha256 -binary | openssl base64 -A)"; }
to_hex() { od -An -v -tx1 | tr -d ' \n'; }
CURRENT=$(secret_of current) COMING=$(secret_of coming) OTHER=$(secret_of other)

# sivo SECRET FILE: the hex HMAC of the file, keyed with the whole text of the secret.
sivo() {
  openssl dgst -sha256 -mac HMAC -macopt "hexkey:$(printf '%s' "$1" | to_hex)" -r "$2" | cut -d ' ' -f 1
}
# standard SECRET ID TIME FILE: the base64 HMAC of id.time.body, keyed with the decoded secret.
standard() {
  local key
  key=$(printf '%s' "${1#whsec_}" | openssl base64 -d -A | to_hex)
  { printf '%s.%s.' "$2" "$3"; cat "$4"; } | openssl dgst -sha256 -mac HMAC -macopt "hexkey:$key" -binary | openssl base64 -A
}

envelope() { # ID DATA
  printf '{"id":"%s","type":"call.ended","api_version":"2026-11-01","timestamp":"2026-11-01T12:00:00.000Z","tenant_id":"ten_01h455vb4pex5vsknk084sn02q","test":false,"subject":"call_1","sequence":12,"data":%s}' "$1" "$2"
}
ID=evt_01h455vb4pex5vsknk084sn02q

envelope $ID '{"call_id":"call_1","duration_seconds":42,"mean":0.1,"far":1e+21}' >"$work/ascii"
envelope $ID '{"call_id":"call_1","note":"Zoë said “no” to 東京 🎉 — <b>&amp;</b> a/b \"q\" \\ \u0007 '$'\u2028''"}' >"$work/other"
# 262,144 bytes, most of them in characters of two bytes, so that a server reads some of them in halves.
START=$(envelope $ID '{"call_id":"call_1","note":"') START=${START%\}}
printf '%s' "$START" >"$work/large"
FILL=$(((262144 - $(wc -c <"$work/large") - 4) / 2))
printf 'é%.0s' $(seq $FILL) >>"$work/large"
END='"}}'
while [ $(($(wc -c <"$work/large") + ${#END})) -lt 262144 ]; do END=".$END"; done
printf '%s' "$END" >>"$work/large"

json() { # a text of ours as a JSON string; it holds no control characters but those below
  sed -e 's/\\/\\\\/g' -e 's/"/\\"/g' "$1" | tr -d '\n'
}
body() { # FILE
  if [ "$1" = large ]; then
    printf '{ "start": "%s", "repeat": "é", "count": %d, "end": "%s" }' \
      "$(printf '%s' "$START" >"$work/start"; json "$work/start")" "$FILL" "$(printf '%s' "$END" >"$work/end"; json "$work/end")"
  else
    printf '{ "text": "%s" }' "$(json "$work/$1")"
  fi
}

first=1
# vector NAME BODY-FILE SIVO STANDARD HEADER...
vector() {
  local name=$1 file=$2 by_sivo=$3 by_standard=$4 separator=''
  shift 4
  [ $first = 1 ] || printf ',\n'
  first=0
  printf '    {\n      "name": "%s",\n      "sivo": [%s],\n      "standard": [%s],\n      "body": %s,\n      "headers": {' \
    "$name" "$by_sivo" "$by_standard" "$(body "$file")"
  while [ $# -gt 0 ]; do
    printf '%s\n        "%s": "%s"' "$separator" "$1" "$2"
    separator=,
    shift 2
  done
  printf '\n      }\n    }'
}
# What every request carries beside its signatures.
AROUND=(X-Sivo-Event-Id $ID X-Sivo-Event-Type call.ended X-Sivo-Delivery-Id dlv_01h455vb4pex5vsknk084sn02q X-Sivo-Attempt 1)
TIMES=(X-Sivo-Timestamp "$AT" webhook-id $ID webhook-timestamp "$AT")

printf '{\n  "at": %s,\n  "secrets": { "current": "%s", "coming": "%s", "other": "%s" },\n  "vectors": [\n' "$AT" "$CURRENT" "$COMING" "$OTHER"

for file in ascii other large; do
  case $file in
    ascii) name='ASCII' ;;
    other) name='characters outside ASCII, escapes and HTML' ;;
    large) name='262,144 bytes' ;;
  esac
  current=$(sivo "$CURRENT" "$work/$file") coming=$(sivo "$COMING" "$work/$file")
  current_v1=$(standard "$CURRENT" $ID "$AT" "$work/$file") coming_v1=$(standard "$COMING" $ID "$AT" "$work/$file")
  vector "$name" $file '"current"' '"current"' "${AROUND[@]}" "${TIMES[@]}" \
    X-Sivo-Signature "sha256=$current" webhook-signature "v1,$current_v1"
  vector "$name, during a rotation" $file '"current", "coming"' '"current", "coming"' "${AROUND[@]}" "${TIMES[@]}" \
    X-Sivo-Signature "sha256=$current" X-Sivo-Signature-Next "sha256=$coming" webhook-signature "v1,$current_v1 v1,$coming_v1"
  vector "$name, after a rotation" $file '"coming"' '"coming"' "${AROUND[@]}" "${TIMES[@]}" \
    X-Sivo-Signature "sha256=$coming" webhook-signature "v1,$coming_v1"
done

current=$(sivo "$CURRENT" "$work/ascii") current_v1=$(standard "$CURRENT" $ID "$AT" "$work/ascii")
SIVO=(X-Sivo-Signature "sha256=$current")
vector 'refused: the body of another request' other '' '' "${AROUND[@]}" "${TIMES[@]}" "${SIVO[@]}" webhook-signature "v1,$current_v1"
vector 'refused: another secret' ascii '"other"' '"other"' "${AROUND[@]}" "${TIMES[@]}" \
  X-Sivo-Signature "sha256=$(sivo "$OTHER" "$work/ascii")" webhook-signature "v1,$(standard "$OTHER" $ID "$AT" "$work/ascii")"
vector 'refused: no signature' ascii '' '' "${AROUND[@]}" "${TIMES[@]}"
vector 'refused: empty signatures' ascii '' '' "${AROUND[@]}" "${TIMES[@]}" X-Sivo-Signature '' webhook-signature ''
vector 'refused: a signature that is cut' ascii '' '' "${AROUND[@]}" "${TIMES[@]}" \
  X-Sivo-Signature "sha256=${current:0:40}" webhook-signature "v1,${current_v1:0:20}"
vector 'refused: a signature without its scheme' ascii '' '' "${AROUND[@]}" "${TIMES[@]}" \
  X-Sivo-Signature "$current" webhook-signature "$current_v1"
vector 'refused: a signature that is no ASCII' ascii '' '' "${AROUND[@]}" "${TIMES[@]}" \
  X-Sivo-Signature "sha256=ÿ${current:1}" webhook-signature "v1,ÿ${current_v1:1}"
vector 'a recorded request with another time: only Standard Webhooks signs it' ascii '"current"' '' "${AROUND[@]}" \
  X-Sivo-Timestamp "$AT" webhook-id $ID webhook-timestamp $((AT - 1)) "${SIVO[@]}" webhook-signature "v1,$current_v1"
vector 'a recorded request with another id: only Standard Webhooks signs it' ascii '"current"' '' "${AROUND[@]}" \
  X-Sivo-Timestamp "$AT" webhook-id "${ID}x" webhook-timestamp "$AT" "${SIVO[@]}" webhook-signature "v1,$current_v1"
vector 'a recorded request an hour later' ascii '"current"' '' "${AROUND[@]}" \
  X-Sivo-Timestamp "$AT" webhook-id $ID webhook-timestamp $((AT - 3600)) "${SIVO[@]}" \
  webhook-signature "v1,$(standard "$CURRENT" $ID $((AT - 3600)) "$work/ascii")"
vector 'the Standard Webhooks headers alone' ascii '' '"current"' "${AROUND[@]}" \
  webhook-id $ID webhook-timestamp "$AT" webhook-signature "v1,$current_v1"
vector 'X-Sivo-Signature alone' ascii '"current"' '' "${AROUND[@]}" X-Sivo-Timestamp "$AT" "${SIVO[@]}"

printf '\n  ]\n}\n'
