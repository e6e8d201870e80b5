#!/usr/bin/env bash
# Granian: a stop, as at each deployment, ends background tasks of answered requests in the middle.
#
# Receivers of webhooks answer 204 soon and do the work afterwards, in a BackgroundTask of FastAPI and Starlette. No sender
# comes again after a 204. Expected: a server that is told to stop (SIGTERM) waits for them, as uvicorn and Hypercorn do, since for
# them the request is not over. Granian waits for requests whose answer is still due, and for nothing after the answer: the
# process ends with code 0, no log line names the task, and its work is never done.
# What helps: a queue that outlives the process; or another server. What is awaited at the end of the lifespan is done everywhere: Quart's
# add_background_task is.
#
# Needs python3 with venv. Fails when one of them does otherwise. Nothing leaves the machine but the installation.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv python
python/bin/pip install --quiet --disable-pip-version-check fastapi==0.165.0 starlette==1.10.0 uvicorn==0.54.0 hypercorn==0.18.0 granian==2.8.9

cat >receiver.py <<'PYTHON'
import asyncio
import os

from fastapi import BackgroundTasks, FastAPI

app = FastAPI()


def note(what):
    with open(os.environ["NOTES"], "a") as file:
        file.write(what + "\n")


async def work():
    note("begun")
    await asyncio.sleep(1)
    note("done")


@app.post("/after", status_code=204)
async def after(tasks: BackgroundTasks):
    tasks.add_task(work)


@app.post("/before", status_code=204)
async def before():
    await work()
PYTHON
cat >probe.py <<'PYTHON'
import importlib.metadata
import os
import socket
import subprocess
import sys
import time

REQUEST = "POST /{} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


def wait_for(condition, seconds):
    until = time.monotonic() + seconds
    while not (met := condition()) and time.monotonic() < until:
        time.sleep(0.05)
    return met


def probe(name, options, path):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    notes = os.path.abspath(f"notes-{name}-{path}")
    open(notes, "w").close()

    def connect():
        try:
            return socket.create_connection(("127.0.0.1", port), 10)
        except OSError:
            return None

    command = [f"python/bin/{name}", *(part.format(port) for part in options), "receiver:app"]
    server = subprocess.Popen(command, env={**os.environ, "NOTES": notes, "PYTHONPATH": "."}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        connection = wait_for(connect, 60)
        connection.sendall(REQUEST.format(path).encode())
        if path == "before":
            wait_for(lambda: open(notes).read(), 30)
            server.terminate()
        status = connection.recv(1000).split(b" ")[1].decode()
        wait_for(lambda: open(notes).read(), 30)
        server.terminate()
        server.wait(20)
        order = "work, then the answer" if path == "before" else "the answer, then work"
        print(f"{name} {importlib.metadata.version(name)}, {order}: {status}, {' and '.join(open(notes).read().split())}", flush=True)
    finally:
        server.kill()


for name, options in {
    "uvicorn": ["--port", "{}"],
    "hypercorn": ["--bind", "127.0.0.1:{}"],
    "granian": ["--interface", "asgi", "--port", "{}"],
}.items():
    for path in ["before", "after"]:
        probe(name, options, path)
PYTHON
python/bin/python probe.py | tee seen
diff seen - <<'SEEN'
uvicorn 0.54.0, work, then the answer: 204, begun and done
uvicorn 0.54.0, the answer, then work: 204, begun and done
hypercorn 0.18.0, work, then the answer: 204, begun and done
hypercorn 0.18.0, the answer, then work: 204, begun and done
granian 2.8.9, work, then the answer: 204, begun and done
granian 2.8.9, the answer, then work: 204, begun
SEEN
echo "as described."
