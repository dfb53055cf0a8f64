#!/bin/sh
# Compiles the benchmark programs, runs every row, and prints one table:
#
#     benches/run.sh [--quick] [WORD...]        only the rows whose titles hold one of the words
set -eu

cd "$(dirname "$0")/.."
benches/build.sh build/benches
exec python3 -B benches/run.py build/benches "$@"
