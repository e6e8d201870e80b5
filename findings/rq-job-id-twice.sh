#!/usr/bin/env bash
# RQ (Python): of two jobs with one id the first is never run and the second runs twice, at the same time.
#
# A receiver that answers soon and works later gives each job an id: that of the event, so that a repeated event is known, or that
# of the call. Expected of an id that is taken: an error, the second call ignored, or two jobs. enqueue() writes what the second
# is to do over the first, which still waits, and puts the id into the queue once more. So a repeated event is booked twice, by
# two workers at one moment, and of "ringing" and "ended" under the id of their call nobody does the first. No log line says so.
# unique=True raises DuplicateJobError instead.
#
# Needs python3 with venv. Fails when the first is run, or the second once. Uses Debian 12's Redis, unpacked and not installed,
# on 127.0.0.1.
set -euo pipefail
folder=$(mktemp -d)
trap '[ -z "${redis:-}" ] || kill "$redis" 2>/dev/null || true; rm -rf "$folder"' EXIT
cd "$folder"
apt-get download --quiet redis-tools=5:7.0.15-1~deb12u10 libjemalloc2 liblzf1 >/dev/null 2>&1
for package in *.deb; do dpkg-deb --extract "$package" root; done
# redis-server is a link to this program, in a package of its own.
ln -s "$(find "$folder/root" -name redis-check-rdb)" redis-server
LD_LIBRARY_PATH=$(dirname "$(find "$folder/root" -name 'liblzf.so.1' | head -1)") \
  ./redis-server --unixsocket "$folder/redis.sock" --port 0 --save '' >redis.log &
redis=$!
python3 -m venv python
python/bin/pip install --quiet --disable-pip-version-check rq==3.0.0 redis==7.1.0

cat >jobs.py <<'PYTHON'
import os
import time


def note(what):
    with open("done.txt", "a") as file:
        file.write(f"{what} {os.getpid()}\n")


def handle(event):
    """Goes on until two of its kind are at work at the same time, or for 30 s."""
    note(f"{event} begins")
    until = time.monotonic() + 30
    while time.monotonic() < until and open("done.txt").read().count(" begins ") < 2:
        time.sleep(0.05)
    note(f"{event} ends")
PYTHON
cat >probe.py <<'PYTHON'
import subprocess
import sys

import redis
import rq
from jobs import handle
from rq.exceptions import DuplicateJobError

socket = sys.argv[1]
connection = redis.Redis(unix_socket_path=socket)
queue = rq.Queue(connection=connection)
queue.enqueue(handle, "ringing", job_id="call_1")
queue.enqueue(handle, "ended", job_id="call_1")
print(f"RQ {rq.VERSION}: {len(queue)} jobs wait")
worker = [sys.executable, "-m", "rq.cli", "worker", "--burst", "--quiet", "--url", f"unix://{socket}"]
for process in [subprocess.Popen(worker) for _ in range(2)]:
    process.wait(timeout=90)
with open("done.txt") as file:
    lines = [line.split() for line in file]
for event, what, pid in lines:
    print(f"{event} {what} in process {pid}")

queue.enqueue(handle, "ringing", job_id="call_2", unique=True)
try:
    queue.enqueue(handle, "ended", job_id="call_2", unique=True)
    refusal = "none"
except DuplicateJobError as error:
    refusal = type(error).__name__
print(f"with unique=True: {refusal}")

if [(event, what) for event, what, _ in lines] != [("ended", "begins")] * 2 + [("ended", "ends")] * 2:
    raise SystemExit("expected 'ended' twice at the same time, and 'ringing' never")
if refusal != "DuplicateJobError":
    raise SystemExit("expected a refusal with unique=True")
PYTHON
for _ in $(seq 100); do [ -S redis.sock ] && break; sleep 0.1; done
python/bin/python probe.py "$folder/redis.sock"
