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

mkdir -p "$into"
for object in bench waiting; do
    compile -c "$benches/$object.c" -o "$into/$object.o"
done
compile "$benches/server.c" "$into/bench.o" -o "$into/server"
compile "$benches/raw.c" "$into/bench.o" "$into/waiting.o" -pthread -o "$into/raw"
compile "$benches/curl.c" "$into/bench.o" "$into/waiting.o" -pthread -lcurl -o "$into/curl"
compile "$benches/ifetch.c" "$into/bench.o" "$into/waiting.o" "$library" -pthread -lm -ldl \
    -o "$into/ifetch"
