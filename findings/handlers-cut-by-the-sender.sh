#!/usr/bin/env bash
# Quart, Sanic, Django (async) and axum: when the sender has waited long enough, the handler is cut in the middle.
#
# A sender of webhooks ends an attempt after some seconds, closes the connection and comes again later. Expected of the handler
# that was too slow: it works on to its end, as in Node, Go, PHP and every threaded server, so that the retry is a duplicate.
# These four end it where it awaits: Quart and Django (whose page says so) and Sanic on its own server cancel the task, axum drops the
# future, as warp and Salvo do. FastAPI, Starlette, aiohttp and Rocket go on. So a receiver that notes the id of the event first and works
# then has noted an event that it never handled: the retry is answered with 200 and the work is not done by anybody.
# What helps: put the work into a queue; or note the id and do the work in one transaction; or give the work to a task of
# its own (asyncio.shield of a task that is kept, tokio::spawn).
#
# Needs python3 with venv, and cargo. Fails when one of them behaves otherwise. Nothing leaves the machine but the installation.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv python
python/bin/pip install --quiet --disable-pip-version-check uvicorn==0.54.0 quart==0.22.0 sanic==25.12.1 django==5.2.19 fastapi==0.165.0 \
  starlette==1.10.0 aiohttp==3.14.5

# Each handler claims the event's id, works for a second, and notes that it is done.
cat >receiver.py <<'PYTHON'
import asyncio
import os

seen = set()


def note(what):
    with open(os.environ["NOTES"], "a") as file:
        file.write(what + "\n")


async def handle(event):
    """The status of the answer."""
    if event in seen:
        return 200
    seen.add(event)
    note("claimed")
    await asyncio.sleep(1)
    note("worked")
    return 204
PYTHON
cat >quart_app.py <<'PYTHON'
from quart import Quart, request
from receiver import handle

app = Quart(__name__)


@app.post("/")
async def hook():
    await request.get_data()
    return "", await handle(request.headers["X-Event-Id"])
PYTHON
cat >django_app.py <<'PYTHON'
import django
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.http import HttpResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt
from receiver import handle

settings.configure(ALLOWED_HOSTS=["*"], ROOT_URLCONF=__name__, SECRET_KEY="only for this")
django.setup()


@csrf_exempt
async def hook(request):
    return HttpResponse(status=await handle(request.headers["X-Event-Id"]))


urlpatterns = [path("", hook)]
app = get_asgi_application()
PYTHON
cat >fastapi_app.py <<'PYTHON'
from fastapi import FastAPI, Request, Response
from receiver import handle

app = FastAPI()


@app.post("/")
async def hook(request: Request):
    await request.body()
    return Response(status_code=await handle(request.headers["X-Event-Id"]))
PYTHON
cat >sanic_app.py <<'PYTHON'
import sys

from receiver import handle
from sanic import Sanic, empty

app = Sanic("probe")


@app.post("/")
async def hook(request):
    return empty(status=await handle(request.headers["X-Event-Id"]))


if __name__ == "__main__":
    app.run(host="127.0.0.1", port=int(sys.argv[1]), single_process=True, access_log=False)
PYTHON
cat >aiohttp_app.py <<'PYTHON'
import sys

from aiohttp import web
from receiver import handle


async def hook(request):
    await request.read()
    return web.Response(status=await handle(request.headers["X-Event-Id"]))


app = web.Application()
app.add_routes([web.post("/", hook)])
web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), print=None)
PYTHON

mkdir -p axum/src
cat >axum/Cargo.toml <<'TOML'
[package]
name = "probe"
version = "0.1.0"
edition = "2024"

[dependencies]
axum = { version = "=0.8.9", default-features = false, features = ["http1", "tokio"] }
tokio = { version = "1", features = ["macros", "net", "rt", "time"] }

[profile.dev]
debug = false
TOML
cat >axum/src/main.rs <<'RUST'
use axum::{Router, http::{HeaderMap, StatusCode}, routing::post};
use std::{collections::HashSet, io::Write, sync::{LazyLock, Mutex}, time::Duration};

static SEEN: LazyLock<Mutex<HashSet<String>>> = LazyLock::new(Default::default);

fn note(what: &str) {
    let mut file = std::fs::OpenOptions::new().append(true).create(true).open(std::env::var("NOTES").unwrap()).unwrap();
    writeln!(file, "{what}").unwrap();
}

async fn hook(headers: HeaderMap) -> StatusCode {
    if !SEEN.lock().unwrap().insert(headers["x-event-id"].to_str().unwrap().to_owned()) {
        return StatusCode::OK;
    }
    note("claimed");
    tokio::time::sleep(Duration::from_secs(1)).await;
    note("worked");
    StatusCode::NO_CONTENT
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let address = format!("127.0.0.1:{}", std::env::args().nth(1).unwrap());
    let listener = tokio::net::TcpListener::bind(address).await.unwrap();
    axum::serve(listener, Router::new().route("/", post(hook))).await.unwrap();
}
RUST
cargo build --quiet --manifest-path axum/Cargo.toml

cat >probe.py <<'PYTHON'
import importlib.metadata
import os
import socket
import subprocess
import sys
import time

REQUEST = b"POST / HTTP/1.1\r\nHost: localhost\r\nX-Event-Id: evt_1\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"


def wait_for(condition, seconds):
    until = time.monotonic() + seconds
    while not (met := condition()) and time.monotonic() < until:
        time.sleep(0.05)
    return met


def probe(name, version, command):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    notes = os.path.abspath(f"notes-{name}")
    open(notes, "w").close()
    read = lambda: open(notes).read().split()

    def connect():
        try:
            return socket.create_connection(("127.0.0.1", int(port)), 5)
        except OSError:
            return None

    server = subprocess.Popen([*command, port], env={**os.environ, "NOTES": notes}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        first = wait_for(connect, 60)
        first.sendall(REQUEST)
        wait_for(lambda: "claimed" in read(), 30)
        first.close()  # The sender has waited long enough.
        wait_for(lambda: "worked" in read(), 5)
        second = connect()
        second.sendall(REQUEST)
        status = second.recv(1000).split(b" ")[1].decode()
        second.close()
        print(f"{name} {version}: the second attempt gets {status}, the work was done {read().count('worked')} times", flush=True)
    finally:
        server.kill()
        server.wait()


uvicorn = lambda app: [sys.executable, "-m", "uvicorn", "--log-level", "critical", f"{app}:app", "--port"]
for name, command in {
    "quart": uvicorn("quart_app"),
    "django": uvicorn("django_app"),
    "sanic": [sys.executable, "sanic_app.py"],
    "fastapi": uvicorn("fastapi_app"),
    "aiohttp": [sys.executable, "aiohttp_app.py"],
}.items():
    probe(name, importlib.metadata.version(name), command)
probe("axum", "0.8.9", ["axum/target/debug/probe"])
PYTHON
python/bin/python probe.py | tee seen
diff seen - <<'SEEN'
quart 0.22.0: the second attempt gets 200, the work was done 0 times
django 5.2.19: the second attempt gets 200, the work was done 0 times
sanic 25.12.1: the second attempt gets 200, the work was done 0 times
fastapi 0.165.0: the second attempt gets 200, the work was done 1 times
aiohttp 3.14.5: the second attempt gets 200, the work was done 1 times
axum 0.8.9: the second attempt gets 200, the work was done 0 times
SEEN
echo "as described."
