#!/bin/sh
# boot.sh ROOT OPTION…: systemd-nspawn on the Debian system in ROOT, which stays as it is: what the
# machine changes is kept in memory. A mount namespace of its own: nothing outlives it.
set -eu
[ $# -ge 1 ] || { echo "usage: boot.sh ROOT OPTION…" >&2; exit 2; }
if [ "${REEVE_BOOT_INSIDE:-}" != yes ]; then
    export REEVE_BOOT_INSIDE=yes
    exec unshare --mount sh "$0" "$@"
fi
root=$1
shift
# Also where systemd-nspawn leaves files when it is killed.
memory=/run/systemd/nspawn
mkdir -p "$memory"
mount -t tmpfs tmpfs "$memory"
mkdir "$memory/changes" "$memory/work" "$memory/root"
mount -t overlay overlay "$memory/root" \
    -o "lowerdir=$root,upperdir=$memory/changes,workdir=$memory/work"
unset REEVE_BOOT_INSIDE
export SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1
exec systemd-nspawn --directory="$memory/root" --private-network --register=no --keep-unit \
    --console=pipe "$@"
