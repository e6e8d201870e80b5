#!/usr/bin/env bash
# Kamailio acc: the call data record of a call that nobody answered ends when it began.
#
# The module writes a record for each dialog, with start_time, end_time and duration. Expected of a call that rang three
# seconds and was then refused: three seconds. Its end_time is the time of the INVITE and its duration 0, however long it rang,
# so that time to answer, time to give up and the order of calls are wrong for the calls that were lost. $TV(Sn) in cdr_extra is
# the time at which the record is written: the real end.
#
# Fails when the record has the length. Uses Debian 12's packages, unpacked and not installed; Kamailio listens on 127.0.0.1.
set -euo pipefail
folder=$(mktemp -d)
kamailio=
trap '[ -z "$kamailio" ] || kill "$kamailio" 2>/dev/null || true; rm -rf "$folder"' EXIT
chmod 755 "$folder"
cd "$folder"
apt-get download --quiet kamailio=5.6.3-2 kamailio-json-modules=5.6.3-2 kamailio-extra-modules=5.6.3-2 libjansson4=2.14-2 \
  >/dev/null 2>&1
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
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "xlog.so"
loadmodule "cfgutils.so"
loadmodule "dialog.so"
loadmodule "mqueue.so"
loadmodule "rtimer.so"
loadmodule "acc.so"
loadmodule "acc_json.so"
modparam("rr", "append_fromtag", 1)
modparam("mqueue", "mqueue", "name=records")
modparam("rtimer", "timer", "name=each_second;interval=1;mode=1;")
modparam("rtimer", "exec", "timer=each_second;route=PRINT")
modparam("acc", "cdr_enable", 1)
modparam("acc", "cdr_log_enable", 0)
modparam("acc_json", "cdr_enable", 1)
modparam("acc_json", "cdr_output_mqueue", "records")
modparam("acc_json", "cdr_extra", "written=\$TV(Sn)")
route[PRINT] {
  while (mq_fetch("records")) { xlog("L_ALERT", "RECORD \$mqv(records)\n"); }
}
request_route {
  if (method != "INVITE") exit;
  dlg_manage();
  t_newtran();
  t_reply("180", "Ringing");
  sleep("3");
  t_reply("486", "Busy Here");
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
invite = (
    f"INVITE sip:1001@127.0.0.1:{port} SIP/2.0\r\n"
    f"Via: SIP/2.0/UDP 127.0.0.1:{caller.getsockname()[1]};branch=z9hG4bK1\r\n"
    "Max-Forwards: 70\r\nFrom: <sip:+14155550132@127.0.0.1>;tag=1\r\nTo: <sip:1001@127.0.0.1>\r\n"
    "Call-ID: call-1\r\nCSeq: 1 INVITE\r\nContact: <sip:a@127.0.0.1>\r\nContent-Length: 0\r\n\r\n"
)
for attempt in range(20):
    try:
        caller.sendto(invite.encode(), ("127.0.0.1", port))
        caller.recv(65536)
        break
    except (TimeoutError, ConnectionRefusedError):
        time.sleep(0.2)
PYTHON
python3 call.py "$port"
for _ in $(seq 50); do grep -q RECORD log && break; sleep 0.2; done
"$folder/root/usr/sbin/kamailio" -v | head -1
sed -n 's/.*RECORD //p' log | python3 -c '
import json, sys
record = json.loads(sys.stdin.read())
rang = float(record["written"]) - float(record["start_time"])
print("the call took", round(rang), "seconds; the record says", record["duration"])
sys.exit(round(rang) != 3 or record["duration"] != "0" or record["end_time"] != record["start_time"])
' || { tail -5 log; exit 1; }
