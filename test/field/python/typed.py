"""Asks the gateway with the client that ariadne-codegen made of its schema, and with sgqlc; prints a line of JSON for each."""

import asyncio
import json
import sys
from datetime import datetime

from graphql_client import Client
from graphql_client.exceptions import GraphQLClientHttpError
from graphql_client.input_types import DeliveryFilter, UpdateEndpointInput
from sgqlc.endpoint.http import HTTPEndpoint
from sgqlc.endpoint.websocket import WebSocketEndpoint
from sgqlc.operation import Operation
from sivo_schema import sivo_schema

url, key, endpoint = sys.argv[1:]
http, ws = f"{url}/graphql", f"{url.replace('http', 'ws')}/graphql"
bearer = {"authorization": f"Bearer {key}"}


def tell(what, value):
    print(json.dumps({"what": what, "value": value}))


async def main():
    for name, options in (
        ("key in the payload", {"ws_connection_init_payload": bearer}),
        ("key in the upgrade", {"ws_headers": bearer}),
    ):
        client = Client(url=http, headers=bearer, ws_url=ws, **options)
        async for batch in client.watch():
            tell(f"ariadne-codegen, {name}", [delivery.id for delivery in batch.delivery_updates.deliveries])
            break
    recent = await client.recent(first=1, filter_=DeliveryFilter(from_="2026-01-01T00:00:00Z", test=False))
    tell("ariadne-codegen, a filter from a time", len(recent.deliveries.edges))
    renamed = await client.rename(id=endpoint, input=UpdateEndpointInput(name="Renamed"))
    tell("ariadne-codegen, only a name", renamed.update_endpoint.model_dump(by_alias=True))
    try:
        await Client(url=http, headers={"authorization": "Bearer sivo_wrong"}).recent(first=1)
    except GraphQLClientHttpError as error:
        tell("ariadne-codegen, a wrong key", error.response.json()["errors"][0]["extensions"]["code"])


asyncio.run(main())

tell("sgqlc", HTTPEndpoint(http, bearer)("{ viewer { role } }")["data"])
refused = HTTPEndpoint(http, {"authorization": "Bearer sivo_wrong"})("{ viewer { role } }")
tell("sgqlc, a wrong key", refused["errors"][0]["extensions"]["code"] if "extensions" in refused["errors"][0] else refused)
try:
    for batch in WebSocketEndpoint(ws, connection_payload=bearer)("subscription { deliveryUpdates { deliveries { id } } }"):
        tell("sgqlc, a subscription", batch)
        break
except Exception as error:
    tell("sgqlc, a subscription", f"{type(error).__name__}: {error}")

query = Operation(sivo_schema.Query)
query.endpoint(id=endpoint).created_at()
answer = HTTPEndpoint(http, bearer)(query)
text = answer["data"]["endpoint"]["createdAt"]
tell("sgqlc, milliseconds", (query + {"data": {"endpoint": {"createdAt": "2026-11-30T10:00:00.482Z"}}}).endpoint.created_at.microsecond)

import sivo_times  # The recipe of docs/clients.md.

tell("sgqlc, a time with its recipe", (query + answer).endpoint.created_at == datetime.fromisoformat(text))
