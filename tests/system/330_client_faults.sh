#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Whatever a target does is counted in its class; a process of the tree that dies costs no count.
set -eu
. tests/system/client_lib.sh

class_of() { # MODE CLASS
    start_target --mode "$1"
    expect 99 "$hyperscale" run "$url" -d 1s -c 4 --timeout 300ms --drain 500ms --json
    # A slow machine may let a few time out instead.
    holds "$HS_TMP/out" "d['errors'].get('$2', 0) >= 0.95 * r['failed'] > 0 and r['completed'] == 0"
}
class_of silent timeout.response
class_of garbage http.parse
class_of reset recv.reset
class_of early-close recv.eof_early
class_of bad-chunk http.bad_chunk
class_of drip timeout.response
class_of endless-head http.header_too_big
class_of endless-body timeout.response

start_target --status 503
expect 99 "$hyperscale" run "$url" -d 1s -c 4 --json
holds "$HS_TMP/out" 'set(d["errors"]) == {"status.5xx"} and set(d["status"]) == {"503"}'

start_target
kill_one() { # NAME
    : > "$HS_TMP/err"
    "$hyperscale" run "$url" -R 1000/s -d 4s --cores 2 --json > "$HS_TMP/out" 2> "$HS_TMP/err" &
    local client=$! code=0 pid
    until_true "a second of load" grep -q '^t=1s' "$HS_TMP/err"
    pid=$(for p in $(tree_of $client); do ps -o pid=,args= -p "$p"; done | sed -n "s/^ *\([0-9]*\) hyperscaled: $1 *\$/\1/p" | head -1)
    [ -n "$pid" ] || fail "there is no $1"
    kill -KILL "$pid"
    wait $client || code=$?
    [ $code -eq 0 ] || fail "exit code $code after the death of $1: $(cat "$HS_TMP/err")"
    grep -q "^$1 died" "$HS_TMP/err" || fail "nobody tells of $1"
    holds "$HS_TMP/out" 'r["offered"] == 4000 and d["restarts"] >= 1'
}
for name in gate manager worker engine.0; do kill_one $name; done
