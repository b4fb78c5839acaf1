#!/bin/sh
# boot_virtual.sh KERNEL ROOT SOURCE:PLACE:OPTION…: boots the user-mode Linux that is unpacked in KERNEL
# on the Debian system in ROOT, which stays as it is: what the machine changes is kept in memory. Each
# SOURCE is there as PLACE, to be written or not (rw, ro); what is put into /orders is carried out. A
# mount and a process namespace of its own: nothing outlives it.
set -eu
[ $# -ge 2 ] || { echo "usage: boot_virtual.sh KERNEL ROOT SOURCE:PLACE:OPTION…" >&2; exit 2; }
if [ "${REEVE_BOOT_INSIDE:-}" != yes ]; then
    export REEVE_BOOT_INSIDE=yes
    exec unshare --mount --pid --fork --kill-child sh "$0" "$@"
fi
kernel=$1 root=$2
shift 2
mount --make-rprivate /
guest=$kernel/host
mount -t tmpfs tmpfs "$kernel/proc"  # until the machine's own is mounted over it
mkdir "$kernel/proc/changes" "$kernel/proc/work"
mount -t overlay overlay "$guest" \
    -o "lowerdir=$root,upperdir=$kernel/proc/changes,workdir=$kernel/proc/work"
for bound in "$@"; do
    source=${bound%%:*} option=${bound##*:} place=${bound#*:}
    place=$guest${place%:*}
    mkdir -p "$place"
    mount --bind "$source" "$place"
    mount -o "remount,bind,$option" "$place"
done
: >"$guest/etc/fstab"
cat >"$guest/etc/systemd/system/orders.service" <<'EOT'
[Service]
ExecStart=sh -c 'systemctl is-system-running --wait; : >/orders/booted; n=1; \
    while :; do \
        until [ -e "/orders/$$n" ]; do sleep 0.1; done; \
        sh "/orders/$$n"; \
        n=$$((n + 1)); \
    done'
EOT
mkdir -p "$guest/etc/systemd/system/multi-user.target.wants"
ln -s ../orders.service "$guest/etc/systemd/system/multi-user.target.wants"
mount -t proc proc "$kernel/proc"
mount --rbind /dev "$kernel/dev"
exec env -i PATH=/usr/sbin:/usr/bin TMPDIR=/dev/shm HOME=/dev/shm chroot "$kernel" \
    /usr/bin/linux.uml mem=1G quiet con=null con0=null,fd:1 console=tty0 \
    hostfs=/host root=/dev/root rootfstype=hostfs rw systemd.unified_cgroup_hierarchy=1 </dev/null
