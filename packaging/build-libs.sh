#!/bin/sh
# Makes libifetch.a and libifetch.so in a folder:
#
#     packaging/build-libs.sh BUILD VERSION SOVERSION
#
# What rustc calls a static library shows all of Rust's standard library to the linker, so that
# no two of them fit into one program. Here it becomes a single object that shows the functions in
# exports.txt and nothing else, and both libraries are made of that object.
set -eu

build=$1 version=$2 soversion=$3
packaging=$(dirname "$0")
exports=$packaging/exports.txt
rust_library=${CARGO_TARGET_DIR:-target}/release/libifetch.a

cargo rustc --locked --lib --release --crate-type staticlib

# Made aside and moved into place at the end: whoever links meanwhile sees whole files.
mkdir -p "$build"
work=$(mktemp -d "$build/libs.XXXXXX")
trap 'rm -rf "$work"' EXIT

# Only what the exports need is taken, and only they stay visible.
ld -r --force-group-allocation --gc-sections $(sed 's/^/-u /' "$exports") \
    "$rust_library" -o "$work/all.o"
objcopy --keep-global-symbols="$exports" -R .llvmbc -R .llvmcmd "$work/all.o" "$work/ifetch.o"
strip -g "$work/ifetch.o"
ar rcsD "$work/libifetch.a" "$work/ifetch.o"

# nodelete: a helper thread may still be in a name lookup when the program calls dlclose().
${CC:-cc} -shared "$work/ifetch.o" -o "$work/libifetch.so" \
    -Wl,-soname,"libifetch.so.$soversion" \
    -Wl,--version-script="$packaging/libifetch.map" \
    -Wl,-z,defs -Wl,-z,now -Wl,-z,nodelete -Wl,-z,noexecstack \
    -Wl,--gc-sections -Wl,--as-needed

mv "$work/libifetch.a" "$build/libifetch.a"
mv "$work/libifetch.so" "$build/libifetch.so.$version"
ln -sfn "libifetch.so.$version" "$build/libifetch.so.$soversion"
ln -sfn "libifetch.so.$soversion" "$build/libifetch.so"
