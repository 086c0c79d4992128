#!/usr/bin/env bash
# livespan's own build, watched by livespan: the steps of a build as the spans of
# a run, one of them failing, one killed with the machine it ran on, and the
# retry that goes through.
#
#   livespan serve &            # or `make run` in another terminal
#   examples/traced-build.sh
#
# LIVESPAN names the binary, TASK the job.

set -uo pipefail
cd "$(dirname "$0")/.." || exit 1

livespan=${LIVESPAN:-target/release/livespan}
export LIVESPAN_TASK_ID=${TASK:-livespan-build}
export LIVESPAN_LAYER=L2_executor LIVESPAN_AGENT=ci
run_file=$(mktemp)
doomed=
# What stops at an interrupt is this script and the step in front, not a group of
# its own in the background.
clean_up() {
    [ -z "$doomed" ] || kill -KILL -- "-$doomed" 2>/dev/null
    rm -f "$run_file"
}
trap clean_up EXIT

# step NAME [OPTION...] -- COMMAND...: one span of the run.
step() {
    local name=$1
    shift
    "$livespan" exec --step "$name" --run-id-file "$run_file" "$@" >"target/traced-$name.log" 2>&1
    echo "  $name: exit $?"
}

mkdir -p target
unset LIVESPAN_RUN_ID LIVESPAN_ATTEMPT LIVESPAN_RETRY_OF DATABASE_URL

echo "first try"
step fmt -- cargo fmt --check
LIVESPAN_RUN_ID=$(cat "$run_file")
export LIVESPAN_RUN_ID
step clippy -- cargo clippy --quiet
step unit-tests -- scripts/with-postgres.sh cargo test --quiet --lib
# The build is configured wrongly: there is no Postgres in this folder.
PG_BIN=/opt/postgres/bin step query-tests -- scripts/with-postgres.sh cargo test --quiet --test query

# The machine goes away in the middle of a step: exec and its command are
# killed with all that they started, and nobody says that the step is over. A
# process group of their own, since a shell's child would outlive the shell.
set -m
"$livespan" exec --step documentation --stuck-after 5s --heartbeat 1s -- \
    sh -c 'cargo doc --quiet --no-deps; sleep 600' </dev/null >target/traced-documentation.log 2>&1 &
doomed=$!
set +m
until "$livespan" timeline "$LIVESPAN_RUN_ID" 2>/dev/null | grep -q documentation; do
    sleep 0.2
done
kill -KILL -- "-$doomed"
wait "$doomed" 2>/dev/null
doomed=
echo "  documentation: killed"

echo "second try"
export LIVESPAN_RETRY_OF=$LIVESPAN_RUN_ID LIVESPAN_ATTEMPT=2
unset LIVESPAN_RUN_ID
step unit-tests -- scripts/with-postgres.sh cargo test --quiet --lib
LIVESPAN_RUN_ID=$(cat "$run_file")
export LIVESPAN_RUN_ID
step query-tests -- scripts/with-postgres.sh cargo test --quiet --test query
step documentation -- cargo doc --quiet --no-deps

echo "look at it:"
echo "  livespan timeline $LIVESPAN_RETRY_OF"
echo "  livespan timeline $LIVESPAN_RUN_ID"
echo "  livespan stuck"
echo "  livespan failures"
