#!/bin/sh
# peers.sh DIRECTORY: unpacks the other supervisors from Debian's packages into DIRECTORY, once.
# They are not installed: supervisord would be started.
set -eu
[ $# -eq 1 ] || { echo "usage: peers.sh DIRECTORY" >&2; exit 2; }
directory=$1
[ ! -d "$directory" ] || exit 0
echo "fetching s6, runit and supervisor from Debian" >&2
mkdir -p "$directory.new/packages"
cd "$directory.new/packages"
# Of what they depend on, that which only they need.
needed=$(apt-cache depends s6 supervisor |
    sed -nE 's/^ *Depends: (lib(s6|skarnet|execline).*|python3-pkg-resources)$/\1/p' | sort -u)
# shellcheck disable=SC2086
apt-get -qq -o APT::Sandbox::User=root download s6 runit supervisor $needed
for package in *.deb; do
    dpkg-deb --fsys-tarfile "$package" | tar -x -C .. --keep-directory-symlink
done
cd /
rm -rf "$directory.new/packages"
mv "$directory.new" "$directory"
