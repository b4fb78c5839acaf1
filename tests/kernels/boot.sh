#!/bin/sh
# boot.sh ROOT RESULTS: boots the user-mode Linux that fetch.sh unpacked, on this machine's files,
# which it sees read-only; guest.sh does there what RESULTS/plan says. A mount and a process
# namespace of its own: nothing outlives it.
set -eu
[ $# -eq 2 ] || { echo "usage: boot.sh ROOT RESULTS" >&2; exit 2; }
if [ "${REEVE_BOOT_INSIDE:-}" != yes ]; then
    export REEVE_BOOT_INSIDE=yes
    exec unshare --mount --pid --fork --kill-child sh "$0" "$@"
fi
root=$1 results=$2
guest=$(realpath "$(dirname "$0")/guest.sh")
mount --make-rprivate /
mount --rbind / "$root/host"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
exec env -i PATH=/usr/sbin:/usr/bin TMPDIR=/dev/shm HOME=/dev/shm chroot "$root" /usr/bin/linux.uml \
    mem=1G quiet con=null con0=null,fd:1 console=tty0 \
    hostfs=/host root=/dev/root rootfstype=hostfs ro \
    init="$guest" REEVE_RESULTS="$results" </dev/null
