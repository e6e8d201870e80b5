#!/usr/bin/env bash
# Kamailio: milliseconds that its script computes are another number, and nothing says so.
#
# Events want the time in milliseconds, and the script has seconds: $TS * 1000. Expected: the product, or an error. Numbers of the
# script have 32 bits: 1795435200 * 1000 is 138870272, a moment of January 1970, and 2147483647 + 1 is below zero, both without a
# line in the log. Of the text "1795435200123" the transformation {s.int} makes nothing. jansson_get gives 1795435200123 out of JSON as
# text, with every digit: so a time in milliseconds can be passed on, not computed. $TV(Sn), seconds with a fraction, is text too.
#
# Fails when the script computes it. Uses Debian 12's packages, unpacked and not installed; Kamailio listens on 127.0.0.1.
set -euo pipefail
folder=$(mktemp -d)
kamailio=
trap '[ -z "$kamailio" ] || kill "$kamailio" 2>/dev/null || true; rm -rf "$folder"' EXIT
chmod 755 "$folder"
cd "$folder"
apt-get download --quiet kamailio=5.6.3-2 kamailio-json-modules=5.6.3-2 kamailio-extra-modules=5.6.3-2 libjansson4=2.14-2 \
  >/dev/null 2>&1
for package in *.deb; do dpkg-deb --extract "$package" root; done
modules=$(dirname "$(find "$folder/root" -name pv.so | head -1)")
libraries=$(dirname "$(find "$folder/root" -name 'libjansson.so.4*' | head -1)")
port=$(python3 -c 'import socket; s = socket.socket(type=socket.SOCK_DGRAM); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')

cat >kamailio.cfg <<CFG
debug=0
log_stderror=yes
children=1
disable_tcp=yes
listen=udp:127.0.0.1:$port
mpath="$modules"
loadmodule "pv.so"
loadmodule "xlog.so"
loadmodule "rtimer.so"
loadmodule "jansson.so"
modparam("rtimer", "timer", "name=each_second;interval=1;mode=1;")
modparam("rtimer", "exec", "timer=each_second;route=COMPUTE")
route[COMPUTE] {
  \$var(product) = 1795435200 * 1000;
  \$var(sum) = 2147483647;
  \$var(sum) = \$var(sum) + 1;
  \$var(text) = "1795435200123";
  \$var(json) = '{"at":1795435200123}';
  jansson_get("at", "\$var(json)", "\$var(read)");
  xlog("L_ALERT", "CAME 1795435200 * 1000 = \$var(product)\n");
  xlog("L_ALERT", "CAME 2147483647 + 1 = \$var(sum)\n");
  xlog("L_ALERT", "CAME {s.int} = '\$(var(text){s.int})'\n");
  xlog("L_ALERT", "CAME jansson_get = \$var(read)\n");
}
request_route { exit; }
CFG
LD_LIBRARY_PATH=$libraries "$folder/root/usr/sbin/kamailio" -f kamailio.cfg -DD -E -m 64 -w "$folder" -Y "$folder" >/dev/null 2>log &
kamailio=$!
for _ in $(seq 50); do grep -q 'CAME jansson' log && break; sleep 0.2; done
came=$(sed -n 's/.*CAME //p' log | head -4)
expected="1795435200 * 1000 = 138870272
2147483647 + 1 = -2147483648
{s.int} = ''
jansson_get = 1795435200123"
"$folder/root/usr/sbin/kamailio" -v | head -1
printf '%s\n' "$came"
[ "$came" = "$expected" ] || { printf 'expected\n%s\n' "$expected"; tail -5 log; exit 1; }
