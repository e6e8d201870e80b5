#!/usr/bin/env bash
# webhook (adnanh/webhook, the "webhook" of Debian): it answers 200 for a large event whose command never starts.
#
# Recipes hand the payload to the command as an argument (entire-payload, raw-request-body). Linux takes at most 131,071 bytes
# in one argument, so that from 131,072 on the command cannot be started: "argument list too long" in its log, and 200 with an
# empty body to the sender, who takes the event for delivered. Small events work, so that nobody notices. The same hook with
# "include-command-output-in-response": true waits for the command, and answers 500.
# Expected: no success for what cannot be started, or the limit in its documentation.
#
# Fails when the answer to either changes. Uses Debian 12's package, unpacked and not installed.
set -euo pipefail
folder=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server"; rm -rf "$folder"' EXIT
chmod 755 "$folder"
cd "$folder"
apt-get download --quiet webhook=2.8.0-4+b6 >/dev/null 2>&1
dpkg-deb --extract webhook_*.deb root
printf '#!/bin/sh\necho "$2 ${#1}" >>%s/taken\n' "$folder" >take.sh
chmod +x take.sh
hook() { # ID MORE
  printf '{"id":"%s","execute-command":"%s/take.sh","pass-arguments-to-command":[{"source":"raw-request-body"},{"source":"string","name":"%s"}]%s}' \
    "$1" "$folder" "$1" "$2"
}
echo "[$(hook plain ''),$(hook waits ',"include-command-output-in-response":true')]" >hooks.json
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
root/usr/bin/webhook -hooks hooks.json -ip 127.0.0.1 -port "$port" -verbose >log 2>&1 &
server=$!
for _ in $(seq 100); do curl --silent --output /dev/null "http://127.0.0.1:$port/" && break || sleep 0.1; done

{
  root/usr/bin/webhook -version
  for size in 131071 131072 262144; do
    printf '{"text":"%s"}' "$(head -c $((size - 11)) /dev/zero | tr '\0' x)" >body.json
    for id in plain waits; do
      printf '%s, %s bytes: ' "$id" "$size"
      curl --silent --output /dev/null --write-out '%{http_code}\n' --header 'Content-Type: application/json' \
        --data-binary @body.json "http://127.0.0.1:$port/hooks/$id"
    done
  done
  for _ in $(seq 50); do [ "$(wc -l <taken)" = 2 ] && [ "$(grep -c 'argument list too long' log)" = 4 ] && break || sleep 0.1; done
  echo 'commands that ran:'
  sort taken
} | tee seen

diff seen - <<'SEEN'
webhook version 2.8.0
plain, 131071 bytes: 200
waits, 131071 bytes: 200
plain, 131072 bytes: 200
waits, 131072 bytes: 500
plain, 262144 bytes: 200
waits, 262144 bytes: 500
commands that ran:
plain 131071
waits 131071
SEEN
echo "webhook 2.8.0: as described."
