"""Drives a sandbox with Okta's own Python SDK and checks every answer.

usage: python_sdk.py URL TOKEN     (an org with one app of each of the six kinds)

One line per check; exit code 1 when any failed.
"""

import asyncio
import json
import os
import sys
import urllib.parse
import urllib.request
from html.parser import HTMLParser

from pydantic import ValidationError

from okta.client import Client
from okta.models.capabilities_inbound_provisioning_object import CapabilitiesInboundProvisioningObject
from okta.models.capabilities_object import CapabilitiesObject
from okta.models.o_auth_provisioning_enabled_app import OAuthProvisioningEnabledApp
from okta.models.provisioning_connection_oauth_request import ProvisioningConnectionOauthRequest
from okta.models.provisioning_connection_token_request import ProvisioningConnectionTokenRequest
from okta.models.update_default_provisioning_connection_for_application_request import (
    UpdateDefaultProvisioningConnectionForApplicationRequest as ConnectionRequest,
)
from okta.models.update_feature_for_application_request import (
    UpdateFeatureForApplicationRequest as FeatureRequest,
)

FAILED = []


def check(what, got, expected):
    ok = got == expected
    print(f"{'ok    ' if ok else 'FAILED'} {what}" + ("" if ok else f": {got!r} instead of {expected!r}"))
    if not ok:
        FAILED.append(what)


def text(value):
    """An enum's value, or the text itself."""
    return getattr(value, "value", value)


def code(error):
    """Okta's error code of an SDK error, whichever shape it came in."""
    if error is None:
        return None
    found = getattr(error, "error_code", None)
    if found is None and isinstance(getattr(error, "body", None), str):
        found = json.loads(error.body).get("errorCode")
    return found or repr(error)


class Form(HTMLParser):
    """The hidden fields of the third party's page."""

    def __init__(self):
        super().__init__()
        self.fields = {}

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if tag == "input":
            self.fields[attrs["name"]] = attrs["value"]


def approve(link):
    """What an administrator does in the browser; gives the URL Okta's page shows."""
    form = Form()
    form.feed(urllib.request.urlopen(link).read().decode())
    data = urllib.parse.urlencode({**form.fields, "decision": "approve"}).encode()
    shown = json.load(urllib.request.urlopen(link, data=data))
    check("consent page leads to Okta's JSON", shown["continue_oauth_flow_url"]["method"], "POST")
    return shown["continue_oauth_flow_url"]["href"]


def get_json(url, token, path):
    """An answer as it is, where the SDK's models are narrower than Okta."""
    request = urllib.request.Request(url + path, headers={"Authorization": f"SSWS {token}"})
    return json.load(urllib.request.urlopen(request))


def token_request(fields):
    return ConnectionRequest(ProvisioningConnectionTokenRequest.from_dict(fields))


def oauth_request(fields):
    return ConnectionRequest(ProvisioningConnectionOauthRequest.from_dict(fields))


async def list_apps(client):
    apps, response, error = await client.list_applications(limit=2)
    check("list: no error", code(error), None)
    check("list: a page of two", len(apps), 2)
    apps, _, error = await client.list_applications(limit=200)
    check("list: no error", code(error), None)
    by_name = {app.name: app.id for app in apps}
    check(
        "list: the six apps",
        sorted(by_name),
        ["google", "office365", "okta_org2org", "slack", "zoomus", "zscalerbyz"],
    )
    found, _, _ = await client.list_applications(filter='name eq "slack"')
    check("list: filter", [app.id for app in found], [by_name["slack"]])
    _, _, error = await client.list_applications(after="nobody")
    check("list: a bad cursor", code(error), "E0000029")
    return by_name


async def token_flow(client, app):
    shown, _, error = await client.get_default_provisioning_connection_for_application(app)
    check("get: no error", code(error), None)
    check("get: a fresh connection", text(shown.status), "DISABLED")
    _, _, error = await client.list_features_for_application(app)
    check("features before the connection", code(error), "E0000001")

    fields = {"profile": {"authScheme": "TOKEN", "token": "bad-token"}}
    _, _, error = await client.update_default_provisioning_connection_for_application(
        app, token_request(fields)
    )
    check("set: a token the hub refuses", code(error), "E0000001")
    fields["profile"]["token"] = "good-token"
    shown, _, error = await client.update_default_provisioning_connection_for_application(
        app, token_request(fields), activate=True
    )
    check("set: no error", code(error), None)
    check("set: activated", text(shown.status), "ENABLED")
    check("set: scheme", text(shown.profile.auth_scheme), "TOKEN")

    *_, error = await client.deactivate_default_provisioning_connection_for_application(app)
    check("deactivate", code(error), None)
    *_, error = await client.activate_default_provisioning_connection_for_application(app)
    check("activate", code(error), None)
    shown, _, _ = await client.get_default_provisioning_connection_for_application(app)
    check("get: enabled", text(shown.status), "ENABLED")
    await features(client, app)


