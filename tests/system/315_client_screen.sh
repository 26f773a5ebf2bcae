#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The screen of a run, on a terminal of its own.
set -eu
. tests/system/client_lib.sh

if ! script -qec true /dev/null > "$HS_TMP/screen" 2>&1 < /dev/null; then
    echo "no terminal can be made: $(tail -1 "$HS_TMP/screen")"
    exit 77
fi
start_target
TERM=xterm LANG=C.UTF-8 script -qec "$hyperscale run $url -d 1s" /dev/null > "$HS_TMP/screen" < /dev/null || fail "on a terminal"
grep -q 'response time' "$HS_TMP/screen" || fail "no screen"
! grep -q "$(printf '\033')\[?\(1049\|25\)" "$HS_TMP/screen" || fail "the terminal was put into another mode"

# A process of the tree that dies makes the tree's log speak: on the screen, and after it. The run goes on. (exec: some shells
# would stay between `script` and the client.)
TERM=xterm LANG=C.UTF-8 script -qec "exec $hyperscale run $url -R 500/s -d 3s" /dev/null > "$HS_TMP/screen" < /dev/null &
terminal=$!
gate_of() { # of the client below `script`
    local client
    for client in $(pgrep -P "$terminal"); do tree_of "$client"; done | xargs -r ps -o pid=,args= -p | sed -n "s/^ *\([0-9]*\) hyperscaled: gate *\$/\1/p"
}
until_true "load" grep -q "steady" "$HS_TMP/screen"
gate=$(gate_of)
[ -n "$gate" ] || { kill $terminal; fail "there is no gate"; }
kill -KILL "$gate"
wait $terminal || fail "after the death of the gate: $(tail -5 "$HS_TMP/screen")"
grep -q "gate died" "$HS_TMP/screen" || fail "nobody tells of the gate"
grep -q "died process=gate" "$HS_TMP/screen" || fail "the log of the tree is lost"
