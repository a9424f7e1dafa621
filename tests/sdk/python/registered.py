"""A service app that is registered over the API, with Okta's Python SDK: a token for its private key, then with proofs.

What the sandbox shows of it on the way (roles, grants, keys of an app, identity providers) is read into the SDK's models.

usage: registered.py URL TOKEN KEY_FILE
"""

import asyncio
import json
import sys

from okta import models

# Not before the SDK, whose imports look for a module `org`, too, and would find the one here.
from jwcrypto.jwk import JWK

import org
import service_app
from checks import Checks

KID = "k1"


async def send(okta, method, path, body):
    """JSON that the org answers to a call that the SDK has no method for."""
    executor = okta.get_request_executor()
    request, error = await executor.create_request(method, path, body)
    if error is None:
        _, body, error = await executor.execute(request)
    if error is not None:
        raise error
    return json.loads(body)


def public(key):
    """What the org is told of a private key."""
    jwk = JWK.from_pem(key.encode()).export_public(as_dict=True)
    jwk["kid"] = KID
    return jwk


async def register(checks, okta, url, key):
    """A client with one key, one role and the scopes that the script asks for."""
    made = await send(okta, "POST", "/oauth2/v1/clients", {
        "client_name": "registered by the SDK",
        "application_type": "service",
        "grant_types": ["client_credentials"],
        "response_types": ["token"],
        "token_endpoint_auth_method": "private_key_jwt",
        "jwks": {"keys": [public(key)]},
    })
    client = made["client_id"]
    await send(okta, "POST", f"/oauth2/v1/clients/{client}/roles", {"type": "APP_ADMIN"})
    custom = {"type": "CUSTOM", "role": "cr1", "resource-set": "iam1"}
    await send(okta, "POST", f"/oauth2/v1/clients/{client}/roles", custom)
    for scope in service_app.SCOPES:
        grant = models.OAuth2ScopeConsentGrant(issuer=url, scopeId=scope)
        await org.answer(okta.grant_consent_to_scope(client, grant))
    # The SDK's own method for them finds that a role is of both kinds, and gives up.
    standard, custom = await org.raw(okta, f"/oauth2/v1/clients/{client}/roles")
    standard, custom = models.StandardRole.from_dict(standard), models.CustomRole.from_dict(custom)
    checks.equal("its role is typed", (standard.type, standard.label), ("APP_ADMIN", "Application Administrator"))
    checks.equal("its other role has a set", (custom.role, custom.resource_set), ("cr1", "iam1"))
    grants, _ = await org.answer(okta.list_scope_consent_grants(client))
    checks.equal("its grants are typed", [grant.scope_id for grant in grants], service_app.SCOPES)
    return client


async def others(checks, okta, apps):
    """Keys of an app and identity providers, as the SDK understands them."""
    app = apps["okta_org2org"]
    made, response = await org.answer(okta.generate_application_key(app, 2))
    checks.equal("a key is made", response.status_code, 201)
    keys, _ = await org.answer(okta.list_application_keys(app))
    checks.equal("it is among the app's", [key.kid for key in keys][-1], made.kid)
    error = await org.refusal(okta.generate_application_key(app, 11))
    checks.equal("eleven years are too many", error.error_code, "E0000001")
    body = {
        "type": "OKTA_INTEGRATION",
        "name": "spoke",
        "protocol": {
            "type": "OIDC",
            "oktaIdpOrgUrl": "https://spoke.example",
            "credentials": {"client": {"client_id": app, "token_endpoint_auth_method": "private_key_jwt"}},
        },
    }
    made = await send(okta, "POST", "/api/v1/idps", body)
    listed, _ = await org.answer(okta.list_identity_providers(q="spo"))
    checks.equal("an identity provider is found", [idp.id for idp in listed], [made["id"]])
    one, _ = await org.answer(okta.get_identity_provider(made["id"]))
    checks.typed("and typed", one, models.IdentityProvider)
    checks.equal("its type is known", one.type.value, "OKTA_INTEGRATION")


async def main(checks, url, token, key):
    admin = org.client(url, token)
    apps = await org.ids(admin)
    client = await register(checks, admin, url, key)
    await service_app.reads(checks, service_app.client(url, client, key, KID, False))
    path = f"/api/v1/apps/{client}"
    app = await org.raw(admin, path)
    app["settings"]["oauthClient"]["dpop_bound_access_tokens"] = True
    await send(admin, "PUT", path, app)
    error = await org.refusal(service_app.client(url, client, key, KID, False).list_applications())
    checks.tell("DPoP" in str(error), "without a proof it is refused", error)
    proven = service_app.client(url, client, key, KID, True)
    await service_app.reads(checks, proven)
    _, kind, error = await proven.get_request_executor()._oauth.get_oauth_token()
    checks.equal("its token is bound", (kind, error), ("DPoP", None))
    await others(checks, admin, apps)


if __name__ == "__main__":
    url, token, key_file = sys.argv[1:]
    with open(key_file, encoding="utf-8") as file:
        key = file.read()
    checks = Checks("registered.py")
    with checks.flow_of("a registered service app"):
        asyncio.run(main(checks, url, token, key))
    checks.end()