async def features(client, app):
    listed, _, error = await client.list_features_for_application(app)
    check("features: no error", code(error), None)
    check("features: both", [text(f.name) for f in listed], ["USER_PROVISIONING", "INBOUND_PROVISIONING"])

    wanted = CapabilitiesObject.from_dict(
        {
            "create": {"lifecycleCreate": {"status": "ENABLED"}},
            "update": {
                "lifecycleDeactivate": {"status": "ENABLED"},
                "password": {"change": "CHANGE", "seed": "OKTA", "status": "ENABLED"},
                "profile": {"status": "ENABLED"},
            },
        }
    )
    shown, _, error = await client.update_feature_for_application(
        app, "USER_PROVISIONING", FeatureRequest(wanted)
    )
    check("update USER: no error", code(error), None)
    check("update USER: create", text(shown.capabilities.create.lifecycle_create.status), "ENABLED")
    check("update USER: seed", text(shown.capabilities.update.password.seed), "OKTA")
    shown, _, _ = await client.get_feature_for_application(app, "USER_PROVISIONING")
    check("get USER: change", text(shown.capabilities.update.password.change), "CHANGE")

    wanted = CapabilitiesInboundProvisioningObject.from_dict(
        {
            "importSettings": {
                "username": {"usernameFormat": "EMAIL"},
                "schedule": {
                    "status": "ENABLED",
                    "fullImport": {"expression": "0 21 * * 1", "timezone": "Asia/Tokyo"},
                },
            },
            "importRules": {
                "userCreateAndMatch": {"exactMatchCriteria": "EMAIL", "allowPartialMatch": False}
            },
        }
    )
    shown, _, error = await client.update_feature_for_application(
        app, "INBOUND_PROVISIONING", FeatureRequest(wanted)
    )
    check("update INBOUND: no error", code(error), None)
    settings = shown.capabilities.import_settings
    check("update INBOUND: schedule", settings.schedule.full_import.timezone, "Asia/Tokyo")
    rules = shown.capabilities.import_rules.user_create_and_match
    check("update INBOUND: match", text(rules.exact_match_criteria), "EMAIL")


async def three_legged_flow(client, app):
    request = oauth_request({"profile": {"authScheme": "OAUTH2"}})
    shown, _, error = await client.update_default_provisioning_connection_for_application(app, request)
    check("set OAUTH2: no error", code(error), None)
    check("set OAUTH2: waits for consent", text(shown.status), "DISABLED")
    check("set OAUTH2: scheme", text(shown.profile.auth_scheme), "OAUTH2")
    href = approve(shown.links.authorize.href)
    query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(href).query))
    google = OAuthProvisioningEnabledApp.GOOGLE

    *_, error = await client.verify_provisioning_connection_for_application(
        google, app, code="x", state=query["state"]
    )
    check("callback: a wrong code", code(error), "E0000001")
    *_, error = await client.verify_provisioning_connection_for_application(google, app, **query)
    check("callback", code(error), None)
    *_, error = await client.verify_provisioning_connection_for_application(google, app, **query)
    check("callback: spent", code(error), "E0000001")
    *_, error = await client.activate_default_provisioning_connection_for_application(app)
    check("activate after consent", code(error), None)
    shown, _, _ = await client.get_default_provisioning_connection_for_application(app)
    check("get: enabled", text(shown.status), "ENABLED")


async def org2org_oauth(client, app, url, token):
    fields = {
        "profile": {"authScheme": "OAUTH2", "clientId": "0oa9", "signing": {"rotationMode": "AUTO"}}
    }
    try:
        await client.update_default_provisioning_connection_for_application(
            app, oauth_request(fields), activate=True
        )
        check("migrate to OAUTH2: the SDK reads the answer", True, True)
    except ValidationError as refused:
        # Okta's guide and example show a top-level authScheme OAUTH2; the SDK's model only knows TOKEN.
        check("migrate to OAUTH2: the SDK's known gap", refused.errors()[0]["loc"], ("authScheme",))
    shown = get_json(url, token, f"/api/v1/apps/{app}/connections/default")
    check("migrate to OAUTH2: enabled", shown["status"], "ENABLED")
    check("migrate to OAUTH2: rotation", shown["profile"]["signing"]["rotationMode"], "AUTO")
    keys, _, error = await client.get_user_provisioning_connection_jwks(app)
    check("jwks: no error", code(error), None)
    check("jwks: one key", len(keys.jwks.keys), 1)


async def main(url, token):
    # The only way to plain http: settings given here reach the SDK's "client" section alone.
    os.environ["OKTA_TESTING_TESTINGDISABLEHTTPSCHECK"] = "true"
    config = {
        "orgUrl": url,
        "token": token,
        "rateLimit": {"maxRetries": 0},
    }
    async with Client(config) as client:
        apps = await list_apps(client)
        await token_flow(client, apps["okta_org2org"])
        await org2org_oauth(client, apps["okta_org2org"], url, token)
        await three_legged_flow(client, apps["google"])
        _, _, error = await client.get_default_provisioning_connection_for_application("0oagone")
        check("an app that is not there", code(error), "E0000007")
    async with Client({**config, "token": "wrong"}) as client:
        _, _, error = await client.list_applications()
        check("a wrong token", code(error), "E0000011")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    asyncio.run(main(*sys.argv[1:]))
    print(f"{len(FAILED)} checks failed")
    sys.exit(1 if FAILED else 0)
