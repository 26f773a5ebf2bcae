#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# demo - what `make run` shows: the built-in target on a free loopback port, and five seconds of
# load against it.
set -eu
bin=${HS_BUILD:-build}
log=$(mktemp)
target=
finish() {
    [ -z "$target" ] || kill "$target" 2> /dev/null || :
    rm -f "$log"
}
trap finish EXIT
trap 'exit 130' INT TERM

[ -x "$bin/hyperscale" ] || { echo "demo: $bin/hyperscale is not built" >&2; exit 1; }
"$bin/hyperscale" target --listen 127.0.0.1:0 > "$log" 2>&1 &
target=$!
# The target says on its first line where it listens.
port=
for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
    port=$(sed -n 's/^.*127\.0\.0\.1:\([0-9]\{1,5\}\).*$/\1/p' "$log" | head -1)
    [ -z "$port" ] || break
    kill -0 "$target" 2> /dev/null || break
    sleep 0.1
done
[ -n "$port" ] || { echo "demo: the target did not start:" >&2; cat "$log" >&2; exit 1; }
echo "\$ hyperscale run http://127.0.0.1:$port/ -d 5s"
"$bin/hyperscale" run "http://127.0.0.1:$port/" -d 5s
