"""A throw-away machine: a Debian root booted by systemd-nspawn, its changes kept in memory only."""
import itertools
import os
import select
import signal
import socket
import subprocess
import sys
import time

# In seconds, what nothing takes that goes well: a boot, an end; a command.
PATIENCE = 600
PATIENCE_WITH_COMMAND = 3600
HERE = os.path.dirname(os.path.realpath(__file__))
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class BootFailed(Exception):
    pass


def cgroup2():
    """Where the unified hierarchy is mounted, or None: a hybrid host has it somewhere else."""
    with open("/proc/self/mounts", encoding="utf-8") as mounts:
        for line in mounts:
            _, point, kind, *_ = line.split()
            if kind == "cgroup2":
                return point
    return None


def obstacle():
    """Why there can be no container here, or None."""
    if os.geteuid() != 0:
        return "only root can make a container"
    if cgroup2() is None:
        return "no cgroup2 is mounted"
    if not os.access(cgroup2(), os.W_OK):
        return f"{cgroup2()} is read-only"
    unshared = subprocess.run(["unshare", "--mount", "--pid", "--fork", "--mount-proc", "true"],
                              stderr=subprocess.PIPE, text=True, check=False)
    return unshared.stderr.strip() if unshared.returncode != 0 else None


def wait_until_empty(group):
    """cgroup.events says by POLLPRI that it has changed."""
    with open(os.path.join(group, "cgroup.events"), encoding="utf-8") as events:
        changed = select.poll()
        changed.register(events, select.POLLPRI | select.POLLERR)
        while "populated 1" in events.read():
            if not changed.poll(PATIENCE * 1000):
                raise TimeoutError(f"{group}: processes in it cannot be killed")
            events.seek(0)


def remove(group):
    """Kills everything in a cgroup, and removes it with all below it."""
    try:
        with open(os.path.join(group, "cgroup.kill"), "w", encoding="utf-8") as file:
            file.write("1")
        wait_until_empty(group)
    except FileNotFoundError:
        return
    for directory, _, _ in os.walk(group, topdown=False):
        os.rmdir(directory)


def remove_copy(name):
    """Beside cgroup v1, nspawn makes the same cgroups in systemd's own hierarchy, and leaves them."""
    with open("/proc/self/mounts", encoding="utf-8") as mounts:
        for mount in mounts:
            _, place, kind, options, *_ = mount.split()
            if kind == "cgroup" and "name=systemd" in options.split(","):
                for directory, _, _ in os.walk(os.path.join(place, name), topdown=False):
                    os.rmdir(directory)


class ControlGroup:
    """A cgroup that goes, with everything in it, when this process does, however it goes."""

    def __init__(self):
        self.path = os.path.join(cgroup2(), f"reeve-test-{os.getpid()}")
        reader, self._lifeline = os.pipe()
        os.mkdir(self.path)
        self._guardian = os.fork()
        if self._guardian == 0:
            status = 1
            try:
                os.setsid()  # no ^C reaches it
                signal.signal(signal.SIGTERM, signal.SIG_IGN)
                os.close(self._lifeline)
                os.read(reader, 1)
                remove(self.path)
                remove_copy(os.path.basename(self.path))
                status = 0
            finally:
                os._exit(status)
        os.close(reader)

    def close(self):
        os.close(self._lifeline)
        if os.waitpid(self._guardian, 0)[1] != 0:
            raise RuntimeError(f"{self.path} could not be removed")

    def entered_by(self, command, child):
        """The command, such that it starts inside, in a child of the cgroup."""
        directory = os.path.join(self.path, child)
        os.makedirs(directory, exist_ok=True)
        enter = 'echo 0 >"$0/cgroup.procs" && exec "$@"'
        return ["sh", "-c", enter, directory, *command]


