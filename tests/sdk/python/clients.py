"""Settings of a sandbox whose orgs know one service app, on standard output.

usage: clients.py CLIENT KEY_FILE KID PLAIN|DPOP
"""

import json
import sys

from jwcrypto.jwk import JWK

client_id, key_file, kid, mode = sys.argv[1:]
with open(key_file, "rb") as file:
    key = JWK.from_pem(file.read()).export_public(as_dict=True)
key["kid"] = kid
# Strings of JSON are strings of TOML, too.
members = ", ".join(f"{name} = {json.dumps(value)}" for name, value in key.items())
print(f"[clients.{client_id}]")
print(f"keys = [{{ {members} }}]")
print('scopes = ["okta.apps.read", "okta.apps.manage"]')
print(f"dpop = {json.dumps(mode == 'DPOP')}")
