#!/usr/bin/env bash
# Okta's own SDKs (Python `okta`, Node `@okta/okta-sdk-nodejs`) against the sandbox, and against what
# `okta-rollout run` leaves behind in it; the library of Standard Webhooks against its notices, and one of JOSE against
# what it signs: programs we did not write, at pinned versions. Nothing is skipped: what cannot be installed is a failure.
#
#   tests/sdk/run.sh [BINARY]     default: target/debug/okta-rollout, brought up to date first
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)

# What one script or command may take; together they take some ten seconds.
readonly LIMIT_S=120
# The rate-limited org: calls per window, and a window short enough to wait for.
readonly RATE_LIMIT=3 RATE_WINDOW=2s
# The SDK wants 14; the scripts use fetch, which came with 18.
readonly NODE_MIN=18

work=$(mktemp -d)
results=$work/results
: >"$results"
started=()

clean_up() {
  local pid
  for pid in "${started[@]}"; do
    kill "$pid" 2>/dev/null || true
  done
  rm -rf "$work"
}
trap clean_up EXIT

say() { printf '%s\n' "$*" >&2; }
give_up() { say "error: $*"; exit 1; }

# Installs Debian packages.
apt_install() {
  local sudo=()
  ((EUID == 0)) || sudo=(sudo)
  "${sudo[@]}" apt-get update -qq
  "${sudo[@]}" apt-get install -y -qq --no-install-recommends "$@" >&2
}

install_python_sdk() {
  python3 -c 'import venv, ensurepip' 2>/dev/null || apt_install python3 python3-venv
  python3 -m venv "$work/python"
  python=$work/python/bin/python
  "$python" -m pip install --quiet --disable-pip-version-check --requirement "$here/python/requirements.txt" >&2
}

install_node_sdk() {
  if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
    apt_install nodejs npm
  fi
  node -e "process.exit(parseInt(process.versions.node, 10) >= $NODE_MIN ? 0 : 1)" ||
    give_up "Node $NODE_MIN or later is needed, this is $(node --version)"
  mkdir "$work/node"
  cp "$here"/node/package*.json "$work/node/"
  (cd "$work/node" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >&2)
}

# Runs a command without the settings, proxies and home folder of whoever started this script.
plainly() {
  timeout "$LIMIT_S" env -i PATH="$PATH" HOME="$work" PYTHONUTF8=1 PYTHONDONTWRITEBYTECODE=1 \
    NODE_PATH="$work/node/node_modules" "$@"
}

# Notes a check of this script itself: ok|FAILED, what.
note() { printf '%s run.sh: %s\n' "$1" "$2" | tee -a "$results"; }

# Runs one of the scripts and keeps its lines; one that says nothing, or dies unheard, has failed.
checks() {
  local name=$1 lines=$work/lines status=0
  shift
  plainly "$@" >"$lines" || status=$?
  tee -a "$results" <"$lines"
  if ((status != 0)) && ! grep -q '^FAILED ' "$lines"; then
    note FAILED "$name ended with $status"
  elif ! grep -q '^ok ' "$lines"; then
    note FAILED "$name checked nothing"
  fi
}

# Serves one simulated org on a free port; sets url and token. A bare 127.0.0.1 is the first org, and
# needs no resolver that knows *.localhost.
serve() {
  local line answers
  exec {answers}< <(exec env -i "$binary" sandbox --orgs 1 "$@" 2>"$work/sandbox.log")
  started+=($!)
  IFS= read -r -t "$LIMIT_S" line <&"$answers" ||
    give_up "the sandbox does not start: $(cat "$work/sandbox.log")"
  [[ $line =~ ^http://[^:]+:([0-9]+)\ +SSWS\ ([^ ]+)$ ]] || give_up "the sandbox says: $line"
  url=http://127.0.0.1:${BASH_REMATCH[1]}
  token=${BASH_REMATCH[2]}
}

# Runs okta-rollout, which must end with this exit code; what it prints is kept in $work/stdout.
rollout() {
  local wanted=$1 status=0
  shift
  plainly ORG_TOKEN="$token" APP_SECRET='a-secret-of-an-app' \
    "$binary" --ledger "$work/ledger.db" --no-progress "$@" >"$work/stdout" 2>"$work/stderr" || status=$?
  if ((status == wanted)); then
    note ok "okta-rollout $1 exits $wanted"
  else
    note FAILED "okta-rollout $1 exits $status instead of $wanted: $(tr '\n' ' ' <"$work/stderr")"
  fi
}

# Both SDKs hold what is there now against a manifest.
read_back() {
  checks rolled_out.py "$python" "$here/python/rolled_out.py" "$url" "$token" "$1"
  checks rolled_out.js node "$here/node/rolled_out.js" "$url" "$token" "$1"
}

# The SDKs do the work. Each has orgs of its own: what one did is not there for the other.
sdks_work() {
  local open
  for script in python node; do
    serve --apps 18 --limit 0
    open=("$url" "$token")
    serve --apps 18 --limit "$RATE_LIMIT" --window "$RATE_WINDOW"
    case $script in
      python) checks sandbox.py "$python" "$here/python/sandbox.py" "${open[@]}" "$url" "$token" "$RATE_LIMIT" ;;
      node) checks sandbox.js node "$here/node/sandbox.js" "${open[@]}" "$url" "$token" "$RATE_LIMIT" ;;
    esac
  done
}

