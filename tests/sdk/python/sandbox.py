"""Okta's Python SDK against the sandbox: every flow through the SDK's typed methods and models.

usage: sandbox.py URL TOKEN LIMITED_URL LIMITED_TOKEN LIMIT
"""

import asyncio
import sys

from okta import models
from okta.pagination import PaginationHelper

import browser
import org
from checks import Checks

# The cause of a target that does not let Okta in, and what the SDK prints of it (its own tests expect both).
NOT_AUTHORIZED = "Verification failed: Invalid URL. Not authorized."
NOT_AUTHORIZED_PRINTED = f"Okta HTTP 400 E0000001 Api validation failed: credential\n{NOT_AUTHORIZED}"


def token_request(token, base_url=None):
    profile = models.ProvisioningConnectionTokenRequestProfile(authScheme="TOKEN", token=token)
    request = models.ProvisioningConnectionTokenRequest(baseUrl=base_url, profile=profile)
    return models.UpdateDefaultProvisioningConnectionForApplicationRequest(request)


def oauth_request(**profile):
    profile = models.ProvisioningConnectionOauthRequestProfile(authScheme="OAUTH2", **profile)
    request = models.ProvisioningConnectionOauthRequest(profile=profile)
    return models.UpdateDefaultProvisioningConnectionForApplicationRequest(request)


def user_capabilities(create):
    capabilities = {"create": {"lifecycleCreate": {"status": create}}}
    return models.UpdateFeatureForApplicationRequest(models.CapabilitiesObject.from_dict(capabilities))


def is_connection(checks, what, connection, status, scheme):
    """The typed connection says this and has the links that go with it (API.md §3.2)."""
    checks.typed(f"{what} is typed", connection, models.ProvisioningConnectionResponse)
    checks.equal(f"{what} is {status}", connection.status.value, status)
    checks.equal(f"{what} has {scheme}", connection.profile.auth_scheme.value, scheme)
    # SPEC: "only returned for the TOKEN authentication scheme"; the SDK's enum has no other value.
    beside = connection.auth_scheme.value if connection.auth_scheme else None
    checks.equal(f"{what} names the scheme outside its profile", beside, "TOKEN" if scheme == "TOKEN" else None)
    links = connection.links
    shown = (links.activate is not None, links.deactivate is not None)
    checks.equal(f"{what} links to the other state", shown, (status == "DISABLED", status == "ENABLED"))


def is_refusal(checks, what, error, status, code, cause=None):
    """The SDK's error object says this."""
    checks.equal(f"{what} is {status}", error.status, status)
    checks.equal(f"{what} is {code}", error.error_code, code)
    checks.tell(error.error_id.startswith("oae"), f"{what} has an id", error.error_id)
    checks.equal(f"{what} links to its code", error.error_link, code)
    causes = [found["errorSummary"] for found in error.error_causes]
    checks.equal(f"{what} has its cause", causes, [cause] if cause else [])
    checks.tell(len(error.headers["x-okta-request-id"]) == 32, f"{what} has a request id", error.headers)


async def apps(checks, okta):
    # The SDK's BrowserPluginApplication knows `template_swa*` only, though real orgs list the provisioned
    # apps with that mode too (API.md §9, office365 recorded); the apps a sandbox starts with use SAML.
    found, pages, after = [], 0, None
    while pages == 0 or (after and pages < 10):
        page, response = await org.answer(okta.list_applications(limit=5, after=after))
        found += page
        pages += 1
        after = PaginationHelper.extract_next_cursor(response.headers)
    checks.equal("pages of five", pages, 4)
    checks.equal("no app twice, none lost", (len(found), len({app.id for app in found})), (18, 18))
    saml = {models.SamlApplication, models.Saml11Application}
    checks.equal("apps are typed", {type(app) for app in found}, saml)
    checks.equal("apps are active", {app.status.value for app in found}, {"ACTIVE"})
    google, _ = await org.answer(okta.list_applications(filter='name eq "google"'))
    checks.equal("the filter holds", [app.name for app in google], ["google"] * 3)

    starting, _ = await org.answer(okta.list_applications(q="Zoom"))
    checks.equal("q finds labels", {app.name for app in starting}, {"zoomus"})
    error = await org.refusal(okta.list_applications(after="nobody gave this out"))
    is_refusal(checks, "a made-up cursor", error, 400, "E0000029", "Invalid cursor.")
    error = await org.refusal(okta.list_applications(filter="name like google"))
    is_refusal(checks, "a wrong filter", error, 400, "E0000031")


