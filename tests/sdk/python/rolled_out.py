"""What `okta-rollout run` left behind, read with Okta's Python SDK and held against the manifest.

usage: rolled_out.py URL TOKEN MANIFEST
"""

import asyncio
import json
import pathlib
import sys

from okta import models

import org
from checks import Checks

FEATURES = {
    "USER_PROVISIONING": models.UserProvisioningApplicationFeature,
    "INBOUND_PROVISIONING": models.InboundProvisioningApplicationFeature,
}


def merged(under, over):
    """`over`, with what only `under` says; as the manifest's `defaults` are read."""
    if not (isinstance(under, dict) and isinstance(over, dict)):
        return over
    both = {**under, **over}
    return {key: merged(under.get(key, {}), value) if key in over else value for key, value in both.items()}


async def connection(checks, okta, app, entry):
    found, _ = await org.answer(okta.get_default_provisioning_connection_for_application(app))
    checks.typed("its connection is typed", found, models.ProvisioningConnectionResponse)
    status = entry.get("status", "ENABLED")
    checks.equal(f"its connection is {status}", found.status.value, status)
    wanted = entry.get("connection")
    if wanted is None:
        return
    profile = wanted["profile"]
    checks.equal("it has the scheme", found.profile.auth_scheme.value, profile["authScheme"])
    checks.equal("it has the base URL", found.base_url, wanted.get("baseUrl"))
    if "signing" in profile:
        mode = profile["signing"]["rotationMode"]
        checks.equal("it rotates its keys", found.profile.signing.rotation_mode.value, mode)


async def feature(checks, okta, app, name, wanted):
    found, _ = await org.answer(okta.get_feature_for_application(app, name))
    checks.typed(f"{name} is typed", found, FEATURES[name])
    raw = await org.raw(okta, f"/api/v1/apps/{app}/features/{name}")
    # `userNameFormat` is recorded and unknown to the SDK, whose spelling is not (API.md §5.2): this part
    # is read from the raw answer only.
    known = dict(wanted)
    if "importSettings" in known:
        known["importSettings"] = {k: v for k, v in known["importSettings"].items() if k != "username"}
        # The SDK leaves out what is null.
        schedule = known["importSettings"]["schedule"]
        known["importSettings"]["schedule"] = {k: v for k, v in schedule.items() if v is not None}
    checks.contains(f"{name} is as the manifest says", found.capabilities.to_dict(), known)
    checks.contains(f"{name} is so in the raw answer", raw["capabilities"], wanted)


async def main():
    url, token, path = sys.argv[1:]
    manifest = json.loads(pathlib.Path(path).read_text(encoding="utf-8"))
    checks = Checks("python")
    okta = org.client(url, token)
    app = {}
    for listed in await org.raw(okta, "/api/v1/apps?limit=200"):
        app[listed["label"]] = listed["id"]
    for entry in manifest["apps"]:
        entry = merged(manifest.get("defaults", {}), entry)
        with checks.flow_of(f"{pathlib.Path(path).stem}: {entry['label']}"):
            await connection(checks, okta, app[entry["label"]], entry)
            for name, wanted in entry.get("features", {}).items():
                await feature(checks, okta, app[entry["label"]], name, wanted)
    checks.end()


asyncio.run(main())
