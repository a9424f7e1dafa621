"""Okta's Python SDK, set up for a simulated org, and its answers taken apart."""

import json
import logging
import os

from okta.client import Client

# The SDK logs every refusal it also returns.
logging.disable(logging.CRITICAL)

# The SDK's switch for organizations that are not reached through https (okta/config/config_setter.py). It
# is read from the environment or an okta.yaml, not from the client's own configuration.
os.environ["OKTA_TESTING_TESTINGDISABLEHTTPSCHECK"] = "true"


def client(url, token, **config):
    """A client of the org at `url`; by default it gives up on a 429 at once."""
    config.setdefault("rateLimit", {"maxRetries": 0})
    return Client({"orgUrl": url, "token": token, **config})


async def answer(call):
    """The model and the response of a call that must succeed.

    The SDK returns `(model, response, None)` for success, and `(None, response, error)` or
    `(response, error)` for a refusal.
    """
    *found, error = await call
    if error is not None:
        raise error
    model, response = found
    return model, response


async def refusal(call):
    """The error of a call that must be refused."""
    *_, error = await call
    if error is None:
        raise AssertionError("accepted")
    return error


async def raw(client, path):
    """JSON of the org as it is, through the SDK's own request executor (its README: custom calls)."""
    executor = client.get_request_executor()
    request, error = await executor.create_request("GET", path)
    if error is None:
        _, body, error = await executor.execute(request)
    if error is not None:
        raise error
    return json.loads(body)


async def ids(client):
    """Ids of the org's apps by name; of several with one name, the first."""
    found = {}
    for app in await raw(client, "/api/v1/apps?limit=200"):
        found.setdefault(app["name"], app["id"])
    return found