async def token_flow(checks, okta, app, base_url):
    fresh, _ = await org.answer(okta.get_default_provisioning_connection_for_application(app))
    is_connection(checks, "fresh", fresh, "DISABLED", "TOKEN")

    error = await org.refusal(okta.list_features_for_application(app))
    cause = "Provisioning is not enabled for the app instance."
    is_refusal(checks, "features before the connection", error, 400, "E0000001", cause)
    error = await org.refusal(okta.get_feature_for_application(app, "USER_PROVISIONING"))
    is_refusal(checks, "a feature before the connection", error, 400, "E0000001", cause)

    bad = token_request("bad token", base_url)
    error = await org.refusal(okta.update_default_provisioning_connection_for_application(app, bad))
    is_refusal(checks, "a bad token", error, 400, "E0000001", NOT_AUTHORIZED)
    checks.equal("a bad token reads as Okta's tests expect", error.message, NOT_AUTHORIZED_PRINTED)
    error = await org.refusal(okta.activate_default_provisioning_connection_for_application(app))
    is_refusal(checks, "activating nothing", error, 400, "E0000001", NOT_AUTHORIZED)

    good = token_request("a token", base_url)
    stored, response = await org.answer(okta.update_default_provisioning_connection_for_application(app, good))
    is_connection(checks, "stored", stored, "DISABLED", "TOKEN")
    checks.equal("stored answers", response.status_code, 200)
    checks.equal("stored has the base URL", stored.base_url, base_url)
    checks.tell("a token" not in response.raw_data.decode(), "the token is not echoed", response.raw_data)

    set_, _ = await org.answer(
        okta.update_default_provisioning_connection_for_application(app, good, activate=True)
    )
    is_connection(checks, "set with activate", set_, "ENABLED", "TOKEN")
    _, response = await org.answer(okta.deactivate_default_provisioning_connection_for_application(app))
    checks.equal("deactivate answers", response.status_code, 204)
    off, _ = await org.answer(okta.get_default_provisioning_connection_for_application(app))
    is_connection(checks, "deactivated", off, "DISABLED", "TOKEN")
    for again in ("activate", "activate again"):
        _, response = await org.answer(okta.activate_default_provisioning_connection_for_application(app))
        checks.equal(f"{again} answers", response.status_code, 204)
    on, _ = await org.answer(okta.get_default_provisioning_connection_for_application(app))
    is_connection(checks, "activated", on, "ENABLED", "TOKEN")


async def user_feature(checks, okta, app, names):
    features, _ = await org.answer(okta.list_features_for_application(app))
    checks.equal("has its features", [feature.name.value for feature in features], names)
    for create in ("ENABLED", "DISABLED"):
        changed, _ = await org.answer(
            okta.update_feature_for_application(app, "USER_PROVISIONING", user_capabilities(create))
        )
        shown, _ = await org.answer(okta.get_feature_for_application(app, "USER_PROVISIONING"))
        for what, feature in ((f"set {create}", changed), (f"shown {create}", shown)):
            checks.typed(f"{what} is typed", feature, models.UserProvisioningApplicationFeature)
            checks.equal(f"{what} can be configured", feature.status.value, "ENABLED")
            lifecycle = feature.capabilities.create.lifecycle_create
            checks.equal(f"{what} creates users", lifecycle.status.value, create)
            checks.equal(f"{what} keeps the rest", feature.capabilities.update.profile.status.value, "DISABLED")


