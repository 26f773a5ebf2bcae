#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 60
# beside: others
# The runner of these tests tells what passed, failed, was skipped, took too long, or left somebody
# behind.
set -u
mkdir -p "$HS_TMP/tests/system" "$HS_TMP/build/tests/system" || exit 1
cp tests/system/run "$HS_TMP/tests/system/run"
bad=0

# make NAME LINE... a test of the little tree
make() {
    local path=$HS_TMP/tests/system/$1
    shift
    { echo '#!/bin/sh'; printf '%s\n' "$@"; } > "$path"
    chmod +x "$path"
}

# expect WORD NAME: the runner says that this test PASSED, ...
expect() {
    grep -Eq "^$2 +[0-9]+ s  $1" "$HS_TMP/said" && return
    echo "$2 is not: $1"
    bad=1
}

make 001_good.sh 'exit 0'
make 002_bad.sh 'exit 3'
make 003_skipped.sh 'echo no such thing here; exit 77'
make 004_slow.sh '# timeout: 1' 'sleep 20'
make 005_leaves.sh 'sleep 20 &' 'exit 0'
make 006_patient.sh '# timeout: 30' 'sleep 1.5'
printf '// timeout: 1\nint main(void);\n' > "$HS_TMP/tests/system/007_program.c"
printf '#!/bin/sh\nsleep 20\n' > "$HS_TMP/build/tests/system/007_program"
chmod +x "$HS_TMP/build/tests/system/007_program"
# Two that wait for each other, and one that finds none of the others there.
met=$HS_TMP/met
make 008_beside.sh '# beside: others' "touch $met.8; until [ -e $met.9 ]; do sleep 0.05; done"
make 009_beside.sh '# beside: others' "touch $met.9; until [ -e $met.8 ]; do sleep 0.05; done
sleep 0.5; touch $met.end; exit 4"
make 010_alone.sh "[ -e $met.end ]"
HS_BUILD=$HS_TMP/build "$HS_TMP/tests/system/run" > "$HS_TMP/said" 2> "$HS_TMP/complained"
[ $? -ne 0 ] || { echo "failures, and the runner's exit code is 0"; bad=1; }
[ ! -s "$HS_TMP/complained" ] || { echo "on standard error: $(cat "$HS_TMP/complained")"; bad=1; }
expect passed 001_good
expect 'FAILED: exit code 3' 002_bad
expect 'skipped \(no such thing here\)' 003_skipped
expect 'FAILED: no end within 1 s' 004_slow
expect 'FAILED: left processes behind' 005_leaves
expect passed 006_patient
expect 'FAILED: no end within 1 s' 007_program
expect passed 008_beside
expect 'FAILED: exit code 4' 009_beside
expect passed 010_alone
[ "$(tail -1 "$HS_TMP/said")" = "4 passed, 5 failed" ] ||
    { echo "the last line is $(tail -1 "$HS_TMP/said")"; bad=1; }
HS_BUILD=$HS_TMP/build "$HS_TMP/tests/system/run" good patient > "$HS_TMP/said" 2>&1 ||
    { echo "two good tests fail"; bad=1; }
for kind in beside alone; do
    HS_BUILD=$HS_TMP/build "$HS_TMP/tests/system/run" --$kind 008 010 > "$HS_TMP/said" 2>&1 ||
        { echo "--$kind fails"; bad=1; }
    expect passed "0[01][08]_$kind"
    [ "$(tail -1 "$HS_TMP/said")" = "1 passed, 0 failed" ] ||
        { echo "--$kind runs others, too"; bad=1; }
done
[ $bad -eq 0 ] || cat "$HS_TMP/said" "$HS_TMP/complained"
exit $bad
