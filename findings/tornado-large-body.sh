#!/bin/sh
# Tornado answers a body above max_body_size with 400, not 413, so a sender cannot tell a limit from a request that is wrong.
# It closes while the rest of the body is coming, and a client that is still writing may see a reset instead of the 400.
# Expected: 413 (RFC 9110 §15.5.14), as nginx, Bun, aiohttp and cheroot answer.
#
# Needs python3 with venv. Prints the version and what 20 clients saw; fails when that changes.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/python"
"$folder/python/bin/pip" install --quiet --disable-pip-version-check tornado==6.6.1
cat > "$folder/probe.py" <<'PYTHON'
import asyncio
import collections
import http.client
import logging

import tornado
import tornado.httpserver
import tornado.web

logging.disable()


class Receiver(tornado.web.RequestHandler):
    def post(self):
        self.finish("ok")


def post(port):
    connection = http.client.HTTPConnection("127.0.0.1", port)
    try:
        connection.request("POST", "/", b"x" * 262_144, {"Content-Type": "application/octet-stream"})
        return connection.getresponse().status
    except OSError:
        return "connection reset"
    finally:
        connection.close()


async def main():
    app = tornado.web.Application([("/", Receiver)])
    server = tornado.httpserver.HTTPServer(app, max_body_size=100_000)
    sockets = tornado.netutil.bind_sockets(0, "127.0.0.1")
    server.add_sockets(sockets)
    port = sockets[0].getsockname()[1]
    seen = collections.Counter([await asyncio.to_thread(post, port) for _ in range(20)])
    print(f"Tornado {tornado.version}: {dict(seen)}")
    if set(seen) - {400, "connection reset"} or 413 in seen:
        raise SystemExit("expected 400 or a reset, and never 413")


asyncio.run(main())
PYTHON
"$folder/python/bin/python" "$folder/probe.py"
