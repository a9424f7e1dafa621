"""The calls of tests/bench/engine.rs as an asyncio script makes them: aiohttp, so many connections per org, each with
one call under way. No limits, no retries, no checkpoints.

Reads what to do as JSON from standard input; prints the seconds from the first call to the last answer."""

import asyncio
import json
import sys
import time
from urllib.parse import urlsplit

import aiohttp


async def call(session, method, url, body):
    """Sends one request; raises unless it is answered with 2xx and JSON."""
    async with session.request(method, url, json=body, raise_for_status=True) as answer:
        return await answer.json()


async def worker(session, queue, wanted):
    """Sets up app after app."""
    while queue:
        below = f"/api/v1/apps/{queue.pop()}"
        connection = below + "/connections/default?activate=true"
        shown = await call(session, "POST", connection, wanted["connection"])
        if shown["status"] != "ENABLED":
            raise RuntimeError(shown)
        await call(session, "PUT", below + "/features/USER_PROVISIONING", wanted["feature"])


async def rollout(org, wanted):
    """Sets up an org's apps."""
    connections, url = wanted["connections"], urlsplit(org["url"])
    async with aiohttp.ClientSession(
        # Not every resolver knows the names below localhost.
        f"http://127.0.0.1:{url.port}",
        headers={
            "host": url.netloc,
            "authorization": f"SSWS {org['token']}",
            "accept": "application/json",
        },
        connector=aiohttp.TCPConnector(limit_per_host=connections),
    ) as session:
        await asyncio.gather(*(worker(session, org["apps"], wanted) for _ in range(connections)))


async def main():
    wanted = json.load(sys.stdin)
    begun = time.monotonic()
    await asyncio.gather(*(rollout(org, wanted) for org in wanted["orgs"]))
    print(time.monotonic() - begun)


asyncio.run(main())
