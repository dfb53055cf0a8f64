#!/bin/sh
# What `make demo` runs once the examples are built.
set -eu
cd "$(dirname "$0")/../build/examples"
exec ./demo ./slow_server
