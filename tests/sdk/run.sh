#!/bin/sh
# Drives a sandbox with Okta's own SDKs: tests/sdk/run.sh [python|node]...
# Installs them, pinned, into target/sdk; needs python3 with venv, node with npm, and the network.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
work="$root/target/sdk"
mkdir -p "$work"
cd "$root"
cargo build --quiet --example sdk_sandbox

# The server ends when its standard input does, so no process is left behind.
serve() {
    rm -f "$work/in" "$work/out"
    mkfifo "$work/in" "$work/out"
    "$root/target/debug/examples/sdk_sandbox" <"$work/in" >"$work/out" &
    exec 3>"$work/in"
    read -r url token <"$work/out"
}

python() {
    [ -x "$work/python/bin/python" ] || python3 -m venv "$work/python"
    "$work/python/bin/pip" install --quiet --disable-pip-version-check okta==3.4.6
    "$work/python/bin/python" "$here/python_sdk.py" "$url" "$token"
}

node() {
    mkdir -p "$work/node"
    cp "$here/node/sdk.mjs" "$work/node/"
    (cd "$work/node" && npm install --silent --no-audit --no-fund --no-save @okta/okta-sdk-nodejs@8.1.0)
    (cd "$work/node" && command node sdk.mjs "$url" "$token")
}

status=0
for sdk in "${@:-python}"; do
    serve
    "$sdk" || status=1
    exec 3>&-
    wait
done
exit $status
