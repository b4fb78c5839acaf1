#!/bin/sh
# In the container: makes packages of /checkout in /build/package, and in /build/package/next the
# same ones with a later version.
set -eu
export CCACHE_DIR=/ccache PATH="/usr/lib/ccache:$PATH"
packages=/build/package
sh /checkout/units/debian/make.sh "$packages"
rm -rf "$packages/next"
mkdir "$packages/next"
rm -f "$packages"/*-dbgsym_*.deb
for package in "$packages"/*.deb; do
    dpkg-deb --raw-extract "$package" "$packages/next/tree"
    version=$(dpkg-deb --field "$package" Version)
    sed -i "s/^Version: .*/&+next/; s/(= $version)/(= $version+next)/" \
        "$packages/next/tree/DEBIAN/control"
    dpkg-deb --root-owner-group --build "$packages/next/tree" "$packages/next" >/dev/null
    rm -r "$packages/next/tree"
done
