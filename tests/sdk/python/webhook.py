"""What `okta-rollout run` posts to a webhook, verified with the library of the Standard Webhooks specification.

usage: webhook.py BINARY FOLDER     the folder is empty, and the job is written there
"""

import base64
import http.server
import json
import os
import pathlib
import secrets
import subprocess
import sys
import threading

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from checks import Checks

# What one run may take.
LIMIT_S = 60
# The first posts, which are refused: they are made again, under the same id.
REFUSED = 1

MANIFEST = {
    "orgs": {"acme": {"url": "sandbox"}},
    "apps": [
        {"org": "acme", "app": "google", "appId": "0oaWebhook0000001", "connection": {"profile": {"authScheme": "OAUTH2"}}}
    ],
}
JOB = """manifest = "m.json"
[notify]
webhook = "env:WEBHOOK"
secret = "env:WEBHOOK_SECRET"
[sandbox]
consent = "manual"
"""


class Receiver(http.server.ThreadingHTTPServer):
    """Keeps what is posted."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.posted = []
        self.url = f"http://127.0.0.1:{self.server_port}/hooks/1"
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):  # noqa: N802: the name that the library calls
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.posted.append((dict(self.headers), body))
        self.send_response(503 if len(self.server.posted) <= REFUSED else 200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


def refused(webhook, body, headers):
    try:
        webhook.verify(body, headers)
    except WebhookVerificationError:
        return True
    return False


def run(checks, binary, folder, prefix):
    receiver = Receiver()
    key = base64.b64encode(secrets.token_bytes(32)).decode()
    folder.mkdir()
    (folder / "m.json").write_text(json.dumps(MANIFEST), encoding="utf-8")
    (folder / "job.toml").write_text(JOB, encoding="utf-8")
    variables = {"PATH": os.environ["PATH"], "WEBHOOK": receiver.url, "WEBHOOK_SECRET": prefix + key}
    command = [binary, "run", "job.toml"]
    ran = subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True, timeout=LIMIT_S)
    checks.equal("the run ends as it would without", ran.returncode, 4)
    webhook = Webhook(key)
    for headers, body in receiver.posted:
        notice = webhook.verify(body, headers)
        checks.equal("the time is part of the signature", refused(webhook, body, {**headers, "webhook-timestamp": "1"}), True)
        checks.equal("the body is, too", refused(webhook, body + b" ", headers), True)
        checks.contains("it says of which run", notice["data"], {"file": "job.toml", "job": "job"})
    checks.equal("one key opens no other lock", refused(Webhook(secrets.token_hex(32)), body, headers), True)
    kinds = {headers["webhook-id"]: json.loads(body)["type"] for headers, body in receiver.posted}
    checks.equal("each kind has one id", sorted(kinds.values()), ["consent.needed", "run.finished"])
    checks.equal("what was refused came again", len(receiver.posted), len(kinds) + REFUSED)


def main():
    binary, folder = sys.argv[1:]
    checks = Checks("webhook")
    for name, prefix in [("bare", ""), ("prefixed", "whsec_")]:
        with checks.flow_of(f"a {name} key"):
            run(checks, binary, pathlib.Path(folder) / name, prefix)
    checks.end()


main()
