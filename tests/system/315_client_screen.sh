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
