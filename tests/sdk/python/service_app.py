"""A service app at the sandbox, with Okta's Python SDK: a private key for a token, and proofs of possession.

usage: service_app.py URL CLIENT KEY_FILE KID PLAIN|DPOP
"""

import asyncio
import sys

from okta.client import Client

import org
from checks import Checks

SCOPES = ["okta.apps.read", "okta.apps.manage"]


def client(url, client_id, key, kid, dpop):
    """The SDK as a service app."""
    config = {
        "orgUrl": url,
        "authorizationMode": "PrivateKey",
        "clientId": client_id,
        "scopes": SCOPES,
        "privateKey": key,
        "kid": kid,
        "dpopEnabled": dpop,
        "rateLimit": {"maxRetries": 0},
    }
    return Client(config)


async def reads(checks, okta):
    """It is let in, and reads an app with its connection."""
    ids = await org.ids(okta)
    checks.tell("zscalerbyz" in ids, "it lists apps", ids)
    found, _ = await org.answer(okta.get_default_provisioning_connection_for_application(ids["zscalerbyz"]))
    checks.equal("it reads a connection", found.status.value, "DISABLED")


async def main(checks, url, client_id, key, kid, mode):
    dpop = mode == "DPOP"
    okta = client(url, client_id, key, kid, dpop)
    await reads(checks, okta)
    token, kind, error = await okta.get_request_executor()._oauth.get_oauth_token()
    checks.equal("nothing is wrong with its token", error, None)
    checks.equal("the token is of the kind that was asked for", kind, "DPoP" if dpop else "Bearer")
    checks.tell(bool(token), "it has a token")
    error = await org.refusal(client(url, client_id, key, "another", dpop).list_applications())
    checks.tell("kid is invalid" in str(error), "another kid is refused", error)
    error = await org.refusal(client(url, "0oaAnother", key, kid, dpop).list_applications())
    checks.tell("not a valid client_id" in str(error), "another client is refused", error)


if __name__ == "__main__":
    url, client_id, key_file, kid, mode = sys.argv[1:]
    with open(key_file, encoding="utf-8") as file:
        key = file.read()
    checks = Checks("service_app.py")
    with checks.flow_of(f"a service app, {mode}"):
        asyncio.run(main(checks, url, client_id, key, kid, mode))
    checks.end()
