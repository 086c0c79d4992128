#!/usr/bin/env bash
# Runs a command with a Postgres that exists for that command only.
#
#   scripts/with-postgres.sh cargo test
#   scripts/with-postgres.sh sh -c 'psql "$DATABASE_URL"'
#   scripts/with-postgres.sh --bin-dir      only says where the programs are
#
# Exports DATABASE_URL, a superuser's, understood by psql and sqlx. Returns the
# command's exit code, and removes the cluster however the command ends.
#
# PG_BIN names the folder of the server programs where they should not be
# searched for.

set -eu

if [ $# -eq 0 ]; then
    echo "usage: $0 COMMAND [ARGUMENT...]" >&2
    exit 2
fi

# The oldest major version that livespan accepts.
minimum=14

usable() { # FOLDER
    [ -x "$1/postgres" ] && [ -x "$1/initdb" ] && [ -x "$1/pg_ctl" ] || return 1
    major=$("$1/postgres" --version 2>/dev/null | sed -n 's/^[^0-9]*\([0-9][0-9]*\).*/\1/p')
    [ -n "$major" ] && [ "$major" -ge "$minimum" ]
}

find_bin_dir() {
    if [ -n "${PG_BIN:-}" ]; then
        usable "$PG_BIN" && echo "$PG_BIN"
        return
    fi
    {
        pg_config --bindir 2>/dev/null || :
        # Newest version first.
        for dir in /usr/lib/postgresql/*/bin /usr/pgsql-*/bin \
            /opt/homebrew/opt/postgresql@*/bin /usr/local/opt/postgresql@*/bin; do
            echo "$dir"
        done | sort -rV
        echo /usr/local/pgsql/bin
        echo "$PATH" | tr : '\n'
    } | while IFS= read -r dir; do
        if [ -n "$dir" ] && usable "$dir"; then
            echo "$dir"
            break
        fi
    done
}

bin=$(find_bin_dir) || bin=
if [ -z "$bin" ]; then
    echo "with-postgres: no PostgreSQL server of version $minimum or later; run scripts/setup.sh, or set PG_BIN" >&2
    exit 78 # EX_CONFIG of sysexits.h
fi
if [ "$1" = --bin-dir ]; then
    echo "$bin"
    exit
fi

# /tmp and not $TMPDIR or target/: a socket's path may have 107 bytes at most,
# and the user below must be able to get there.
root=$(mktemp -d /tmp/livespan-test-pg.XXXXXX)

# Postgres refuses to run as root.
if [ "$(id -u)" -eq 0 ]; then
    user=postgres
    if ! id "$user" >/dev/null 2>&1; then
        rmdir "$root"
        echo "with-postgres: started as root, and there is no user postgres to run the database" >&2
        exit 1
    fi
    chown "$user" "$root"
    # `su` is on every system; util-linux's runuser asks nobody (no PAM session).
    if command -v runuser >/dev/null 2>&1; then
        as_owner() { runuser -u "$user" -- "$@"; }
    else
        as_owner() { su -s /bin/sh "$user" -c 'exec "$0" "$@"' -- "$@"; }
    fi
else
    as_owner() { "$@"; }
fi

child=
clean_up() {
    status=$?
    trap '' EXIT HUP INT TERM
    # A signal to this script only would leave the command running, on a
    # database that is gone.
    if [ -n "$child" ]; then
        kill -- "-$child" 2>/dev/null || :
        wait "$child" 2>/dev/null || :
    fi
    # From a folder that the user may enter. Immediate: nobody needs the data.
    cd /
    if [ -f "$root/data/postmaster.pid" ]; then
        as_owner "$bin/pg_ctl" -D "$root/data" -m immediate -w stop >/dev/null 2>&1 || :
    fi
    rm -rf "$root"
    exit "$status"
}
trap clean_up EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

here=$(pwd)
cd /

failed() { # WHAT
    echo "with-postgres: $1 failed:" >&2
    tail -n 20 "$root/$2" >&2
    exit 1
}

as_owner "$bin/initdb" -D "$root/data" --username=livespan --encoding=UTF8 --locale=C \
    --auth-local=trust --auth-host=reject --no-sync >"$root/initdb.log" 2>&1 ||
    failed initdb initdb.log

# fsync and its kin are off because this data is thrown away in a moment; the
# database that `livespan serve` runs has them on. Many connections, since
# tests run side by side, each with pools of its own.
as_owner "$bin/pg_ctl" -D "$root/data" -l "$root/data/log" -w -t 60 start -o "\
    -c listen_addresses='' -c unix_socket_directories='$root' -c unix_socket_permissions=0700 \
    -c port=5432 -c max_connections=300 -c fsync=off -c full_page_writes=off \
    -c synchronous_commit=off -c shared_buffers=256MB -c max_wal_size=4GB \
    -c jit=off -c timezone=UTC -c max_locks_per_transaction=256" >"$root/start.log" 2>&1 ||
    failed "starting postgres" data/log

cd "$here"
encoded=$(echo "$root" | sed 's|/|%2F|g')
DATABASE_URL="postgres://livespan@localhost:5432/postgres?host=$encoded"
export DATABASE_URL

status=0
if [ -t 0 ]; then
    # At a terminal: its signals reach the command by themselves, and the
    # command may want to read from it.
    "$@" || status=$?
else
    # In the background, so that a signal to this script is acted upon at once
    # and not when the command ends; as a process group, so that it reaches
    # what the command has started; with the input that this script was given.
    set -m
    "$@" <&0 &
    child=$!
    set +m
    wait "$child" || status=$?
    child=
fi
exit "$status"
