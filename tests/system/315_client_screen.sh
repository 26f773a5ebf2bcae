#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# beside: others
# The screen of a run, on a terminal of its own.
set -eu
. tests/system/client_lib.sh

if ! script -qec true /dev/null > "$HS_TMP/screen" 2>&1 < /dev/null; then
    echo "no terminal can be made: $(tail -1 "$HS_TMP/screen")"
    exit 77
fi
start_target
TERM=xterm LANG=C.UTF-8 script -qec "$hyperscale run $url -d 1s" /dev/null > "$HS_TMP/screen" \
    < /dev/null || fail "on a terminal"
grep -q 'response time' "$HS_TMP/screen" || fail "no screen"
! grep -q "$(printf '\033')\[?\(1049\|25\)" "$HS_TMP/screen" ||
    fail "the terminal was put into another mode"

# A process of the tree that dies makes the tree's log speak: on the screen, and after it. The run
# goes on. (exec: some shells would stay between `script` and the client.)
has_child() { children_of "$1" && [ -n "$children" ]; }
kill_gate() { # false: the load was over before it was found
    local terminal is_killed=
    : > "$HS_TMP/screen"
    TERM=xterm LANG=C.UTF-8 script -qec "exec $hyperscale run $url -R 500/s -d 3s" /dev/null \
        > "$HS_TMP/screen" < /dev/null &
    terminal=$!
    until_true "the client" has_child $terminal
    if find_role "$children" gate; then
        until_true "load" grep -q "steady" "$HS_TMP/screen"
        ! kill -KILL "$role" 2> /dev/null || is_killed=yes
    fi
    wait $terminal || fail "after the death of the gate: $(tail -5 "$HS_TMP/screen")"
    [ -n "$is_killed" ]
}
kill_gate || kill_gate || kill_gate || fail "there is no gate"
grep -q "gate died" "$HS_TMP/screen" || fail "nobody tells of the gate"
grep -q "died process=gate" "$HS_TMP/screen" || fail "the log of the tree is lost"
