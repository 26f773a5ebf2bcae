#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# beside: others
# `hyperscale ca`: what it issues, looked at with openssl; what it refuses; what is left when the
# disk is full.
set -eu
. tests/system/client_lib.sh
cd "$HS_TMP"
case $hyperscale in /*) ;; *) hyperscale=$OLDPWD/$hyperscale ;; esac
umask 0

says() { grep -q -- "$1" err || fail "not said: $1: $(cat err)"; }
mode_is() { [ "$(stat -c %a "$2")" = "$1" ] || fail "$2 has mode $(stat -c %a "$2"), not $1"; }
has() { openssl x509 -in "$1" -noout -text | grep -q -- "$2" || fail "$1 lacks: $2"; }
names() { ls -A "$1" | sort | tr '\n' ' '; }
verified() {
    openssl verify -x509_strict -crl_check -CAfile "$1/ca.crt" -CRLfile "$2" "$1/node.crt"
}

# An authority, and nothing of it overwritten unasked.
expect 0 "$hyperscale" ca init ca --cluster shop --environment prod
[ "$(names ca)" = "ca.crt ca.key crl.pem gossip.keys issued " ] || fail "files: $(names ca)"
mode_is 700 ca
for file in ca.key gossip.keys issued; do mode_is 600 ca/$file; done
for file in ca.crt crl.pem; do mode_is 644 ca/$file; done
has ca/ca.crt 'URI:hyperscale://shop/prod$'
has ca/ca.crt 'CA:TRUE, pathlen:0'
openssl verify -x509_strict -CAfile ca/ca.crt ca/ca.crt > out 2>&1 || fail "$(cat out)"
cp -a ca before
expect 8 "$hyperscale" ca init ca --cluster other --environment prod
says 'there already'
HYPERSCALE_FORCE=1 expect 8 "$hyperscale" ca init ca --cluster other --environment prod
diff -r ca before || fail "an authority was touched"
expect 0 "$hyperscale" ca init other --cluster shop --environment prod
cp other/ca.crt first.crt
expect 0 "$hyperscale" ca init other --cluster shop --environment prod --force --days 30
! cmp -s other/ca.crt first.crt || fail "--force changed nothing"
[ "$(names other)" = "ca.crt ca.key crl.pem gossip.keys issued " ] || fail "files: $(names other)"

# Each role: the name, the key, the usage, the chain.
for role in gate manager worker client operator; do
    expect 0 "$hyperscale" ca issue "east/$role/n-1" --ca ca --out $role
    serial=$(cut -d' ' -f1 out)
    has $role/node.crt "URI:hyperscale://shop/prod/east/$role/n-1\$"
    has $role/node.crt 'CA:FALSE'
    has $role/node.crt 'TLS Web Client Authentication, TLS Web Server Authentication$'
    has $role/node.crt 'NIST CURVE: P-256'
    verified $role $role/crl.pem > verify 2>&1 || fail "$role: $(cat verify)"
    public=$(openssl pkey -in $role/node.key -pubout)
    [ "$(openssl x509 -in $role/node.crt -noout -pubkey)" = "$public" ] ||
        fail "$role: another key"
    shown=$(openssl x509 -in $role/node.crt -noout -serial | tr 'A-F' 'a-f' | cut -d= -f2)
    [ "$(printf %32s "$shown" | tr ' ' 0)" = "$serial" ] ||
        fail "serial $serial, openssl says $shown"
    grep -q "^$serial .* hyperscale://shop/prod/east/$role/n-1\$" ca/issued ||
        fail "$role is not recorded"
    mode_is 700 $role
    mode_is 600 $role/node.key
    mode_is 644 $role/node.crt
    case $role in
    client | operator) [ ! -e $role/gossip.keys ] || fail "a $role gets the key ring" ;;
    *)
        mode_is 600 $role/gossip.keys && cmp $role/gossip.keys ca/gossip.keys ||
            fail "another ring"
        ;;
    esac
done
[ "$(cut -d' ' -f1 ca/issued | sort -u | wc -l)" -eq 5 ] || fail "serials are not five"

# Twice: refused, whole, and with --force a new one; the two have different serials.
cp -a gate before_gate
expect 8 "$hyperscale" ca issue east/gate/n-1 --ca ca --out gate
says 'node.key is there already'
diff -r gate before_gate || fail "a refused issue changed something"
expect 0 "$hyperscale" ca issue east/gate/n-1 --ca ca --out gate --force --days 7
! cmp -s gate/node.key before_gate/node.key || fail "--force kept the key"
verified gate gate/crl.pem > verify 2>&1 || fail "$(cat verify)"

# Names.
refused() { # SENTENCE NAME
    expect 2 "$hyperscale" ca issue "$2" --ca ca --out bad
    says "$1"
    [ ! -e bad ] || fail "$2 left files"
}
refused 'did you mean gate' east/gat/x
refused 'the node is empty' east/gate/
refused "has a 'X'" east/gate/X
refused "has a '%'" east/gate/%61
refused 'byte 0x0a' $'east/gate/a\nb'
refused '33 characters' east/gate/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
refused 'DATACENTER/ROLE/NODE' gate/x
refused 'DATACENTER/ROLE/NODE' hyperscale://shop/prod/east/gate/x
refused 'DATACENTER/ROLE/NODE' ''
refused 'characters, at most 200' "east/gate/$(printf 'a%.0s' $(seq 5000))"
expect 2 "$hyperscale" ca init bad --cluster a/b --environment c
expect 2 "$hyperscale" ca init bad --cluster '' --environment c
says 'the cluster is empty'
expect 2 "$hyperscale" ca init bad --cluster a
says 'needs --environment'
for days in 0 -1 7301 x 1.5 99999999999999999999999 ''; do
    expect 2 "$hyperscale" ca init bad --cluster a --environment c "--days=$days"
    says 'takes a number from 1 to 7300'
done
expect 2 "$hyperscale" ca issue east/gate/x --ca other --out bad --days 31
says 'ends before that'
[ ! -e bad ] || fail "refused, but files are there"

# Words.
expect 2 "$hyperscale" ca
expect 2 "$hyperscale" ca isue
says 'init, issue or revoke, not "isue"'
expect 2 "$hyperscale" ca issue east/gate/x --out bad
says 'needs --ca DIR'
expect 2 "$hyperscale" ca issue east/gate/x --ca ca --cluster x
says '--cluster goes with ca init'
expect 0 "$hyperscale" help ca
grep -q '^usage: hyperscale ca revoke' out || fail "help ca"
expect 0 "$hyperscale" help ca issue
grep -q -- '--out DIR' out || fail "help ca issue"
expect 0 "$hyperscale" ca issue --help
expect 0 "$hyperscale" ca --help

# Files that are not as they were made.
broken() { # SENTENCE: the authority in broken is refused, and nothing is written
    expect 2 "$hyperscale" ca issue east/gate/x --ca broken --out bad
    says "$1"
    [ ! -e bad ] || fail "a broken authority issued"
    rm -rf broken
    cp -a ca broken
}
cp -a ca broken
chmod 640 broken/ca.key && broken 'ca.key is open to others'
chmod 604 broken/gossip.keys && broken 'gossip.keys is open to others'
chmod 770 broken && broken 'can be written by others'
cp other/ca.key broken/ca.key && broken 'not that of its certificate'
cp other/crl.pem broken/crl.pem && broken 'not signed by the authority'
cat ca/ca.crt other/ca.crt > broken/ca.crt && broken 'not exactly one certificate'
cp gate/node.crt broken/ca.crt && broken "the authority's certificate"
: > broken/ca.key && broken 'no key'
head -c 70000 /dev/zero > broken/ca.key && broken 'ca.key has'
echo 'key 2 x' >> broken/gossip.keys && broken 'gossip.keys: line 4'
rm broken/crl.pem && broken 'No such file'
rm broken/ca.key && mkdir broken/ca.key && broken 'ca.key'
rm broken/ca.crt && mkfifo broken/ca.crt && broken 'ca.crt is no file'
expect 2 "$hyperscale" ca issue east/gate/x --ca missing --out bad
expect 8 "$hyperscale" ca issue east/gate/x --ca ca --out ca/ca.crt
expect 8 "$hyperscale" ca issue east/gate/x --ca ca --out missing/deeper

# Taken back: by file, by serial, again; a stranger's not.
expect 0 "$hyperscale" ca revoke worker/node.crt --ca ca
! verified worker ca/crl.pem > verify 2>&1 || fail "a revoked worker passes"
grep -q 'certificate revoked' verify || fail "$(cat verify)"
serial=$(awk '/manager/ {print $1}' ca/issued | tr 'a-f' 'A-F')
expect 0 "$hyperscale" ca revoke "$serial" --ca ca
! verified manager ca/crl.pem > verify 2>&1 || fail "a revoked manager passes"
verified gate ca/crl.pem > verify 2>&1 || fail "$(cat verify)"
expect 0 "$hyperscale" ca revoke worker/node.crt --ca ca
grep -q 'was revoked before' out || fail "$(cat out)"
[ "$(openssl crl -in ca/crl.pem -noout -text | grep -c 'Serial Number')" -eq 2 ] ||
    fail "not two on the list"
expect 0 "$hyperscale" ca revoke --ca ca --days 2
openssl crl -in ca/crl.pem -noout -text | grep -A1 'CRL Number' | grep -q '^ *5$' ||
    fail "the list does not count"
expect 0 "$hyperscale" ca issue east/worker/n-1 --ca ca --out worker-2
verified worker-2 worker-2/crl.pem > verify 2>&1 || fail "$(cat verify)"
! verified worker worker-2/crl.pem > verify 2>&1 || fail "the list that travels is old"
cp ca/crl.pem list
expect 0 "$hyperscale" ca issue east/gate/stranger --ca other --out stranger --days 5
expect 2 "$hyperscale" ca revoke stranger/node.crt --ca ca
says 'has not issued it'
expect 2 "$hyperscale" ca revoke "$(cut -d' ' -f1 other/issued)" --ca ca
says 'no certificate of that serial'
expect 2 "$hyperscale" ca revoke nowhere.crt --ca ca
expect 2 "$hyperscale" ca revoke ca/gossip.keys --ca ca
cmp ca/crl.pem list || fail "a refused revocation changed the list"

# Two at once: every certificate is recorded.
rm -rf many && mkdir many
for i in 1 2 3 4 5 6; do
    "$hyperscale" ca issue "east/worker/m-$i" --ca ca --out many/$i > /dev/null &
done
for job in $(jobs -p); do wait "$job" || fail "one of six at once failed"; done
[ "$(grep -c '/worker/m-' ca/issued)" -eq 6 ] ||
    fail "six at once: $(grep -c '/worker/m-' ca/issued) recorded"

# A full disk: nothing half, and the authority as it was.
if [ "$(id -u)" -eq 0 ] && unshare -m true 2> /dev/null; then
    cp -a ca roomy
    mkdir full
    export hyperscale HS_TMP
    unshare -m bash -eu -c '
        mount -t tmpfs -o size=64k tmpfs full
        mkdir -m 700 full/out full/ca
        cp -a roomy/. full/ca
        head -c 1M /dev/zero > full/fill 2> /dev/null || :
        "$hyperscale" ca issue east/gate/f --ca roomy --out full/out 2> err && exit 1 ||
            [ $? -eq 8 ]
        grep -q "No space left" err
        [ -z "$(ls -A full/out)" ]
        "$hyperscale" ca revoke gate/node.crt --ca full/ca 2> err && exit 1 || [ $? -eq 8 ]
        grep -q "No space left" err
        diff -r full/ca ca' > out 2>&1 || fail "full disk: $(cat out err)"
fi
