#!/bin/sh
# run.sh generate makes src/gen anew; run.sh test compiles and runs the tests of the
# Node SDK against target/debug/livespan, or the binary in LIVESPAN_BIN. Both install
# first what package-lock.json names. On a machine whose Node is too old, or absent,
# it says so at the end of `make test`.
set -eu

client=$(cd "$(dirname "$0")/.." && pwd)
repository=$(cd "$client/../.." && pwd)

if ! node -e 'const [major, minor] = process.versions.node.split("."); process.exit(+major > 20 || (+major === 20 && +minor >= 11) ? 0 : 1)' 2>/dev/null; then
    mkdir -p "$repository/target/interop"
    echo "left out: clients/node, which needs Node 20.11 or later" |
        tee -a "$repository/target/interop/left-out"
    # Where nothing may be left out, as in CI.
    [ "${LIVESPAN_INTEROP:-}" != required ] && [ -z "${CI:-}" ]
    exit
fi

cd "$client"
installed=node_modules/.package-lock.json
if [ ! -e "$installed" ] || [ package-lock.json -nt "$installed" ]; then
    npm ci --no-audit --no-fund
fi
if [ "${1:-test}" = generate ]; then
    npm run --silent generate
else
    npm test --silent
fi
