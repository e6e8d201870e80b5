"""An ASGI application, for Granian and Hypercorn."""


async def app(scope, receive, send):
    if scope["type"] != "http":
        return

    async def reply(status, body, content_type=b"text/plain"):
        headers = [(b"content-type", content_type), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    if scope["path"] == "/early":
        return await reply(403, b"no")
    while (await receive()).get("more_body"):
        pass
    if scope["path"] == "/latin":
        return await reply(200, "Zoë".encode("latin1"), b"text/plain; charset=iso-8859-1")
    await reply(200, b"ok")
