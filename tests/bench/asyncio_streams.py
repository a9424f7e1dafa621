"""The calls of tests/bench/engine.rs as an asyncio script makes them, with Python's standard library only:
keep-alive HTTP/1.1, so many connections per org, each with one call under way. No limits, no retries, no checkpoints.

Reads what to do as JSON from standard input; prints the seconds from the first call to the last answer."""

import asyncio
import json
import sys
import time
from urllib.parse import urlsplit


async def call(reader, writer, method, path, head, body):
    """Sends one request; raises unless it is answered with 2xx and a whole body."""
    writer.write(
        f"{method} {path} HTTP/1.1\r\n{head}content-length: {len(body)}\r\n\r\n".encode() + body
    )
    await writer.drain()
    answer = await reader.readuntil(b"\r\n\r\n")
    status, *lines = answer.decode("latin-1").split("\r\n")
    if status.split(" ")[1][0] != "2":
        raise RuntimeError(status)
    headers = {}
    for line in lines:
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    return json.loads(await reader.readexactly(int(headers["content-length"])))


async def connection(org, queue, wanted):
    """Sets up app after app over one connection."""
    url = urlsplit(org["url"])
    reader, writer = await asyncio.open_connection("127.0.0.1", url.port)
    head = (
        f"host: {url.netloc}\r\nauthorization: SSWS {org['token']}\r\n"
        "accept: application/json\r\ncontent-type: application/json\r\n"
    )
    while queue:
        app = queue.pop()
        below = f"/api/v1/apps/{app}"
        body = json.dumps(wanted["connection"]).encode()
        shown = await call(reader, writer, "POST", below + "/connections/default?activate=true", head, body)
        if shown["status"] != "ENABLED":
            raise RuntimeError(shown)
        body = json.dumps(wanted["feature"]).encode()
        await call(reader, writer, "PUT", below + "/features/USER_PROVISIONING", head, body)
    writer.close()


async def main():
    wanted = json.load(sys.stdin)
    begun = time.monotonic()
    await asyncio.gather(
        *(
            connection(org, org["apps"], wanted)
            for org in wanted["orgs"]
            for _ in range(wanted["connections"])
        )
    )
    print(time.monotonic() - begun)


asyncio.run(main())
