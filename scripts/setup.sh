#!/bin/sh
# Puts on this machine what livespan needs and does not have yet.
#
#   scripts/setup.sh run     what `make run` needs: Postgres, Rust, a C linker
#   scripts/setup.sh test    the same, and what `make test` and `make lint` need
#
# Says each thing that it installs, in one line; silent when all is there.
# On Debian and Ubuntu it installs by apt-get, and Rust by rustup. Elsewhere it says what to install
# by hand, and succeeds once the tools are there, however they came.

set -eu

mode=${1:-run}
case $mode in
run | test) ;;
*)
    echo "usage: $0 run|test" >&2
    exit 2
    ;;
esac

repository=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
tools=$repository/target/tools
grpcurl_version=v1.9.4
# What that release of grpcurl asks for in its go.mod.
go_minimum_minor=25
# Keep in step with rust-version in Cargo.toml.
rust_minimum_minor=95
log=$repository/target/setup.log
missing=0

# Where rustup and Go's own packages put programs; a shell opened before they
# were installed does not know yet.
PATH=$PATH:${CARGO_HOME:-${HOME:-/root}/.cargo}/bin:/usr/local/go/bin
export PATH

say() { echo "setup: $*"; }

# by_hand WHAT: cannot be installed here; the reader has to.
by_hand() {
    say "please install by hand: $*" >&2
    missing=1
}

has() { command -v "$1" >/dev/null 2>&1; }

# The output of an installation matters only when it fails.
quietly() {
    mkdir -p "$(dirname "$log")"
    if ! "$@" >"$log" 2>&1; then
        tail -n 20 "$log" >&2
        say "failed: $*" >&2
        return 1
    fi
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    else
        sudo "$@"
    fi
}

can_apt() { has apt-get && { [ "$(id -u)" -eq 0 ] || has sudo; }; }

apt_updated=no
apt() { # PACKAGE...
    if [ "$apt_updated" = no ]; then
        quietly as_root apt-get update
        apt_updated=yes
    fi
    quietly as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get install --yes --no-install-recommends "$@"
}

# The minor number of `cargo 1.95.0 …` or `go version go1.26.1 …`.
minor_of() { sed -n 's/^[^0-9]*1\.\([0-9][0-9]*\).*/\1/p' | head -n 1; }

has_postgres() {
    "$repository/scripts/with-postgres.sh" --bin-dir >/dev/null 2>&1
}

need_postgres() {
    has_postgres && return
    if ! can_apt; then
        by_hand "the PostgreSQL server, 14 or later (dnf install postgresql-server, brew install postgresql)"
        return
    fi
    say "installing the PostgreSQL server (apt: postgresql)"
    apt postgresql-common
    # The package would make a cluster and start it; livespan runs its own.
    # Only for this installation: the file goes away again.
    folder=/etc/postgresql-common/createcluster.d
    drop_in=$folder/livespan-setup.conf
    if grep -q "^include_dir.*$folder" "${folder%.d}.conf" 2>/dev/null; then
        as_root mkdir -p "$folder"
        echo 'create_main_cluster = false' | as_root tee "$drop_in" >/dev/null
    fi
    status=0
    apt postgresql || status=$?
    as_root rm -f "$drop_in"
    # Stays where others have put something into it.
    as_root rmdir "$folder" 2>/dev/null || :
    [ "$status" -eq 0 ] || return "$status"
    has_postgres || by_hand "PostgreSQL 14 or later (this release's package is older)"
}

need_compiler() {
    # Rust calls it to link, and some crates to compile C.
    has cc && return
    if can_apt; then
        say "installing a C compiler and linker (apt: gcc libc6-dev)"
        apt gcc libc6-dev
    else
        by_hand "a C compiler (dnf install gcc, xcode-select --install)"
    fi
}

rust_is_enough() {
    has cargo || return 1
    minor=$(cd "$repository" && cargo --version 2>/dev/null | minor_of)
    [ -n "$minor" ] && [ "$minor" -ge "$rust_minimum_minor" ]
}

need_rust() {
    rust_is_enough && return
    if ! has rustup && can_apt; then
        # Newer releases have rustup; their rustc, and older ones', is too old.
        say "installing rustup (apt: rustup), if this release has it"
        apt rustup || :
    fi
    if ! has rustup && can_apt; then
        say "installing rustup into your home folder (its own installer, from https://sh.rustup.rs)"
        has curl || apt curl ca-certificates
        quietly sh -c 'curl --proto "=https" --tlsv1.2 -sSf https://sh.rustup.rs |
            sh -s -- -y --no-modify-path --profile minimal --default-toolchain none' || :
    fi
    if has rustup; then
        say "installing the stable Rust toolchain (rustup: stable)"
        quietly rustup toolchain install stable --profile minimal
        quietly rustup default stable
        hash -r
    fi
    rust_is_enough ||
        by_hand "Rust 1.$rust_minimum_minor or later, as https://rustup.rs says"
}

need_component() { # PROGRAM COMPONENT
    cargo "$1" --version >/dev/null 2>&1 && return
    if has rustup; then
        say "installing $2 (rustup component)"
        quietly rustup component add "$2"
    else
        by_hand "the Rust component $2"
    fi
}

go_is_enough() {
    has go || return 1
    minor=$(go version 2>/dev/null | minor_of)
    [ -n "$minor" ] && [ "$minor" -ge "$1" ]
}

# Go's own name for the machine's newest packaged Go, as far as apt knows.
packaged_go_minor() {
    apt-cache policy golang-go 2>/dev/null |
        sed -n 's/^ *Candidate: *\(2:\)*1\.\([0-9][0-9]*\).*/\2/p'
}

need_grpcurl() {
    if [ -x "$tools/grpcurl" ] || has grpcurl; then
        return
    fi
    # From 1.21 on, Go fetches a newer toolchain by itself where one is asked for.
    if ! go_is_enough 21 && can_apt; then
        minor=$(packaged_go_minor)
        if [ -n "$minor" ] && [ "$minor" -ge 21 ]; then
            say "installing Go, to build grpcurl (apt: golang-go)"
            apt golang-go
        fi
    fi
    if ! go_is_enough 21; then
        say "left out grpcurl: it needs Go 1.$go_minimum_minor, and this system packages none so new"
        return
    fi
    say "building grpcurl $grpcurl_version into target/tools (go install)"
    mkdir -p "$tools"
    GOBIN=$tools quietly go install "github.com/fullstorydev/grpcurl/cmd/grpcurl@$grpcurl_version" ||
        say "left out grpcurl: its build failed, see above"
}

need_postgres
need_compiler
need_rust
if [ "$mode" = test ]; then
    need_component fmt rustfmt
    need_component clippy clippy
    need_grpcurl
fi
exit "$missing"
