#!/bin/sh
# Installs what the tests and benchmarks use and this machine lacks: Debian packages; rustfmt,
# clippy and the sources of std (ThreadSanitizer needs one of its own), which belong to the
# toolchain; and Python servers, which go below target/. With the argument "servers", also the
# servers that only `make servers` asks. Does nothing when all is there.
set -eu
cd "$(dirname "$0")/.."

packages="gcc g++ clang libclang-rt-14-dev cmake pkg-config valgrind libc6-dbg strace
    nginx unbound libcurl4-openssl-dev libssl-dev openssl gnutls-bin python3 python3-cffi
    python3-venv nodejs luajit iproute2"
[ "${1:-}" != servers ] || packages="$packages
    apache2-bin caddy golang-go h2o haproxy lighttpd openjdk-17-jdk-headless php-cli"

cargo fmt --version >/dev/null 2>&1 || rustup component add rustfmt
cargo clippy --version >/dev/null 2>&1 || rustup component add clippy
[ -e "$(rustc --print sysroot)/lib/rustlib/src/rust/library/std" ] || rustup component add rust-src

missing=
for package in $packages; do
    status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) || status=none
    [ "$status" = installed ] || missing="$missing $package"
done

install_missing() {
    as_root=
    [ "$(id -u)" = 0 ] || as_root=sudo

    # The tests start servers of their own; those that the packages would start must not run.
    policy=/usr/sbin/policy-rc.d
    if [ ! -e "$policy" ]; then
        trap '$as_root rm -f "$policy"' EXIT
        printf '#!/bin/sh\nexit 101\n' | $as_root tee "$policy" >/dev/null
        $as_root chmod 755 "$policy"
    fi

    $as_root apt-get update
    $as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y --no-install-recommends $missing
}
[ -z "$missing" ] || install_missing

# Copied beside what was installed from it, so that a change is seen.
wanted=tests/servers/requirements.txt
venv=${CARGO_TARGET_DIR:-target}/venv
if ! cmp -s "$wanted" "$venv/requirements.txt"; then
    rm -rf "$venv"
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check --requirement "$wanted"
    cp "$wanted" "$venv"
fi
