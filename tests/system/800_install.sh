#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# beside: others
# What `make install` puts into a staging directory is complete and runs from there, `make
# uninstall` leaves the configuration alone, and the Debian package holds the same files.
set -eu
fail() { echo "install: $*" >&2; exit 1; }
stage=$HS_TMP/stage
export DESTDIR=$stage PREFIX=/opt/hs SYSCONFDIR=/etc

etc/install install
for file in opt/hs/bin/hyperscale opt/hs/bin/hyperscaled opt/hs/share/man/man8/hyperscaled.8 \
    opt/hs/share/man/man1/hyperscale.1 opt/hs/share/bash-completion/completions/hyperscale \
    etc/hyperscale/hyperscaled.json etc/systemd/system/hyperscale.service etc/init.d/hyperscale; do
    [ -f "$stage/$file" ] || fail "$file is not there"
done
if grep -rn '@[A-Z]*DIR@' "$stage/etc"; then fail "a place is not filled in"; fi
sh -n "$stage/etc/init.d/hyperscale"
bash -n "$stage/opt/hs/share/bash-completion/completions/hyperscale"
"$stage/opt/hs/bin/hyperscale" version > /dev/null || fail "hyperscale version"
# A staging directory makes no users: the daemon names those that this host lacks, and finds nothing
# else.
no_users=$HS_TMP/no-users.json
installed=$stage/etc/hyperscale/hyperscaled.json
sed -e 's/"group": "[a-z]*"/"group": ""/' -e 's/"hs-[a-z]*"/""/' "$installed" > "$no_users"
"$stage/opt/hs/bin/hyperscaled" check -c "$no_users" > /dev/null || fail "hyperscaled check"
"$stage/opt/hs/bin/hyperscaled" check -c "$installed" > "$HS_TMP/check" 2>&1 ||
    ! grep '\[E-' "$HS_TMP/check" | grep -v 'E-USER' ||
    fail "hyperscaled check of the installed file"

echo '{}' > "$stage/etc/hyperscale/hyperscaled.json"
etc/install install
[ "$(cat "$installed")" = '{}' ] || fail "the administrator's configuration was overwritten"
etc/install uninstall > /dev/null
left=$(cd "$stage" && find . -type f)
[ "$left" = ./etc/hyperscale/hyperscaled.json ] || fail "left behind: $left"

mkdir "$HS_TMP/build"
cp "$HS_BUILD/hyperscale" "$HS_BUILD/hyperscaled" "$HS_TMP/build"
HS_BUILD=$HS_TMP/build etc/install deb > /dev/null
package=$(ls "$HS_TMP"/build/hyperscale_*.deb)
dpkg-deb --contents "$package" > "$HS_TMP/contents"
for file in ./usr/bin/hyperscale ./usr/bin/hyperscaled ./usr/share/man/man8/hyperscaled.8.gz \
    ./lib/systemd/system/hyperscale.service ./etc/init.d/hyperscale \
    ./etc/hyperscale/hyperscaled.json; do
    grep -q " $file\$" "$HS_TMP/contents" || fail "$file is not in the package"
done
if grep -v ' root/root ' "$HS_TMP/contents"; then fail "something in the package is not root's"; fi
for script in postinst prerm postrm; do
    dpkg-deb --ctrl-tarfile "$package" | tar -xO ./$script > "$HS_TMP/$script" || fail "no $script"
    sh -n "$HS_TMP/$script" || fail "$script"
done