class Machine:
    """What boots a Debian root with its systemd, in a cgroup that goes with this process."""

    def __init__(self, log):
        self.log = log
        self._group = None
        self._process = None
        self._commands = itertools.count(1)
        with open(log, "w", encoding="utf-8"):
            pass

    def __exit__(self, *_):
        self._group.close()
        if self._process:
            self._process.wait()

    @staticmethod
    def _unit(inside, command):
        """What runs a command in a unit there, and leaves what it says in files that begin so.

        Nobody there is waited for through the message bus, which may be restarted meanwhile."""
        script = f'"$@" >{inside}.output 2>&1; echo "$?" >{inside}.new; mv {inside}.new {inside}.status'
        return ["systemd-run", "--quiet", "--collect", "--no-block", "--",
                "sh", "-c", script, "sh", *command]

    def _show(self, outside):
        """Shows what it says while it runs; returns its exit status."""
        end = time.monotonic() + PATIENCE_WITH_COMMAND
        shown = 0
        while True:
            has_ended = os.path.exists(outside + ".status")
            try:
                with open(outside + ".output", "rb") as output:
                    output.seek(shown)
                    text = output.read()
            except FileNotFoundError:
                text = b""
            shown += len(text)
            sys.stdout.buffer.write(text)
            sys.stdout.flush()
            if has_ended:
                with open(outside + ".status", encoding="ascii") as status:
                    return int(status.read())
            if self._process.poll() is not None or time.monotonic() > end:
                raise RuntimeError("a command does not end, or the machine has")
            time.sleep(0.1)


class Container(Machine):
    """Booted when it is entered, gone without a trace when it is left."""

    def __init__(self, root, log, bind=(), bind_read_only=()):
        super().__init__(log)
        self._command = [
            "sh", os.path.join(HERE, "boot.sh"), root, f"--machine=reeve-test-{os.getpid()}",
            *(f"--bind={source}:{place}" for source, place in bind),
            *(f"--bind-ro={source}:{place}" for source, place in bind_read_only)]
        self._leader = None

    def _spawn(self, options, **environment):
        environment |= {"PATH": PATH, "LANG": "C.UTF-8"}
        with open(self.log, "a", encoding="utf-8") as log:
            return subprocess.Popen(self._group.entered_by([*self._command, *options], "machine"),
                                    stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                    env=environment, start_new_session=True)

    def refusal(self):
        """What systemd-nspawn says where it does not work at all, or None."""
        self._group = ControlGroup()
        try:
            probe = self._spawn(["--quiet", "true"])
            if probe.wait(PATIENCE) == 0:
                return None
            with open(self.log, encoding="utf-8") as log:
                return (log.read().splitlines() or ["it says nothing"])[-1]
        finally:
            self._group.close()

    def __enter__(self):
        self._group = ControlGroup()
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ready:
                name = f"reeve-test-{os.getpid()}"
                ready.bind("\0" + name)
                self._process = self._spawn(["--boot", "--notify-ready=yes"],
                                            NOTIFY_SOCKET="@" + name)
                self._wait_for_boot(ready)
        except BaseException:
            self.__exit__()
            raise
        return self

    def _wait_for_boot(self, ready):
        end = os.pidfd_open(self._process.pid)
        try:
            while True:
                readable, _, _ = select.select([ready, end], [], [], PATIENCE)
                if ready not in readable:
                    raise BootFailed("it ended" if readable else "it does not get ready")
                for line in ready.recv(65536).decode().splitlines():
                    if line.startswith("X_NSPAWN_LEADER_PID="):
                        self._leader = line.partition("=")[2]
                    if line == "READY=1":
                        return
        finally:
            os.close(end)

    def run(self, *command):
        """Runs a command in a unit of the container, shows what it says, returns its status."""
        inside = f"/run/reeve-test-{next(self._commands)}"
        enter = ["nsenter", f"--target={self._leader}", "--all", "--root", "--wd",
                 "env", "--ignore-environment", f"PATH={PATH}", "LANG=C.UTF-8",
                 *self._unit(inside, command)]
        subprocess.run(self._group.entered_by(enter, "client"), stdin=subprocess.DEVNULL,
                       timeout=PATIENCE, check=True)
        return self._show(f"/proc/{self._leader}/root{inside}")