async def inbound_feature(checks, okta, app):
    """INBOUND_PROVISIONING as recorded: `userNameFormat`, and null for schedules that are off.

    SPEC's schema, and the SDK with it, says `usernameFormat`, which no recording has (API.md §5.2). The
    SDK shows EMAIL whatever the recorded spelling says, so the name is read raw.
    """
    shown, _ = await org.answer(okta.get_feature_for_application(app, "INBOUND_PROVISIONING"))
    checks.typed("is typed", shown, models.InboundProvisioningApplicationFeature)
    schedule = shown.capabilities.import_settings.schedule
    checks.equal("no imports yet", (schedule.status.value, schedule.full_import), ("DISABLED", None))
    match = shown.capabilities.import_rules.user_create_and_match
    checks.equal("matches as recorded", (match.exact_match_criteria, match.allow_partial_match), ("USERNAME", True))
    raw = await org.raw(okta, f"/api/v1/apps/{app}/features/INBOUND_PROVISIONING")
    name = {"importSettings": {"username": {"userNameFormat": "EMAIL"}}}
    checks.contains("spells userNameFormat as recorded", raw["capabilities"], name)

    wanted = models.CapabilitiesInboundProvisioningObject.from_dict({
        "importSettings": {
            "schedule": {
                "status": "ENABLED",
                "fullImport": {"expression": "0 */4 * * *", "timezone": "America/New_York"},
            },
        },
        "importRules": {"userCreateAndMatch": {"exactMatchCriteria": "EMAIL", "allowPartialMatch": False}},
    })
    changed, _ = await org.answer(okta.update_feature_for_application(
        app, "INBOUND_PROVISIONING", models.UpdateFeatureForApplicationRequest(wanted)
    ))
    full = changed.capabilities.import_settings.schedule.full_import
    checks.equal("imports when told", (full.expression, full.timezone), ("0 */4 * * *", "America/New_York"))
    match = changed.capabilities.import_rules.user_create_and_match
    checks.equal("matches as told", (match.exact_match_criteria, match.allow_partial_match), ("EMAIL", False))


async def org2org_oauth(checks, okta, app):
    request = oauth_request(clientId="0oaHubClient", signing={"rotationMode": "AUTO"})
    set_, _ = await org.answer(
        okta.update_default_provisioning_connection_for_application(app, request, activate=True)
    )
    is_connection(checks, "set", set_, "ENABLED", "OAUTH2")
    checks.equal("rotates its keys", set_.profile.signing.rotation_mode.value, "AUTO")
    keys, _ = await org.answer(okta.get_user_provisioning_connection_jwks(app))
    checks.typed("keys are typed", keys, models.AppConnectionUserProvisionJWKResponse)
    checks.equal("one key", [key.kty for key in keys.jwks.keys], ["RSA"])


async def three_legged(checks, okta, app):
    connection = okta.update_default_provisioning_connection_for_application
    first, _ = await org.answer(connection(app, oauth_request()))
    is_connection(checks, "posted", first, "DISABLED", "OAUTH2")
    checks.equal("hints how to consent", [one.value for one in first.links.authorize.hints.allow], ["GET"])
    error = await org.refusal(okta.activate_default_provisioning_connection_for_application(app))
    is_refusal(checks, "activating early", error, 400, "E0000001", NOT_AUTHORIZED)
    old = browser.code_and_state(browser.approve(first.links.authorize.href))

    again, _ = await org.answer(connection(app, oauth_request()))
    code, state = browser.code_and_state(browser.approve(again.links.authorize.href))
    verify = okta.verify_provisioning_connection_for_application
    cause = "The state is invalid or expired."
    for what, given in (("a superseded link", old), ("a foreign code", ("4/other", state))):
        error = await org.refusal(verify("google", app, code=given[0], state=given[1]))
        is_refusal(checks, what, error, 400, "E0000001", cause)
    _, response = await org.answer(verify("google", app, code=code, state=state))
    checks.equal("consent answers", response.status_code, 204)
    error = await org.refusal(verify("google", app, code=code, state=state))
    is_refusal(checks, "a consent handed in twice", error, 400, "E0000001", cause)

    granted, _ = await org.answer(okta.get_default_provisioning_connection_for_application(app))
    is_connection(checks, "granted", granted, "DISABLED", "OAUTH2")
    checks.equal("granted asks for nothing", granted.links.authorize, None)
    _, response = await org.answer(okta.activate_default_provisioning_connection_for_application(app))
    checks.equal("activate answers", response.status_code, 204)
    done, _ = await org.answer(okta.get_default_provisioning_connection_for_application(app))
    is_connection(checks, "activated", done, "ENABLED", "OAUTH2")


