"""A throw-away machine with a kernel of its own, in QEMU: every cgroup controller is there, which a
container on a host with some of them in cgroup v1 has not.
"""
import os
import shlex
import subprocess
import tempfile
import time

from container import HERE, PATH, PATIENCE, BootFailed, ControlGroup, Machine

KERNELS = os.path.join(HERE, "../kernels")
# What is put into /orders is carried out.
UNIT = """[Service]
ExecStart=sh -c 'systemctl is-system-running --wait; : >/orders/booted; n=1; \\
    while :; do \\
        until [ -e "/orders/$$n" ]; do sleep 0.1; done; \\
        sh "/orders/$$n"; \\
        n=$$((n + 1)); \\
    done'
"""
ARGUMENTS = "systemd.unified_cgroup_hierarchy=1 systemd.getty_auto=no systemd.wants=orders.service"


class VirtualMachine(Machine):
    """Booted when it is entered, gone without a trace when it is left."""

    def __init__(self, suite, root, log, cache, bind=(), bind_read_only=()):
        super().__init__(log)
        self._suite = suite
        self._root = root
        self._cache = cache
        self._bind = [*(f"{source}:{place}:rw" for source, place in bind),
                      *(f"{source}:{place}:ro" for source, place in bind_read_only)]
        self._orders = None

    def refusal(self):
        """Why there is none, or None."""
        fetched = subprocess.run(["sh", os.path.join(KERNELS, "fetch.sh"), self._cache, self._suite],
                                 check=False)
        return "no kernel" if fetched.returncode != 0 else None

    def __enter__(self):
        self._orders = tempfile.TemporaryDirectory(prefix="reeve-test-")
        units = os.path.join(self._orders.name, "units")
        os.mkdir(units)
        with open(os.path.join(units, "orders.service"), "w", encoding="utf-8") as unit:
            unit.write(UNIT)
        self._group = ControlGroup()
        try:
            command = ["sh", os.path.join(KERNELS, "boot.sh"), self._cache, self._suite, self._root,
                       "/sbin/init", ARGUMENTS, *self._bind, f"{self._orders.name}:/orders:rw",
                       f"{units}:/run/systemd/system:rw"]
            with open(self.log, "a", encoding="utf-8") as log:
                self._process = subprocess.Popen(
                    self._group.entered_by(command, "machine"), stdin=subprocess.DEVNULL,
                    stdout=log, stderr=log, start_new_session=True)
            self._wait_for_boot()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _wait_for_boot(self):
        end = time.monotonic() + PATIENCE
        while not os.path.exists(os.path.join(self._orders.name, "booted")):
            if self._process.poll() is not None:
                raise BootFailed("it ended")
            if time.monotonic() > end:
                raise BootFailed("it does not get ready")
            time.sleep(0.1)

    def __exit__(self, *details):
        super().__exit__(*details)
        self._orders.cleanup()

    def run(self, *command):
        """Runs a command in a unit of the machine, shows what it says, returns its status."""
        number = str(next(self._commands))
        order = os.path.join(self._orders.name, number)
        environment = [f"--setenv=PATH={PATH}", "--setenv=LANG=C.UTF-8"]
        unit = self._unit("/orders/" + number, command)
        with open(order + ".new", "w", encoding="utf-8") as file:
            file.write(shlex.join([unit[0], *environment, *unit[1:]]))
        os.rename(order + ".new", order)
        return self._show(order)
