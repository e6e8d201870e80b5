"""python aiohttp_receiver.py PORT CERT KEY [certificate]: with the last argument it wants a client certificate."""

import ssl
import sys

from aiohttp import web

port, cert, key, *more = sys.argv[1:]


async def receive(request):
    if request.path == "/early":
        return web.Response(status=403, text="no")
    await request.read()
    if request.path == "/latin":
        return web.Response(body="Zoë".encode("latin1"), headers={"content-type": "text/plain; charset=iso-8859-1"})
    return web.Response(text="ok")


app = web.Application(client_max_size=100_000)
app.router.add_post("/{path:.*}", receive)
context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
context.load_cert_chain(cert, key)
if more:
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(cert)
web.run_app(app, host="127.0.0.1", port=int(port), ssl_context=context, keepalive_timeout=0.2, print=None)
