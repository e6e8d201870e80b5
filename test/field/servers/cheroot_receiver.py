"""python cheroot_receiver.py PORT CERT KEY"""

import sys

from cheroot import wsgi
from cheroot.ssl.builtin import BuiltinSSLAdapter

port, cert, key = sys.argv[1:]


def receive(environ, start):
    def reply(status, body, content_type="text/plain"):
        start(status, [("Content-Type", content_type), ("Content-Length", str(len(body)))])
        return [body]

    if environ["PATH_INFO"] == "/early":
        return reply("403 Forbidden", b"no")
    environ["wsgi.input"].read()
    if environ["PATH_INFO"] == "/latin":
        return reply("200 OK", "Zoë".encode("latin1"), "text/plain; charset=iso-8859-1")
    return reply("200 OK", b"ok")


server = wsgi.Server(("127.0.0.1", int(port)), receive, timeout=1)
server.max_request_body_size = 100_000
server.ssl_adapter = BuiltinSSLAdapter(cert, key)
server.safe_start()
