#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 300
# beside: others
# A daemon from outside: submit, list, status, watch, cancel, results, top.
set -eu
. tests/system/client_lib.sh

expect 5 "$hyperscale" list --socket "$HS_TMP/run"
grep -q 'no daemon at' "$HS_TMP/err" || fail "$(cat "$HS_TMP/err")"
[ ! -s "$HS_TMP/out" ] || fail "a table of nothing: $(cat "$HS_TMP/out")"
export HYPERSCALE_SOCKET=$HS_TMP/run
echo '{"roles": {"engines": 2}}' > "$HS_TMP/config.json"
"$hyperscaled" start -c "$HS_TMP/config.json" --run-dir "$HS_TMP/run" \
    --state-dir "$HS_TMP/state" 2> "$HS_TMP/log" &
daemon=$!
trap 'kill $daemon 2> /dev/null || :; stop_target' EXIT
is_ready() { "$hyperscale" status --json | grep -q '"state": *"ready"'; }
until_true "the daemon is ready" is_ready
start_target

expect 0 "$hyperscale" submit "$url" -R 500/s -d 2s --name first
first=$(cat "$HS_TMP/out")
expect 0 "$hyperscale" watch "$first" --json
holds "$HS_TMP/out" 'r["completed"] == 1000 and d["name"] == "first"'
grep -q '^t=1s phase=steady' "$HS_TMP/err" || fail "no lines: $(cat "$HS_TMP/err")"
expect 0 "$hyperscale" results "$first" --json
holds "$HS_TMP/out" 'r["completed"] == 1000'
expect 0 "$hyperscale" list
grep -q "^$first  COMPLETED .* first\$" "$HS_TMP/out" || fail "list: $(cat "$HS_TMP/out")"
expect 0 "$hyperscale" status "$first" --json
holds "$HS_TMP/out" 'd["job"]["state"] == "COMPLETED" and d["job"]["completed"] == 1000'

expect 5 "$hyperscale" cancel "$first"
grep -q 'has ended already' "$HS_TMP/err" || fail "cancel of what has ended: $(cat "$HS_TMP/err")"
for verb in status watch cancel results; do
    expect 5 "$hyperscale" $verb 0123456789abcdef0123456789abcdef
    grep -q 'no such job' "$HS_TMP/err" || fail "$verb of no job: $(cat "$HS_TMP/err")"
done

expect 0 "$hyperscale" submit "$url" -d 60s --json
second=$(sed 's/.*"job": "\([0-9a-f]*\)".*/\1/' "$HS_TMP/out")
until_true "load" has_sent
expect 0 "$hyperscale" list --active --json
holds "$HS_TMP/out" "[j['id'] for j in d['jobs']] == ['$second']"
expect 0 "$hyperscale" status
grep -q "$second" "$HS_TMP/out" || fail "status: $(cat "$HS_TMP/out")"
timeout 30 "$hyperscale" top --every 500ms | tee "$HS_TMP/out" | grep -q '^gate .* ready' ||
    fail "top: $(cat "$HS_TMP/out")"
expect 0 "$hyperscale" cancel "$second" --reason enough
expect 6 "$hyperscale" watch "$second"
expect 6 "$hyperscale" results "$second" --json
holds "$HS_TMP/out" 'r["completed"] > 0'
expect 5 "$hyperscale" status 00000000000000000000000000000000
expect 2 "$hyperscale" status 123
kill -TERM $daemon
wait $daemon || fail "the daemon ended with $?"
