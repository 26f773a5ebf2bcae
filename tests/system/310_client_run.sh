#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 300
# beside: others
# A run through a tree of its own: one JSON document, identities, the target's own count, the
# summary, the lines; and nothing of the tree is left.
set -eu
. tests/system/client_lib.sh

start_target
expect 0 "$hyperscale" run "$url" -n 1000 -c 10 --json
holds "$HS_TMP/out" 'r["completed"] == 1000 and d["schema"] == 1 and d["status"] == {"200": 1000}'
stop_target
tail -1 "$HS_TMP/target" > "$HS_TMP/target.last"
holds "$HS_TMP/target.last" 'd["requests"] == 1000'

start_target
expect 0 "$hyperscale" run "$url" -R 500/s -d 2s
grep -q '^t=1s phase=steady offered=' "$HS_TMP/err" || fail "no line a second: $(cat "$HS_TMP/err")"
grep -q '^run  PASSED   2.0s' "$HS_TMP/out" || fail "no summary: $(cat "$HS_TMP/out")"
grep -q 'offered 1 000 = sent 1 000' "$HS_TMP/out" || fail "counts: $(cat "$HS_TMP/out")"
expect 0 "$hyperscale" run "$url" -d 1s -q
[ ! -s "$HS_TMP/err" ] || fail "quiet is not: $(cat "$HS_TMP/err")"
expect 0 "$hyperscale" run "$url" -d 1s --warmup 500ms --json --name named --cores 1 \
    -H 'X-Test: 1' -m PUT -b hello
holds "$HS_TMP/out" 'd["name"] == "named" and d["engines"] == 1 and d["warmup_ns"] == 500000000'

# A plan with steps that depend on each other.
cat > "$HS_TMP/plan.json" << PLAN
{"version": 1, "name": "two", "vars": {"base": "$url"}, "defaults": {"base_url": "\${base}"},
 "workflows": [
 {"name": "first", "steps": [{"name": "one", "url": "/1"}]},
 {"name": "second", "depends_on": ["first"], "load": {"model": "closed", "vus": 4, "for": "1s"},
  "steps": [{"name": "two", "url": "/2"}, {"name": "three", "url": "/3"}]}]}
PLAN
expect 0 "$hyperscale" run "$HS_TMP/plan.json" --json
holds "$HS_TMP/out" '[s["name"] for s in d["steps"]] == ["one", "two", "three"]'
holds "$HS_TMP/out" 'd["steps"][0]["requests"]["sent"] == 1'

# Rates are those of the time in which there was load, one workflow after the other; warm-up is
# none.
cat > "$HS_TMP/chain.json" << PLAN
{"version": 1, "name": "chain", "defaults": {"base_url": "$url"}, "workflows": [
 {"name": "a", "load": {"model": "open", "rate": "200/s", "for": "1s"}, "steps": [{"url": "/a"}]},
 {"name": "b", "depends_on": ["a"], "warmup": {"for": "500ms"},
  "load": {"model": "open", "rate": "200/s", "for": "2s"}, "steps": [{"url": "/b"}]}]}
PLAN
expect 0 "$hyperscale" run "$HS_TMP/chain.json" --json
holds "$HS_TMP/out" 'r["completed"] == 600 and 2.99e9 <= d["duration_ns"] <= 3.4e9'
holds "$HS_TMP/out" 'abs(d["rate_per_s"] * d["busy_ns"] / 1e9 - 600) < 1'

# The document has the fields that its page tells of, each of them and no other.
cat > "$HS_TMP/fields.py" << 'PYTHON'
import json, re, sys
page = open("man/hyperscale-results.5").read()
told = {w for line in re.findall(r"^(?:\.It )?\.?Fa (.*)$", page, re.M) +
        re.findall(r"^\.It Fa (.*)$", page, re.M)
        for w in re.findall(r"[a-z][a-z0-9_]+", line)}
