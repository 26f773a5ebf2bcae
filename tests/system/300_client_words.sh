#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 300
# beside: others
# The words of the client: help, versions, plans printed and checked, and exit codes 2 and 3 with a
# sentence.
set -eu
. tests/system/client_lib.sh

expect 0 "$hyperscale" version
expect 0 "$hyperscale" version --json
holds "$HS_TMP/out" 'd["schema"] == 1'
expect 0 "$hyperscale" help
for command in run check ping target submit list status watch cancel results top nodes ca keyring \
    version help; do
    grep -q "^  $command" "$HS_TMP/out" || fail "help does not name $command"
done
expect 0 "$hyperscale" help run
expect 2 "$hyperscale"
expect 2 "$hyperscale" run
expect 2 "$hyperscale" run x --conections 3
grep -q 'did you mean --connections?' "$HS_TMP/err" || fail "no nearest flag"
expect 2 "$hyperscale" run http://localhost/ -z 3s
grep -q 'see: hyperscale help run' "$HS_TMP/err" || fail "no way on: $(cat "$HS_TMP/err")"
expect 2 "$hyperscale" help wacth
grep -q 'did you mean watch?' "$HS_TMP/err" || fail "no nearest command: $(cat "$HS_TMP/err")"
expect 2 "$hyperscale" run https://localhost/
grep -q 'not in this version' "$HS_TMP/err" || fail "https"
expect 2 "$hyperscale" run http://localhost/ -n 5 -d 3s
expect 2 "$hyperscale" run http://localhost/ --cores 0
expect 2 "$hyperscale" list --gate eu-1:7400
grep -q 'needs --credentials DIR' "$HS_TMP/err" || fail "no credentials: $(cat "$HS_TMP/err")"
for words in list status "run http://localhost/"; do
    expect 2 "$hyperscale" $words --credentials "$HS_TMP"
    grep -q -- '--credentials goes with --gate' "$HS_TMP/err" ||
        fail "credentials for nobody: $(cat "$HS_TMP/err")"
done

# A one-liner is a plan, and the plan is the one-liner again.
expect 0 "$hyperscale" run http://localhost:80/x -R 500/s -d 3s --plan
cp "$HS_TMP/out" "$HS_TMP/plan.json"
expect 0 "$hyperscale" check "$HS_TMP/plan.json"
expect 0 "$hyperscale" check "$HS_TMP/plan.json" --schedule
grep -q '1 500 arrivals' "$HS_TMP/out" || fail "schedule: $(cat "$HS_TMP/out")"
expect 0 "$hyperscale" run "$HS_TMP/plan.json" --plan
cmp "$HS_TMP/out" "$HS_TMP/plan.json" || fail "the plan changes on its way"
expect 0 env HYPERSCALE_DURATION=9s "$hyperscale" run http://localhost/ --plan
holds "$HS_TMP/out" 'd["workflows"][0]["load"]["for"] == "9s"'

sed 's/"url"/"ulr"/' "$HS_TMP/plan.json" > "$HS_TMP/wrong.json"
expect 3 "$hyperscale" run "$HS_TMP/wrong.json" --json
grep -q 'did you mean "url"' "$HS_TMP/err" || fail "no nearest key: $(cat "$HS_TMP/err")"
holds "$HS_TMP/out" '"E-KEY" in [p["code"] for p in d["problems"]]'
expect 3 "$hyperscale" check "$HS_TMP"
expect 3 "$hyperscale" check "$HS_TMP/missing.json"
: > "$HS_TMP/empty.json"
expect 3 "$hyperscale" check "$HS_TMP/empty.json"

# What is no text, or commands a terminal, is shown as something else.
plain() { # FILE...: printable characters of UTF-8 and line feeds only
    python3 -c 'import sys
for name in sys.argv[1:]:
    text = open(name, "rb").read().decode("utf-8")
    assert all(c == "\n" or c.isprintable() for c in text), (name, text)' "$@" ||
        fail "not fit for a terminal: $*"
}
printf '\377\376' > "$HS_TMP/bytes.json"
printf '%b' '{"version": 1, "na\0033[2Jme": "x", "workflows": [{"name": "\0302\02332J", ' \
    '"steps": [{"method": "\0342\0200\0256", "url": "\0377"}]}]}' > "$HS_TMP/evil.json"
for plan in bytes evil; do
    expect 3 "$hyperscale" check "$HS_TMP/$plan.json"
    plain "$HS_TMP/err" "$HS_TMP/out"
done
printf '%s' '{"version": 1, "name": "a\u001b[2Jb\u202e", "workflows": [{"name": "w", ' \
    '"steps": [{"name": "s\u009b", "url": "http://127.0.0.1:1/"}]}]}' > "$HS_TMP/evil.json"
"$hyperscale" check "$HS_TMP/evil.json" --schedule > "$HS_TMP/out" 2> "$HS_TMP/err" || :
plain "$HS_TMP/err" "$HS_TMP/out"
"$hyperscale" run "$HS_TMP/evil.json" > "$HS_TMP/out" 2> "$HS_TMP/err" || :
plain "$HS_TMP/err" "$HS_TMP/out"
for word in "$(printf '\033[31m')" "$(printf -- '--\377')" "$(printf 'run \302\233')"; do
    expect 2 "$hyperscale" "$word"
    plain "$HS_TMP/err"
    expect 2 "$hyperscale" run "$word" "$word"
    plain "$HS_TMP/err"
done
