#!/bin/sh
# boot.sh CACHE SUITE ROOT INIT ARGUMENTS SOURCE:PLACE:OPTION…: boots the kernel that fetch.sh put there,
# with more arguments if need be, on a directory of this machine, which stays as it is; its first process
# is INIT there. Each SOURCE is there as PLACE, to be written or not (rw, ro). What the machine says
# comes to the standard output. A mount and a process namespace of its own: nothing outlives it.
set -eu
[ $# -ge 5 ] || { echo "usage: boot.sh CACHE SUITE ROOT INIT ARGUMENTS SOURCE:PLACE:OPTION…" >&2; exit 2; }
if [ "${REEVE_BOOT_INSIDE:-}" != yes ]; then
    export REEVE_BOOT_INSIDE=yes
    exec unshare --mount --pid --fork --kill-child sh "$0" "$@"
fi
emulator=$1/roots/emulator kernel=$1/kernels/$2 root=$3 init=$4 arguments=$5
shift 5
mount --make-rprivate /
mount -t proc proc "$emulator/proc"
mount --rbind /dev "$emulator/dev"
mount -t tmpfs tmpfs "$emulator/mnt"

# give SOURCE NAME OPTIONS: a directory of this machine, as a file system of that name
devices=
give() {
    mkdir "$emulator/mnt/$2"
    mount --rbind "$1" "$emulator/mnt/$2"
    devices="$devices -fsdev local,id=$2,path=/mnt/$2,security_model=passthrough,multidevs=remap$3"
    devices="$devices -device virtio-9p-pci,fsdev=$2,mount_tag=$2"
}
give "$root" root ,readonly=on
mkdir "$emulator/mnt/kernel"
mount --bind "$kernel" "$emulator/mnt/kernel"
shares= number=0
for share in "$@"; do
    option=${share##*:}
    case $option in
    ro) give "${share%%:*}" "share$number" ,readonly=on ;;
    rw) give "${share%%:*}" "share$number" "" ;;
    esac
    shares="$shares${shares:+,}${share#*:}"
    number=$((number + 1))
done
# shellcheck disable=SC2086
exec env -i PATH=/usr/sbin:/usr/bin chroot "$emulator" qemu-system-x86_64 \
    -accel tcg,thread=multi -cpu max -smp 2 -m 2G -nodefaults -no-user-config -no-reboot \
    -display none -serial stdio $devices -kernel /mnt/kernel/vmlinuz -initrd /mnt/kernel/initrd \
    -append "console=ttyS0 quiet panic=-1 mitigations=off random.trust_cpu=on cgroup_no_v1=all \
REEVE_INIT=$init REEVE_SHARES=$shares $arguments" </dev/null
