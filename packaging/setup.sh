#!/bin/sh
# Installs what the tests and benchmarks use and this machine lacks: Debian packages, and the
# rustfmt and clippy that belong to the toolchain. Does nothing when all is there.
set -eu

packages="gcc g++ clang libclang-rt-14-dev cmake pkg-config valgrind libc6-dbg strace
    nginx libcurl4-openssl-dev python3 python3-cffi luajit iproute2"

cargo fmt --version >/dev/null 2>&1 || rustup component add rustfmt
cargo clippy --version >/dev/null 2>&1 || rustup component add clippy

missing=
for package in $packages; do
    status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) || status=none
    [ "$status" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

as_root=
[ "$(id -u)" = 0 ] || as_root=sudo

# The tests start an nginx of their own; the one that the package would start must not run.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    trap '$as_root rm -f "$policy"' EXIT
    printf '#!/bin/sh\nexit 101\n' | $as_root tee "$policy" >/dev/null
    $as_root chmod 755 "$policy"
fi

$as_root apt-get update
$as_root env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y --no-install-recommends $missing
