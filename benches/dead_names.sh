#!/bin/sh
# Runs a client against a server of its own, in a network of its own whose names nobody answers for,
# but for known.example:
#
#     benches/dead_names.sh SERVER CLIENT ROW COUNT CONCURRENCY
set -eu

if [ "${BENCH_ALONE:-}" = "" ]; then
    # Root needs no user namespace, which containers refuse.
    [ "$(id -u)" = 0 ] && as_root= || as_root=--map-root-user
    exec env BENCH_ALONE=1 unshare $as_root --mount --net -- "$0" "$@"
fi

folder=$(mktemp -d)
server=
trap 'exec 9>&-; [ -z "$server" ] || wait "$server"; rm -rf "$folder"' EXIT
ip link set lo up
printf 'nameserver 127.0.0.1\noptions timeout:2 attempts:1\n' >"$folder/resolv.conf"
printf 'hosts: files dns\n' >"$folder/nsswitch.conf"
printf '127.0.0.1 known.example\n' >"$folder/hosts"
for file in resolv.conf nsswitch.conf hosts; do
    mount --bind "$folder/$file" "/etc/$file"
done

mkfifo "$folder/stop" "$folder/port"
"$1" <"$folder/stop" >"$folder/port" &
server=$!
exec 9>"$folder/stop"          # the server ends when this does
read -r port <"$folder/port"
"$2" "$3" "$port" "$4" "$5"