async def unsupported(checks, okta):
    """An app the API does not provision answers 2xx and UNKNOWN to everything (recorded)."""
    settings = {"app": {"url": "https://intranet.example.com"}}
    wanted = models.BookmarkApplication(
        name="bookmark", label="Intranet", signOnMode="BOOKMARK",
        settings=models.BookmarkApplicationSettings.from_dict(settings),
    )
    bookmark, _ = await org.answer(okta.create_application(wanted))
    checks.typed("is created", bookmark, models.BookmarkApplication)
    app = bookmark.id
    calls = (
        ("shown", okta.get_default_provisioning_connection_for_application(app)),
        ("set", okta.update_default_provisioning_connection_for_application(
            app, token_request("a token"), activate=True)),
    )
    for what, call in calls:
        connection, _ = await org.answer(call)
        checks.typed(f"{what} is typed", connection, models.ProvisioningConnectionResponse)
        checks.equal(f"{what} is UNKNOWN", connection.status.value, "UNKNOWN")
        checks.equal(f"{what} has UNKNOWN", connection.profile.auth_scheme.value, "UNKNOWN")
        checks.equal(f"{what} has no links", connection.links, None)
    _, response = await org.answer(okta.activate_default_provisioning_connection_for_application(app))
    checks.equal("activate answers", response.status_code, 204)
    error = await org.refusal(okta.list_features_for_application(app))
    is_refusal(checks, "its features", error, 400, "E0000001", "Provisioning is not supported.")


async def refusals(checks, okta, url, app):
    get = okta.get_default_provisioning_connection_for_application
    error = await org.refusal(get("0oaNobody"))
    is_refusal(checks, "an unknown app", error, 404, "E0000007")
    summary = "Not found: Resource not found: 0oaNobody (AppInstance)"
    checks.equal("an unknown app is named", error.error_summary, summary)
    stranger = org.client(url, "00notATokenOfThisOrg")
    error = await org.refusal(stranger.get_default_provisioning_connection_for_application(app))
    is_refusal(checks, "a wrong token", error, 401, "E0000011")
    checks.equal("a wrong token is named", error.error_summary, "Invalid token provided")


async def rate_limit(checks, url, token, limit):
    """One window used up; then the SDK waits as the headers tell it, and goes through."""
    hasty = org.client(url, token)
    left = []
    for _ in range(limit):
        _, response = await org.answer(hasty.list_applications(q="Zoom"))
        left.append(response.headers["x-rate-limit-remaining"])
    checks.equal("remaining counts down", left, [str(limit - n) for n in range(1, limit + 1)])
    error = await org.refusal(hasty.list_applications(q="Zoom"))
    is_refusal(checks, "one too many", error, 429, "E0000047")
    headers = error.headers
    limits = (headers["x-rate-limit-limit"], headers["x-rate-limit-remaining"])
    checks.equal("the headers tell it from a concurrency 429", limits, (str(limit), "0"))
    checks.tell("retry-after" not in headers, "no Retry-After, as recorded", headers)

    patient = org.client(url, token, rateLimit={"maxRetries": 1})
    zoom, _ = await org.answer(patient.list_applications(q="Zoom"))
    checks.equal("waiting for the reset is enough", {app.name for app in zoom}, {"zoomus"})


async def main():
    url, token, limited_url, limited_token, limit = sys.argv[1:]
    checks = Checks("python")
    okta = org.client(url, token)
    app = await org.ids(okta)
    both = ["USER_PROVISIONING", "INBOUND_PROVISIONING"]
    flows = (
        ("apps", apps(checks, okta)),
        ("zscalerbyz TOKEN", token_flow(checks, okta, app["zscalerbyz"], "https://scim.zscalerbeta.net/1/2/scim")),
        ("zscalerbyz feature", user_feature(checks, okta, app["zscalerbyz"], both[:1])),
        ("okta_org2org TOKEN", token_flow(checks, okta, app["okta_org2org"], None)),
        ("okta_org2org feature", user_feature(checks, okta, app["okta_org2org"], both)),
        ("okta_org2org inbound", inbound_feature(checks, okta, app["okta_org2org"])),
        ("okta_org2org OAUTH2", org2org_oauth(checks, okta, app["okta_org2org"])),
        ("google OAUTH2", three_legged(checks, okta, app["google"])),
        ("google feature", user_feature(checks, okta, app["google"], both)),
        ("bookmark", unsupported(checks, okta)),
        ("refusals", refusals(checks, okta, url, app["google"])),
        ("rate limit", rate_limit(checks, limited_url, limited_token, int(limit))),
    )
    for name, flow in flows:
        with checks.flow_of(name):
            await flow
    checks.end()


asyncio.run(main())
