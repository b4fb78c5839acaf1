#!/bin/sh
# debian_mirror.sh: where this machine gets its Debian packages from.
set -eu
mirror=$(sed -n 's/^\(URIs: *\|deb \)\(https\?:[^ ]*\/debian\/\?\)\( .*\)\?$/\2/p' \
    /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null | head -n 1)
echo "${mirror:-http://deb.debian.org/debian}"
