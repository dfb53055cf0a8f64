#!/bin/sh
# Compiles the benchmark programs, runs every row, and prints one table:
#
#     benches/run.sh [--quick]
set -eu

cd "$(dirname "$0")/.."
benches/build.sh build/benches
exec python3 benches/run.py build/benches "$@"
