"""What `okta-rollout` signs, verified by a JOSE library that others use: assertions in every algorithm and format of
key, and proofs of possession.

usage: jose.py BINARY KEYS FOLDER     the folder is empty, and what the program reads is written there
"""

import base64
import hashlib
import http.server
import json
import os
import pathlib
import subprocess
import sys
import threading
import time
import urllib.parse

from jwcrypto.jwk import JWK
from jwcrypto.jws import JWS

from checks import Checks

# What one command may take.
LIMIT_S = 60

CLIENT = "0oaServiceApp0000001"
SCOPES = ["okta.apps.read", "okta.apps.manage"]
TOKEN = "a-token-of-the-org"
TOKEN_PATH = "/oauth2/v1/token"

# Every format of key with the algorithms that it signs with; the kid of a JWK is its own.
KEYS = [
    ("rsa.pkcs8.pem", "k1", ["RS256", "RS384", "RS512"]),
    ("rsa.pkcs1.pem", "k1", ["RS256"]),
    ("rsa.jwk.json", "rsa-1", ["RS256", "RS512"]),
    ("p256.pkcs8.pem", "k1", ["ES256"]),
    ("p256.sec1.pem", "k1", ["ES256"]),
    ("p256.jwk.json", "p256", ["ES256"]),
    ("p384.pkcs8.pem", "k1", ["ES384"]),
    ("p384.sec1.pem", "k1", ["ES384"]),
    ("p384.jwk.json", "p384", ["ES384"]),
    ("p521.pkcs8.pem", "k1", ["ES512"]),
    ("p521.sec1.pem", "k1", ["ES512"]),
    ("p521.jwk.json", "p521", ["ES512"]),
]


