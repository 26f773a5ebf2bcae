# SPDX-License-Identifier: Apache-2.0
# client_lib.sh - what the tests of the client share: the built-in target, runs, and a look into
# their JSON. To be sourced.
hyperscale=$HS_BUILD/hyperscale
hyperscaled=$HS_BUILD/hyperscaled
target=

fail() {
    echo "FAILED: $*" >&2
    exit 1
}

stop_target() {
    [ -z "$target" ] || kill -INT "$target" 2> /dev/null || :
    [ -z "$target" ] || wait "$target" 2> /dev/null || :
    target=
}
trap stop_target EXIT

# start_target FLAGS...: sets target (its pid) and url.
start_target() {
    stop_target
    # At once: the one below is opened when the shell gets round to it, and the last one's words are
    # still there.
    : > "$HS_TMP/target"
    "$hyperscale" target --listen 127.0.0.1:0 "$@" > "$HS_TMP/target" 2>&1 &
    target=$!
    until_true "the target listens" grep -q '^listening on ' "$HS_TMP/target"
    url=$(sed -n 's/^listening on //p' "$HS_TMP/target")
}

# until_true WHAT COMMAND...: waits for what surely comes, also on a loaded machine.
until_true() {
    local what=$1 i
    shift
    for i in $(seq 600); do
        ! "$@" > /dev/null 2>&1 || return 0
        sleep 0.05
    done
    fail "$what: not within 30 s: $(tail -n 5 "$HS_TMP/target" "$HS_TMP/err" 2> /dev/null)"
}

has_sent() {
    python3 -c 'import json, sys, urllib.request as u
sys.exit(json.load(u.urlopen(sys.argv[1] + "_counts"))["requests"] < 4)' "$url"
}

# expect CODE COMMAND...: runs it with output in $HS_TMP/out and $HS_TMP/err.
expect() {
    local wanted=$1 code=0
    shift
    "$@" > "$HS_TMP/out" 2> "$HS_TMP/err" || code=$?
    [ $code -eq "$wanted" ] || fail "exit code $code, not $wanted: $*:" \
        "$(tail -n 5 "$HS_TMP/out"; tail -n 5 "$HS_TMP/err")"
}

# holds FILE EXPRESSION: of the one JSON document d in it, and its requests r. Identities are always
# looked at.
holds() {
    python3 - "$1" "$2" << 'PYTHON' || fail "does not hold of $1: $2"
import json, sys
d = json.load(open(sys.argv[1]))
r = d.get("requests", {})
if isinstance(r, dict) and r:
    assert r["offered"] == r["sent"] + r["dropped"] + r["shed"] + r["lost"], r
    assert r["sent"] == r["completed"] + r["failed"] + r["cut"], r
    assert r["failed"] == sum(d["errors"].values()), (r, d["errors"])
if not eval(sys.argv[2]):
    print(json.dumps(d), file=sys.stderr)
    sys.exit(1)
PYTHON
}

# The rest asks /proc alone: pgrep looks at every process there is, and on a loaded machine that
# takes longer than a load.
children_of() { # PID: sets children
    children=
    read -r children 2> /dev/null < "/proc/$1/task/$1/children" || :
}

# find_role PID ROLE: sets supervisor, and role to that process of the tree below the client PID;
# false: the client has ended before there was one.
find_role() {
    local child title
    while kill -0 "$1" 2> /dev/null; do
        children_of "$1"
        supervisor=${children%% *}
        children_of "${supervisor:-none}"
        for role in $children; do
            title=
            read -r -d '' title 2> /dev/null < "/proc/$role/cmdline" || :
            [ "$title" != "hyperscaled: $2" ] || return 0
        done
        sleep 0.05
    done
    return 1
}

# tree_of PID: processes of the tree below the client PID.
tree_of() {
    local daemon
    children_of "$1"
    for daemon in $children; do
        echo "$daemon"
        children_of "$daemon"
        [ -z "$children" ] || printf '%s\n' $children
    done
}
