"""Asks the gateway with gql over each of its transports, and prints one line of JSON for each."""

import asyncio
import json
import sys

from gql import Client, gql
from gql.transport.aiohttp import AIOHTTPTransport
from gql.transport.aiohttp_websockets import AIOHTTPWebsocketsTransport
from gql.transport.httpx import HTTPXTransport
from gql.transport.requests import RequestsHTTPTransport
from gql.transport.websockets import WebsocketsTransport

url, key = sys.argv[1], sys.argv[2]
http, ws = f"{url}/graphql", f"{url.replace('http', 'ws')}/graphql"
bearer = {"authorization": f"Bearer {key}"}

QUERY = gql("{ viewer { role } }")
WATCH = gql("subscription { deliveryUpdates { cursor resyncRequired deliveries { id } } }")


def tell(transport, value):
    print(json.dumps({"transport": transport, "value": value}))


for transport in (RequestsHTTPTransport(http, headers=bearer), HTTPXTransport(http, headers=bearer)):
    tell(type(transport).__name__, Client(transport=transport).execute(QUERY))


async def watch(name, transport):
    async with Client(transport=transport) as session:
        async for batch in session.subscribe(WATCH):
            tell(name, batch["deliveryUpdates"]["deliveries"])
            break


async def main():
    async with Client(transport=AIOHTTPTransport(http, headers=bearer)) as session:
        tell("AIOHTTPTransport", await session.execute(QUERY))
    await watch("WebsocketsTransport", WebsocketsTransport(ws, init_payload=bearer))
    await watch("AIOHTTPWebsocketsTransport", AIOHTTPWebsocketsTransport(ws, init_payload=bearer))


asyncio.run(main())
