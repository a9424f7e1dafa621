"""What a person does in a browser: follow a consent link, press Approve, copy what Okta shows."""

import html.parser
import json
import sys
import urllib.parse
import urllib.request

# A person is in no hurry, a page on loopback is.
TIMEOUT_S = 10

# Nothing here leaves the machine, whatever proxy its user has set.
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class _Form(html.parser.HTMLParser):
    """The hidden fields and buttons of the page's only form."""

    def __init__(self):
        super().__init__()
        self.hidden = {}
        self.buttons = {}
        self._button = None

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if tag == "input" and attrs.get("type") == "hidden":
            self.hidden[attrs["name"]] = attrs["value"]
        if tag == "button":
            self._button = (attrs["name"], attrs["value"])

    def handle_data(self, data):
        if self._button:
            self.buttons[data.strip()] = self._button
            self._button = None


def approve(link):
    """Approves at the third party behind `link`; the text of Okta's page in the end."""
    with _OPENER.open(link, timeout=TIMEOUT_S) as page:
        form = _Form()
        form.feed(page.read().decode())
    name, value = form.buttons["Approve"]
    fields = urllib.parse.urlencode({**form.hidden, name: value}).encode()
    # The form posts to its own address and leads on to Okta's redirect URI.
    with _OPENER.open(link, fields, timeout=TIMEOUT_S) as page:
        return page.read().decode()


def code_and_state(page):
    """What `…/oauth2/callback` is to be given, from the text of Okta's page."""
    shown = json.loads(page)["continue_oauth_flow_url"]
    if shown["method"] != "POST":
        raise AssertionError(f"method {shown['method']}")
    query = urllib.parse.parse_qs(urllib.parse.urlsplit(shown["href"]).query)
    return query["code"][0], query["state"][0]


if __name__ == "__main__":
    # `consent list --format json` on standard input, Okta's pages on standard output.
    for entry in json.load(sys.stdin):
        print(approve(entry["authorizeUrl"]))
