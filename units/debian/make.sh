#!/bin/sh
# make.sh DIRECTORY: makes Debian packages of this work tree, as it is, in DIRECTORY.
set -eu
[ $# -eq 1 ] || { echo "usage: make.sh DIRECTORY" >&2; exit 2; }
cd "$(dirname "$0")/../.."
mkdir -p "$1"
directory=$(realpath "$1")
source=$directory/source
rm -rf "$source" "$directory"/*.deb "$directory"/*.buildinfo "$directory"/*.changes
mkdir "$source"
cp -R meson.build meson_options.txt include man src units "$source"
mv "$source/units/debian" "$source/debian"

# The version is said in meson.build alone.
version=$(sed -n "s/^ *version: '\(.*\)',$/\1/p" meson.build)
maintainer=$(sed -n 's/^Maintainer: //p' units/debian/control)
date=$(git log -1 --format=%aD 2>/dev/null || date --rfc-email)
cat >"$source/debian/changelog" <<EOT
reeve ($version) unstable; urgency=medium

  * Made from the sources of reeve $version.

 -- $maintainer  $date
EOT

# debhelper gives every build a home directory of its own.
! command -v ccache >/dev/null ||
    export CCACHE_DIR="${CCACHE_DIR:-$(ccache --get-config=cache_dir)}"
cd "$source"
dpkg-buildpackage --unsigned-source --unsigned-changes --build=binary >"$directory/log" 2>&1 || {
    tail -n 40 "$directory/log" >&2
    echo "make.sh: dpkg-buildpackage failed; all that it said is in $directory/log" >&2
    exit 1
}