told |= {f"{key}" for key in re.findall(r"^\.Ss ([a-z]+)$", page, re.M)} | {"status", "errors"}
seen = set()
def walk(value):
    if isinstance(value, dict):
        for key, inner in value.items():
            seen.add(key)
            if key not in ("errors", "status"):
                walk(inner)
    elif isinstance(value, list):
        for inner in value:
            walk(inner)
walk(json.load(open(sys.argv[1])))
assert seen <= told, ("not told of", seen - told)
assert told <= seen, ("told of, but not there", told - seen)
PYTHON
python3 "$HS_TMP/fields.py" "$HS_TMP/out" || fail "the document and hyperscale-results(5) differ"

# No more seem to be in flight than there are users.
expect 0 "$hyperscale" run "$url" -c 3 -d 3s
[ "$(sed -n 's/.* inflight=//p' "$HS_TMP/err" | sort -n | tail -1)" -le 3 ] ||
    fail "in flight: $(cat "$HS_TMP/err")"

# Without UTF-8 all of it is ASCII, on 40 columns too.
expect 0 env LC_ALL=C "$hyperscale" run "$url" -d 1s
! LC_ALL=C grep -q '[^ -~]' "$HS_TMP/out" "$HS_TMP/err" ||
    fail "not ASCII: $(cat "$HS_TMP/out" "$HS_TMP/err")"
TERM=xterm LC_ALL=C NO_COLOR=1 script -qec "stty cols 40 rows 20; $hyperscale run $url -d 1s" \
    /dev/null > "$HS_TMP/screen" < /dev/null
grep -q 'p99    max' "$HS_TMP/screen" || fail "no latencies on 40 columns"

# A result that cannot be written, a pipe that nobody reads, too many connections, a target that
# cannot keep up.
code=0; "$hyperscale" run "$url" -d 300ms -q > /dev/full 2> "$HS_TMP/err" || code=$?
[ $code -eq 8 ] || fail "exit code $code with a full disk"
code=0; "$hyperscale" run "$url" -d 300ms -q --json 2> "$HS_TMP/err" > >(:) || code=$?
[ $code -eq 8 ] || fail "exit code $code with a closed pipe"
code=0
"$hyperscale" target --listen 127.0.0.1:0 --for 100ms > /dev/full 2> "$HS_TMP/err" || code=$?
[ $code -eq 8 ] || fail "exit code $code of a target with a full disk"
(ulimit -n 100; "$hyperscale" run "$url" -d 500ms -c 400 --cores 2) > "$HS_TMP/out" \
    2> "$HS_TMP/err" || :
grep -q 'W-CAP' "$HS_TMP/err" || fail "no warning of too few descriptors: $(cat "$HS_TMP/err")"
start_target --delay 500ms
expect 0 "$hyperscale" run "$url" -R 100/s -d 1s -c 10 --json
holds "$HS_TMP/out" 'r["completed"] + r["dropped"] == 100'
holds "$HS_TMP/out" 'd["duration_ns"] == 10**9 and d["rate_per_s"] < 25'

expect 4 "$hyperscale" run http://127.0.0.1:1/ -d 1s --json
holds "$HS_TMP/out" 'd["verdict"]["target"] == "UNREACHABLE" and r["completed"] == 0'
expect 0 "$hyperscale" ping "$url" --count 3 --json
holds "$HS_TMP/out" 'len(d["answers"]) == 3 and d["answers"][2]["status"] == 200'
expect 2 "$hyperscale" ping "$url" -b "@$HS_TMP/missing"
grep -q "missing: No such file" "$HS_TMP/err" ||
    fail "ping with a body from nowhere: $(cat "$HS_TMP/err")"
expect 4 "$hyperscale" ping http://127.0.0.1:1/
expect 4 "$hyperscale" ping http://no-such-host.invalid/
grep -q 'no such name' "$HS_TMP/err" || fail "ping of an unknown name: $(cat "$HS_TMP/err")"
start_target --mode silent
expect 99 "$hyperscale" ping "$url" --timeout 200ms
start_target --mode garbage
expect 99 "$hyperscale" ping "$url"
