#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# beside: others
# `hyperscale keyring`: a gossip key from its installation to its removal, and what is refused on
# the way.
set -eu
. tests/system/client_lib.sh
export HYPERSCALE_SOCKET=/nonexistent # no daemon of this machine
cd "$HS_TMP"
case $hyperscale in /*) ;; *) hyperscale=$OLDPWD/$hyperscale ;; esac
umask 0

says() { grep -q -- "$1" err || fail "not said: $1: $(cat err)"; }
shows() { [ "$(cat out)" = "$1" ] || fail "shown: $(cat out), not: $1"; }
ring() { sed 's/ [0-9a-f]\{64\}$//' ca/gossip.keys; }

expect 0 "$hyperscale" ca init ca --cluster shop --environment prod
expect 0 "$hyperscale" keyring list ca
shows 'version 1 (seals what is sent)'
cp ca/gossip.keys first

# The three steps; no key is ever shown, and the mode of the file stays.
expect 0 "$hyperscale" keyring install ca
shows 'version 1 (seals what is sent)
version 2'
[ "$(ring)" = 'hyperscale-keyring 1
use 1
key 1
key 2' ] || fail "$(ring)"
[ "$(sed -n 3p ca/gossip.keys)" = "$(sed -n 3p first)" ] || fail "the old key has changed"
[ "$(sed -n 's/^key 1 //p' ca/gossip.keys)" != "$(sed -n 's/^key 2 //p' ca/gossip.keys)" ] ||
    fail "the same key twice"
expect 2 "$hyperscale" keyring remove ca --key 1
says 'use another one first'
for step in 'use ca --key 2' 'use ca --key 2 --socket nowhere'; do
    expect 5 "$hyperscale" keyring $step # nobody says whether all members are ready
    says 'who holds this ring already'
done
[ "$(ring | sed -n 2p)" = 'use 1' ] || fail "used all the same: $(ring)"
expect 0 "$hyperscale" keyring use ca --key 2 --force
shows 'version 1
version 2 (seals what is sent)'
expect 5 "$hyperscale" keyring remove ca --key 1
says 'who holds this ring already'
expect 0 "$hyperscale" keyring remove ca --key 1 --force
shows 'version 2 (seals what is sent)'
[ "$(stat -c %a ca/gossip.keys)" = 600 ] || fail "mode $(stat -c %a ca/gossip.keys)"

# Three keys are all there may be.
expect 0 "$hyperscale" keyring install ca
expect 0 "$hyperscale" keyring install ca
cp ca/gossip.keys full
expect 2 "$hyperscale" keyring install ca
says 'holds 3 keys already'
for bad in 0 256 x ''; do
    expect 2 "$hyperscale" keyring use ca --key "$bad"
    says 'VERSION'
done
expect 2 "$hyperscale" keyring use ca --key 9
says 'no key of version 9'
expect 2 "$hyperscale" keyring use ca
expect 2 "$hyperscale" keyring remove ca
expect 2 "$hyperscale" keyring rotate ca
says 'list, install, use or remove'
expect 2 "$hyperscale" keyring list
expect 2 "$hyperscale" keyring list nowhere
cmp ca/gossip.keys full || fail "a refused step changed the ring"

# A ring that others can read is none.
chmod 640 ca/gossip.keys
expect 2 "$hyperscale" keyring list ca
says 'open to others'
chmod 600 ca/gossip.keys
echo more >> ca/gossip.keys
expect 2 "$hyperscale" keyring list ca
expect 0 "$hyperscale" help keyring
grep -q 'keyring remove' out || fail "no help"
expect 0 "$hyperscale" help keyring use
grep -q -- '--key VERSION' out || fail "no help for use"
