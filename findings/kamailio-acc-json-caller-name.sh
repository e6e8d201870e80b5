#!/usr/bin/env bash
# Kamailio acc_json: a caller name that is not UTF-8 is published as the name NON-UTF8.
#
# Telephones and gateways with an old character set send names in Latin-1. acc_json writes what acc_extra asks for, such as
# $fn, the name of the caller. Expected of bytes that JSON cannot hold: null, or no member, or the letters mended. It writes the
# text NON-UTF8, as valid as any name: agents see a call from "NON-UTF8", and a search by name finds them all. The number beside
# it is right. A name in UTF-8 keeps the quotation marks that SIP has around it: "\"Zoë\"".
#
# Fails when it writes something else. Uses Debian 12's packages, unpacked and not installed; Kamailio listens on 127.0.0.1.
set -euo pipefail
folder=$(mktemp -d)
kamailio=
trap '[ -z "$kamailio" ] || kill "$kamailio" 2>/dev/null || true; rm -rf "$folder"' EXIT
chmod 755 "$folder"
cd "$folder"
apt-get download --quiet kamailio=5.6.3-2 kamailio-json-modules=5.6.3-2 kamailio-extra-modules=5.6.3-2 libjansson4=2.14-2 >/dev/null 2>&1
for package in *.deb; do dpkg-deb --extract "$package" root; done
modules=$(dirname "$(find "$folder/root" -name tm.so | head -1)")
libraries=$(dirname "$(find "$folder/root" -name 'libjansson.so.4*' | head -1)")
port=$(python3 -c 'import socket; s = socket.socket(type=socket.SOCK_DGRAM); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')

cat >kamailio.cfg <<CFG
debug=0
log_stderror=yes
children=1
disable_tcp=yes
listen=udp:127.0.0.1:$port
mpath="$modules"
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "pv.so"
loadmodule "xlog.so"
loadmodule "mqueue.so"
loadmodule "rtimer.so"
loadmodule "acc.so"
loadmodule "acc_json.so"
modparam("mqueue", "mqueue", "name=records")
modparam("rtimer", "timer", "name=each_second;interval=1;mode=1;")
modparam("rtimer", "exec", "timer=each_second;route=PRINT")
modparam("acc", "log_missed_flag", 2)
modparam("acc", "failed_transaction_flag", 3)
modparam("acc", "log_level", 3)
modparam("acc_json", "acc_flag", 1)
modparam("acc_json", "acc_output_mqueue", "records")
modparam("acc_json", "acc_extra", "caller=\$fU;name=\$fn")
route[PRINT] {
  while (mq_fetch("records")) { xlog("L_ALERT", "RECORD \$mqv(records)\n"); }
}
request_route {
  if (method == "INVITE") { setflag(1); setflag(3); t_newtran(); t_reply("486", "Busy Here"); }
}
CFG
LD_LIBRARY_PATH=$libraries "$folder/root/usr/sbin/kamailio" -f kamailio.cfg -DD -E -m 64 -w "$folder" -Y "$folder" >/dev/null 2>log &
kamailio=$!
cat >call.py <<'PYTHON'
import socket
import sys
import time

port = int(sys.argv[1])
caller = socket.socket(type=socket.SOCK_DGRAM)
caller.bind(("127.0.0.1", 0))
caller.settimeout(1)
own = caller.getsockname()[1]
for at, name in enumerate((b'"Zo\xc3\xab"', b'"Zo\xeb"')):
    invite = b"\r\n".join((
        b"INVITE sip:1001@127.0.0.1:%d SIP/2.0" % port,
        b"Via: SIP/2.0/UDP 127.0.0.1:%d;branch=z9hG4bK%d" % (own, at),
        b"Max-Forwards: 70",
        b"From: %s <sip:+14155550132@127.0.0.1>;tag=%d" % (name, at),
        b"To: <sip:1001@127.0.0.1>",
        b"Call-ID: call-%d" % at,
        b"CSeq: 1 INVITE",
        b"Content-Length: 0",
        b"",
        b"",
    ))
    for attempt in range(20):
        try:
            caller.sendto(invite, ("127.0.0.1", port))
            while not caller.recv(65536).startswith(b"SIP/2.0 486"):
                pass
            break
        except (TimeoutError, ConnectionRefusedError):
            time.sleep(0.2)
PYTHON
python3 call.py "$port"
for _ in $(seq 50); do [ "$(grep -c RECORD log || true)" -ge 2 ] && break; sleep 0.2; done
came=$(sed -n 's/.*RECORD {.*\("caller".*\)}/\1/p' log)
expected='"caller": "+14155550132", "name": "\"Zo\u00EB\""
"caller": "+14155550132", "name": "NON-UTF8"'
"$folder/root/usr/sbin/kamailio" -v | head -1
printf '%s\n' "$came"
[ "$came" = "$expected" ] || { printf 'expected\n%s\n' "$expected"; tail -5 log; exit 1; }
