#!/bin/sh
# What `make demo` runs once the examples are built: plain, and then over TLS, for which a
# certificate is made on the spot.
set -eu
cd "$(dirname "$0")"
examples=$PWD build=$PWD/../build/examples

"$build/demo" "$build/slow_server"

for tool in openssl python3; do
    if ! command -v "$tool" >/dev/null; then
        printf '\nWithout %s there is no server for TLS here: that part is left out.\n' "$tool"
        exit 0
    fi
done
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
openssl req -x509 -days 2 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=demo \
    -addext subjectAltName=DNS:localhost -keyout "$folder/key.pem" -out "$folder/cert.pem" \
    2>/dev/null
printf '\nThe same over TLS, for https://localhost.\n\n'
"$build/demo" "$build/slow_server" \
    "exec python3 '$examples/tls_relay.py' %u '$folder/cert.pem' '$folder/key.pem' 2" \
    "$folder/cert.pem"