# okta-rollout does the work, a person consents, and the SDKs read what came of it.
rollout_works() {
  serve --apps 6 --limit 0
  printf 'org,url,auth.apiToken\nacme,%s,env:ORG_TOKEN\n' "$url" >"$work/orgs.csv"
  rollout 4 run "$here/rollout.json" --orgs "$work/orgs.csv"
  rollout 0 consent list --format json
  plainly "$python" "$here/python/browser.py" <"$work/stdout" >"$work/pages" || note FAILED 'nobody could consent'
  rollout 0 consent complete --file "$work/pages"
  rollout 0 resume
  read_back "$here/rollout.json"
  rollout 0 run "$here/switched-off.json" --orgs "$work/orgs.csv"
  read_back "$here/switched-off.json"
}

# A JUnit parser that others use reads the report of a run in which entries are done, failed, waiting and held back.
reports_work() {
  local other
  serve --apps 1 --limit 0
  other=$url
  serve --apps 6 --limit 0
  # The other one refuses the token, so that its entries are held back.
  printf 'org,url,auth.apiToken\nacme,%s,env:ORG_TOKEN\nglobex,%s,env:APP_SECRET\n' "$url" "$other" >"$work/orgs.csv"
  rollout 3 run "$here/reports.json" --orgs "$work/orgs.csv"
  rollout 0 report --format junit -o "$work/junit.xml"
  rollout 0 report --format json -o "$work/report.json"
  checks junit.py "$python" "$here/python/junit.py" "$work/junit.xml" "$work/report.json"
}

# Okta's SDK is let in as a service app by the sandbox, which knows it from its settings or has registered it, and what okta-rollout signs is verified by a library of JOSE.
service_apps_work() {
  local mode keys=$root/tests/support/keys
  for mode in PLAIN DPOP; do
    plainly "$python" "$here/python/clients.py" 0oaSdk "$keys/rsa.pkcs8.pem" k1 "$mode" >"$work/clients.toml"
    serve --apps 6 --limit 0 --settings "$work/clients.toml"
    checks service_app.py "$python" "$here/python/service_app.py" "$url" 0oaSdk "$keys/rsa.pkcs8.pem" k1 "$mode"
  done
  serve --apps 6 --limit 0
  checks registered.py "$python" "$here/python/registered.py" "$url" "$token" "$keys/rsa.pkcs8.pem"
  mkdir "$work/jose"
  checks jose.py "$python" "$here/python/jose.py" "$binary" "$keys" "$work/jose"
}

# okta-rollout notifies a webhook, whose owner verifies the signatures with the specification's own library.
webhook_verifies() {
  mkdir "$work/webhook"
  checks webhook.py "$python" "$here/python/webhook.py" "$binary" "$work/webhook"
}

# Not behind `||`: there, a failing command inside would not end the script.
install_python_sdk
install_node_sdk
if (($# > 0)); then
  binary=$(realpath "$1")
else
  (cd "$root" && cargo build --locked --quiet)
  binary=${CARGO_TARGET_DIR:-$root/target}/debug/okta-rollout
fi

sdks_work
rollout_works
reports_work
service_apps_work
webhook_verifies

passed=$(grep -c '^ok ' "$results" || true)
failed=$(grep -c '^FAILED ' "$results" || true)
echo "$passed passed, $failed failed"
((failed == 0 && passed > 0))
