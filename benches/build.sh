#!/bin/sh
# Compiles the benchmark programs:
#
#     benches/build.sh INTO [LIBRARY]        LIBRARY is build/libifetch.a unless said
set -eu

benches=$(dirname "$0")
into=$1
library=${2:-$benches/../build/libifetch.a}

compile() {
    ${CC:-cc} -std=c11 -D_GNU_SOURCE -O2 -g -Wall -Wextra -Wpedantic -Werror \
        -I"$benches/../include" "$@"
}

client() {
    name=$1
    shift
    compile "$benches/$name.c" "$into/bench.o" "$into/rows.o" "$into/waiting.o" "$into/lookups.o" "$@" -pthread \
        -o "$into/$name"
}

mkdir -p "$into"
for object in bench rows waiting lookups; do
    compile -c "$benches/$object.c" -o "$into/$object.o"
done
compile "$benches/server.c" "$into/bench.o" -o "$into/server"
client raw
client openssl -lssl -lcrypto
client curl -lcurl
client ifetch "$library" -lm -ldl

# Where cargo has put the one in Rust, it says itself.
built=$(cd "$benches/.." && cargo bench --locked --bench rustls --no-run --message-format=json)
program=$(printf '%s\n' "$built" | sed -n 's/.*"name":"rustls".*"executable":"\([^"]*\)".*/\1/p')
cp "$program" "$into/rustls"
