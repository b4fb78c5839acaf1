#!/bin/sh
# The first process of the tests' machine: a pure cgroup v2 hierarchy with every controller, then the tests.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8
mount -t proc proc /proc
mount -t sysfs sys /sys
mountpoint -q /dev || mount -t devtmpfs dev /dev
ln -s /proc/self/fd /dev/fd
mkdir -p /dev/pts /dev/shm
mount -t devpts devpts /dev/pts
mount -t tmpfs shm /dev/shm
mkdir -m 1777 /run/tmp
export TMPDIR=/run/tmp
# As `ip link set lo up` does, without iproute2: SIOCSIFFLAGS with IFF_UP and IFF_RUNNING.
python3 -c 'import fcntl, socket, struct
fcntl.ioctl(socket.socket(), 0x8914, struct.pack("16sh14x", b"lo", 0x41))'
groups=/sys/fs/cgroup
mount -t cgroup2 -o nsdelegate cgroup2 "$groups"
for controller in $(cat "$groups/cgroup.controllers"); do
    echo "+$controller" >"$groups/cgroup.subtree_control"
done
results=/run/results
echo "Linux $(uname -r), controllers: $(cat "$groups/cgroup.subtree_control")" >"$results/kernel"
cat "$results/kernel"
export REEVE_TEST_PATIENCE=120

# run_test NAME SECONDS COMMAND…
run_test() {
    name=$1 seconds=$2
    shift 2
    before=$(cut -d. -f1 /proc/uptime)
    GTEST_OUTPUT="xml:$results/$name.xml" timeout -k 10 "$seconds" "$@" \
        >"$results/$name.log" 2>&1 </dev/null
    echo "$?" >"$results/$name.status"
    echo "  $name: exit status $(cat "$results/$name.status")," \
        "$(($(cut -d. -f1 /proc/uptime) - before)) s"
}
. "$results/plan"
sync
python3 -c 'import ctypes; ctypes.CDLL(None).reboot(0x4321fedc)'  # LINUX_REBOOT_CMD_POWER_OFF
