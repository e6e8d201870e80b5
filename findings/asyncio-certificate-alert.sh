#!/bin/sh
# A server on Python's asyncio that wants a client certificate over TLS 1.3 closes the connection without the alert
# "certificate required" when the client has none. A server on Python's blocking sockets sends it, as OpenSSL, Go and Node do.
# Expected: the alert, from which a client can tell why.
#
# Needs python3 with venv, and openssl. Prints the versions and what a client saw of each; fails when that changes.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/python"
"$folder/python/bin/pip" install --quiet --disable-pip-version-check aiohttp==3.14.5
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost \
  -keyout "$folder/key.pem" -out "$folder/cert.pem" 2>/dev/null
cat > "$folder/probe.py" <<'PYTHON'
import asyncio
import pathlib
import socket
import ssl
import sys
import threading

import aiohttp
from aiohttp import web

folder = pathlib.Path(sys.argv[1])
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.minimum_version = ssl.TLSVersion.TLSv1_3
context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
context.load_verify_locations(folder / "cert.pem")
context.verify_mode = ssl.CERT_REQUIRED


def ask(port):
    client = ssl.create_default_context(cafile=folder / "cert.pem")
    client.check_hostname = False
    try:
        with client.wrap_socket(socket.create_connection(("127.0.0.1", port))) as connection:
            connection.settimeout(5)
            return "an answer" if connection.recv(1) else "closed without an alert"
    except ssl.SSLError as error:
        return "closed without an alert" if "EOF" in str(error) else f"alert: {error.reason}"
    except ConnectionResetError:
        return "closed without an alert"


def blocking():
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        try:
            context.wrap_socket(listener.accept()[0], server_side=True)
        except ssl.SSLError:
            pass

    threading.Thread(target=serve, daemon=True).start()
    return ask(listener.getsockname()[1])


async def asynchronous():
    runner = web.AppRunner(web.Application())
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
    await site.start()
    port = site._server.sockets[0].getsockname()[1]
    seen = await asyncio.to_thread(ask, port)
    await runner.cleanup()
    return seen


seen = {"blocking": blocking(), "asyncio": asyncio.run(asynchronous())}
print(f"Python {sys.version.split()[0]}, aiohttp {aiohttp.__version__}, {ssl.OPENSSL_VERSION}: {seen}")
if seen["asyncio"] != "closed without an alert" or "CERTIFICATE_REQUIRED" not in seen["blocking"].upper():
    raise SystemExit("expected an alert from the blocking server, and none from asyncio")
PYTHON
"$folder/python/bin/python" "$folder/probe.py" "$folder"
