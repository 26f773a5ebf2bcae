#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 300
# beside: others
# Whatever a target does is counted in its class; a process of the tree that dies costs no count.
set -eu
. tests/system/client_lib.sh

# class_of MODE CLASS; who waits for a timeout has a short one, who is answered, one that a busy
# machine keeps
class_of() {
    local timeout=5s
    [ "$2" != timeout.response ] || timeout=300ms
    start_target --mode "$1"
    expect 99 "$hyperscale" run "$url" -d 1s -c 4 --timeout $timeout --drain 500ms --json
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
kill_one() { # NAME; false: it could not be found before the load was over
    : > "$HS_TMP/err"
    "$hyperscale" run "$url" -R 1000/s -d 4s --cores 2 --json > "$HS_TMP/out" 2> "$HS_TMP/err" &
    local client=$! code=0 is_killed=
    if find_role $client "$1"; then
        until_true "a second of load" grep -q '^t=1s' "$HS_TMP/err"
        ! kill -KILL "$role" 2> /dev/null || is_killed=yes
    fi
    wait $client || code=$?
    [ $code -eq 0 ] || fail "exit code $code after the death of $1: $(cat "$HS_TMP/err")"
    [ -n "$is_killed" ] || return 1
    grep -q "^$1 died" "$HS_TMP/err" || fail "nobody tells of $1"
    holds "$HS_TMP/out" 'r["offered"] == 4000 and d["restarts"] >= 1'
}
for name in gate manager worker engine.0; do
    kill_one $name || kill_one $name || kill_one $name || fail "there is no $name"
done
