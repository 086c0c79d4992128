#!/bin/sh
# run.sh build     builds the page into dist/, where the server's build takes it from
# run.sh test      types, lint, unit tests, and the tests in a browser, against
#                  target/debug/livespan or the binary in LIVESPAN_BIN
# run.sh generate  makes src/api/schema.ts anew from the server's OpenAPI document
# run.sh measure   opens and scrolls a run of 10,000 steps, and leaves the overview open
#
# All install first what package-lock.json names. Where Node is too old, or absent, the
# page is left out: the server is built without it, and says so at /.
set -eu

client=$(cd "$(dirname "$0")/.." && pwd)
repository=$(cd "$client/../.." && pwd)
mode=${1:-build}

# As vite and the others want it: 20.19, 22.12, or later.
if ! node -e 'const [major, minor] = process.versions.node.split("."); process.exit(+major > 22 || (+major === 22 && +minor >= 12) || (+major === 20 && +minor >= 19) ? 0 : 1)' 2>/dev/null ||
    ! command -v npm >/dev/null 2>&1; then
    echo "dashboard: left out, since it needs Node 20.19 or 22.12 or later, with npm" >&2
    mkdir -p "$repository/target/interop"
    [ "$mode" = build ] || echo "left out: clients/dashboard, which needs Node 20.19 or 22.12 or later" >>"$repository/target/interop/left-out"
    # Where nothing may be left out, as in CI.
    [ "${LIVESPAN_INTEROP:-}" != required ] && [ -z "${CI:-}" ]
    exit
fi

cd "$client"
installed=node_modules/.package-lock.json
install_packages() {
    if [ ! -e "$installed" ] || [ package-lock.json -nt "$installed" ]; then
        npm ci --no-audit --no-fund --loglevel=error
    fi
}

case $mode in
build)
    # Not again where nothing has changed: the server would be compiled anew for it.
    if [ ! -e dist/index.html ] || [ -n "$(find src public scripts/compress.mjs index.html vite.config.ts package-lock.json -newer dist/index.html -print -quit)" ]; then
        install_packages
        npm run --silent build
    fi
    ;;
generate)
    install_packages
    npm run --silent generate
    ;;
test)
    install_packages
    npm run --silent types
    npm run --silent lint
    npm test --silent
    npm run --silent test:browser
    ;;
measure)
    install_packages
    npm run --silent measure
    ;;
*)
    echo "usage: $0 build|test|generate|measure" >&2
    exit 2
    ;;
esac
