#!/usr/bin/env bash
# PHP: with display_errors on, a script that throws answers 200.
#
# PHP sets 500 for an uncaught exception or a fatal error only while display_errors is off. On is what PHP does without a
# php.ini and what php.ini-development has: official container images come without a php.ini. The message goes into the
# body, the status stays 200, and a sender of webhooks takes the event for delivered, although the work was never done. The
# built-in server and CGI do the same. Frameworks that catch everything set 500 by themselves; a plain script needs
# ini_set('display_errors', '0'), or http_response_code(500) before the work and the success after it.
#
# Needs php, and php-cgi for the second half. Fails when a status changes. Seen with 8.2.36 of Debian 12.
set -euo pipefail
folder=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server"; rm -rf "$folder"' EXIT
cd "$folder"
echo '<?php throw new RuntimeException("the database is away");' >throws.php
echo '<?php set_work_aside();' >fatal.php
echo '<?php ini_set("display_errors", "0"); throw new RuntimeException("the database is away");' >off.php
echo '<?php http_response_code(500); throw new RuntimeException("the database is away"); http_response_code(204);' >first.php
SCRIPTS='throws fatal off first'

port=$(php -r '$s = stream_socket_server("tcp://127.0.0.1:0"); echo explode(":", stream_socket_get_name($s, false))[1];')
built_in() { # SETTING...
  php -n "$@" -S "127.0.0.1:$port" -t . >/dev/null 2>&1 &
  server=$!
  for _ in $(seq 100); do curl --silent --output /dev/null "http://127.0.0.1:$port/nothing" && break || sleep 0.05; done
  for script in $SCRIPTS; do
    curl --silent --output /dev/null --write-out "$script %{http_code}\n" --data '{}' "http://127.0.0.1:$port/$script.php"
  done
  kill "$server"
  wait "$server" 2>/dev/null || true
  server=
}
by_cgi() {
  for script in $SCRIPTS; do
    # Without a line "Status:" the status is 200.
    status=$(REDIRECT_STATUS=1 REQUEST_METHOD=POST SCRIPT_FILENAME="$folder/$script.php" php-cgi -n | sed -n 's/^Status: \([0-9]*\).*/\1/p')
    echo "$script ${status:-200}"
  done
}
php -n -r 'echo "PHP ", PHP_VERSION, "\n";'
expect() { # NAME SEEN EXPECTED
  printf '%s:\n%s\n' "$1" "$2"
  [ "$2" = "$3" ] || { printf 'expected:\n%s\n' "$3"; exit 1; }
}
shown=$'throws 200\nfatal 200\noff 500\nfirst 500'
expect 'no php.ini' "$(built_in)" "$shown"
expect 'display_errors=0' "$(built_in -d display_errors=0)" $'throws 500\nfatal 500\noff 500\nfirst 500'
if command -v php-cgi >/dev/null; then expect 'no php.ini, CGI' "$(by_cgi)" "$shown"; fi
