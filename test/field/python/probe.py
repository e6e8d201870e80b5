"""Asks the gateway with gql over each of its transports, and prints one line of JSON for each."""

import asyncio
import json
import sys

import httpx
from gql import Client, gql
from gql.transport.aiohttp import AIOHTTPTransport
from gql.transport.aiohttp_websockets import AIOHTTPWebsocketsTransport
from gql.transport.httpx import HTTPXTransport
from gql.transport.requests import RequestsHTTPTransport
from gql.transport.websockets import WebsocketsTransport
from httpx_sse import aconnect_sse

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
    await watch("WebsocketsTransport, key in the upgrade", WebsocketsTransport(ws, headers=bearer))
    await watch("AIOHTTPWebsocketsTransport, key in the upgrade", AIOHTTPWebsocketsTransport(ws, headers=bearer))
    async with httpx.AsyncClient(headers=bearer) as client:
        body = {"query": "subscription { deliveryUpdates { deliveries { id } } }"}
        async with aconnect_sse(client, "POST", http, json=body) as source:
            async for event in source.aiter_sse():
                batch = json.loads(event.data)["data"]["deliveryUpdates"]
                tell("httpx-sse", [event.event, len(event.id) > 10, batch["deliveries"]])
                break


asyncio.run(main())
