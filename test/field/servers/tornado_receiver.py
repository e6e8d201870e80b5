"""python tornado_receiver.py PORT CERT KEY"""

import asyncio
import ssl
import sys

import tornado.httpserver
import tornado.web

port, cert, key = sys.argv[1:]


class Receiver(tornado.web.RequestHandler):
    def post(self, path):
        if path == "early":
            self.set_status(403)
        if path == "latin":
            self.set_header("content-type", "text/plain; charset=iso-8859-1")
        self.finish("Zoë".encode("latin1") if path == "latin" else "ok")


async def main():
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(cert, key)
    server = tornado.httpserver.HTTPServer(
        tornado.web.Application([("/(.*)", Receiver)]),
        ssl_options=context,
        max_body_size=100_000,
        idle_connection_timeout=0.2,
    )
    server.listen(int(port), "127.0.0.1")
    await asyncio.Event().wait()


asyncio.run(main())
