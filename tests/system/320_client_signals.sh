#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 300
# beside: others
# What ends a run early: SIGINT and SIGTERM report what was measured, a second signal ends at once,
# also while the tree ends, and a client that is killed takes its tree with it.
set -eu
. tests/system/client_lib.sh
set -m # a background job without this ignores SIGINT

start_target
interrupt() { # SIGNAL CODE
    local code=0
    : > "$HS_TMP/err"
    "$hyperscale" run "$url" -d 60s -c 4 --json > "$HS_TMP/out" 2> "$HS_TMP/err" &
    local client=$!
    until_true "a second of load" grep -q '^t=1s' "$HS_TMP/err"
    kill -"$1" $client
    wait $client || code=$?
    [ $code -eq "$2" ] || fail "exit code $code after $1: $(cat "$HS_TMP/err")"
    holds "$HS_TMP/out" 'd["interrupted"] and r["completed"] > 0'
}
interrupt INT 130
interrupt TERM 143

wait_gone() { # PIDS...
    local i pid alive
    for i in $(seq 100); do
        alive=
        for pid; do
            [ ! -d "/proc/$pid" ] || grep -q '^State:.Z' "/proc/$pid/status" 2> /dev/null ||
                alive="$alive $pid"
        done
        [ -n "$alive" ] || return 0
        sleep 0.05
    done
    fail "still there: $(ps -o pid,args -p "${alive# }" 2>&1)"
}

stop_target
start_target --mode silent
: > "$HS_TMP/err"
"$hyperscale" run "$url" -d 60s -c 4 --drain 30s --timeout 30s > "$HS_TMP/out" 2> "$HS_TMP/err" &
client=$!
until_true "load" has_sent
tree=$(tree_of $client)
[ "$(echo "$tree" | wc -l)" -ge 5 ] || fail "the tree is not whole: $tree"
kill -INT $client
until_true "a word about the signal" grep -q stopping "$HS_TMP/err"
kill -INT $client
code=0
wait $client || code=$?
[ $code -eq 130 ] || fail "exit code $code after two signals"
wait_gone $tree

# The result is out, and the tree does not end: its supervisor stands still.
stop_supervisor() { # of a run that has load: sets client and tree; false: it was over before
    : > "$HS_TMP/err"
    "$hyperscale" run "$url" -d 4s -c 4 --json > "$HS_TMP/out" 2> "$HS_TMP/err" &
    client=$! tree=
    if find_role $client engine.0; then tree=$(tree_of $client); fi
    until_true "load" grep -q '^t=1s' "$HS_TMP/err"
    [ -z "$tree" ] || ! kill -STOP "$supervisor" 2> /dev/null || return 0
    wait $client || fail "exit code $? of a run that nobody disturbed"
    return 1
}
begin_last_wait() {
    stop_target
    start_target
    stop_supervisor || stop_supervisor || stop_supervisor || fail "its supervisor cannot be stopped"
    until_true "the result" grep -q '^}' "$HS_TMP/out"
}
end_last_wait() { # SECONDS BEGIN: it ended, this long after that
    code=0
    wait $client || code=$?
    [ $code -eq 0 ] || fail "exit code $code though the result was whole: $(cat "$HS_TMP/err")"
    [ $(($(date +%s%N) - $2)) -lt "$1"000000000 ] || fail "it waited on for more than $1 s"
    holds "$HS_TMP/out" 'not d["interrupted"] and r["completed"] > 0'
    wait_gone $tree
}
begin_last_wait
begin=$(date +%s%N)
kill -INT $client
end_last_wait 9 "$begin" # of 15
begin_last_wait
kill -INT $client
until_true "a word about the signal" grep -q 'once more' "$HS_TMP/err"
begin=$(date +%s%N)
kill -TERM $client
end_last_wait 2 "$begin" # of 4

stop_target
start_target
"$hyperscale" run "$url" -d 60s -c 4 > /dev/null 2>&1 &
client=$!
until_true "load" has_sent
tree=$(tree_of $client)
kill -KILL $client
wait $client 2> /dev/null || :
wait_gone $tree