class Org(http.server.ThreadingHTTPServer):
    """Stands in for an org: keeps what it is sent, and wants proofs where it is told to."""

    def __init__(self, dpop):
        super().__init__(("127.0.0.1", 0), Handler)
        self.dpop = dpop
        self.assertions = []
        self.calls = []
        self.url = f"http://127.0.0.1:{self.server_port}"
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Handler(http.server.BaseHTTPRequestHandler):
    def answer(self, status, body, **headers):
        text = json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"content-type": "application/json", "content-length": str(len(text)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(text)

    def do_POST(self):  # noqa: N802: the name that the library calls
        body = self.rfile.read(int(self.headers["content-length"])).decode()
        form = urllib.parse.parse_qs(body, strict_parsing=True)
        self.server.assertions.append(form)
        self.server.calls.append(("POST", self.path, dict(self.headers)))
        if self.server.dpop and self.headers["dpop"] is None:
            self.answer(400, {"error": "invalid_dpop_proof", "error_description": "The DPoP proof JWT header is missing."})
            return
        if self.server.dpop and len(self.server.assertions) == 2:
            self.answer(400, {"error": "use_dpop_nonce", "error_description": "A nonce."}, **{"dpop-nonce": "nonce-1"})
            return
        kind = "DPoP" if self.server.dpop else "Bearer"
        self.answer(200, {"access_token": TOKEN, "token_type": kind, "expires_in": 3600, "scope": " ".join(SCOPES)})

    def do_GET(self):  # noqa: N802: the name that the library calls
        self.server.calls.append(("GET", self.path, dict(self.headers)))
        self.answer(200, [{"id": "0oa00000000000000001", "name": "google", "label": "Google", "status": "ACTIVE"}])

    def log_message(self, *_):
        pass


def verified(compact, key):
    """Header and claims of what this key signed; the library raises an error where it did not."""
    signed = JWS()
    signed.deserialize(compact, key)
    return signed.jose_header, json.loads(signed.payload)


def doctor(checks, binary, folder, org, key_file, kid, algorithm):
    folder.mkdir(parents=True)
    auth = {"clientId": CLIENT, "keyId": kid, "key": f"file:{key_file}", "scopes": SCOPES, "algorithm": algorithm}
    entry = {"org": "acme", "app": "google", "appId": "0oa00000000000000001", "connection": {"profile": {"authScheme": "OAUTH2"}}}
    manifest = {"orgs": {"acme": {"url": org.url, "auth": {"privateKeyJwt": auth}}}, "apps": [entry]}
    (folder / "m.json").write_text(json.dumps(manifest), encoding="utf-8")
    command = [binary, "doctor", "m.json"]
    ran = subprocess.run(command, cwd=folder, env={"PATH": os.environ["PATH"]}, capture_output=True, text=True, timeout=LIMIT_S)
    checks.tell(ran.returncode == 0, "the org is in order", ran.stderr)


def public(key_file):
    text = key_file.read_bytes()
    return JWK.from_json(text.decode()) if key_file.suffix == ".json" else JWK.from_pem(text)


def assertion(checks, org, key, kid, algorithm):
    """The assertions are signed with the key, and say what Okta wants (its guide for service apps)."""
    seen = set()
    for form in org.assertions:
        checks.equal("the form names the grant", form["grant_type"], ["client_credentials"])
        checks.equal("the form names the scopes", form["scope"], [" ".join(SCOPES)])
        [compact] = form["client_assertion"]
        header, claims = verified(compact, key)
        checks.equal("it is signed as was asked for", header["alg"], algorithm)
        checks.equal("it names the key", header["kid"], kid)
        checks.equal("it is of the client", (claims["iss"], claims["sub"]), (CLIENT, CLIENT))
        checks.equal("it is for the token endpoint", claims["aud"], org.url + TOKEN_PATH)
        now = time.time()
        checks.tell(now < claims["exp"] <= now + 300, "it ends within five minutes", claims)
        checks.tell(now - 60 < claims["iat"] <= now, "it was made now", claims)
        seen.add(claims["jti"])
    checks.equal("each has an id of its own", len(seen), len(org.assertions))


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def proofs(checks, org):
    """Each proof is signed with the key that it shows, of one request, and that key is the same for all."""
    seen, keys = set(), set()
    proven = [call for call in org.calls if "dpop" in {name.lower() for name in call[2]}]
    checks.equal("all but the first call are proven", len(proven), len(org.calls) - 1)
    for number, (method, path, headers) in enumerate(proven):
        headers = {name.lower(): value for name, value in headers.items()}
        unverified = JWS()
        unverified.deserialize(headers["dpop"])
        key = JWK(**unverified.jose_header["jwk"])
        header, claims = verified(headers["dpop"], key)
        checks.equal("it is a proof", (header["typ"], header["alg"]), ("dpop+jwt", "ES256"))
        checks.equal("it shows no private key", key.has_private, False)
        checks.equal("it is of the method", claims["htm"], method)
        checks.equal("it is of the address without query", claims["htu"], org.url + path.split("?")[0])
        checks.tell(time.time() - 60 < claims["iat"] <= time.time(), "it was made now", claims)
        if path == TOKEN_PATH:
            checks.equal("it has the nonce once there is one", claims.get("nonce"), "nonce-1" if number else None)
        else:
            checks.equal("it is of the token", claims["ath"], base64url(hashlib.sha256(TOKEN.encode()).digest()))
            checks.equal("the token is sent as it was given", headers["authorization"], f"DPoP {TOKEN}")
        seen.add(claims["jti"])
        keys.add(key.thumbprint())
    checks.equal("each has an id of its own", len(seen), len(proven))
    checks.equal("all are of one key", len(keys), 1)


def main():
    binary, key_folder, folder = sys.argv[1:]
    folder = pathlib.Path(folder)
    checks = Checks("jose.py")
    for name, kid, algorithms in KEYS:
        for algorithm in algorithms:
            with checks.flow_of(f"{name}, {algorithm}"):
                org, key_file = Org(dpop=False), pathlib.Path(key_folder).resolve() / name
                doctor(checks, binary, folder / f"{name}-{algorithm}", org, key_file, kid, algorithm)
                checks.equal("a token was asked for once", len(org.assertions), 1)
                assertion(checks, org, public(key_file), kid, algorithm)
    with checks.flow_of("proofs of possession"):
        org, key_file = Org(dpop=True), pathlib.Path(key_folder).resolve() / "rsa.pkcs8.pem"
        doctor(checks, binary, folder / "dpop", org, key_file, "k1", "RS256")
        checks.equal("three calls led to a token", len(org.assertions), 3)
        assertion(checks, org, public(key_file), "k1", "RS256")
        proofs(checks, org)
    checks.end()


main()
