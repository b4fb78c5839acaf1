"""What an administrator has: systemctl, the journal, reevectl; and workers that must survive."""
import json
import os
import subprocess
import threading
import time

from support import PATIENCE, Case

REEVED = "reeved.service"
RUNS = "reeve-runs.service"


def told(*command, check=True):
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    if check and done.returncode != 0:
        raise AssertionError(f"{' '.join(command)}: status {done.returncode}: {done.stderr}")
    return done.stdout


def reevectl(*arguments):
    """What it answers."""
    return json.loads(told("reevectl", "--json=short", *arguments) or "null")


def systemctl(*arguments):
    return told("systemctl", *arguments)


def shown(unit, name):
    return systemctl("show", f"--property={name}", "--value", unit).strip()


def main_pid(unit):
    return int(shown(unit, "MainPID"))


def eventually(condition):
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.01)
    return False


def systemd_version():
    return int(told("systemctl", "--version").split()[1])


# Properties of a service that delegates; before 254 its own processes are among what it delegates.
DELEGATE = ("Delegate=yes", "DelegateSubgroup=main")[:2 if systemd_version() >= 254 else 1]


def cgroup_of(unit):
    return "/sys/fs/cgroup" + shown(unit, "ControlGroup")


def processes_in(directory):
    """Of a cgroup and all below it."""
    found = []
    for place, _, _ in os.walk(directory):
        try:
            with open(os.path.join(place, "cgroup.procs"), encoding="ascii") as processes:
                found += map(int, processes.read().split())
        except (FileNotFoundError, OSError):
            pass
    return found


def answers():
    return subprocess.run(["reevectl", "entries", "--count"], stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL, check=False).returncode == 0


class Follower:
    """reevectl events, of a run."""

    def __init__(self, case, run):
        self._process = case.start("reevectl", "--run", run, "--json=short", "events",
                                   stdout=subprocess.PIPE, text=True)
        too_late = threading.Timer(PATIENCE, self._process.kill)
        too_late.start()
        case.addCleanup(too_late.cancel)
        self.seen = []

    def read_until(self, text):
        for line in self._process.stdout:
            self.seen.append(line)
            if text in line:
                return
        raise AssertionError(f"the events ended: {self.seen}")


class HostCase(Case):
    """Begins and ends with reeved running; what a case opens ends with it."""

    def setUp(self):
        super().setUp()
        self.addCleanup(self.start_again)
        self.start_again()

    @staticmethod
    def start_again():
        subprocess.run(["systemctl", "reset-failed", REEVED, RUNS], check=False,
                       stderr=subprocess.DEVNULL)
        systemctl("start", REEVED)

    def open_run(self, *options):
        owner = self.sleeper()
        return reevectl("open", "--owner", str(owner.pid), *options)["run"]["run"]

    def populate(self):
        """A run with reserved, activated and spawned workers, and nothing that would end it."""
        run = self.open_run()
        for name in ("reserved", "reserved too"):
            reevectl("--run", run, "reserve", name, "--timeout", "1h", "--fingerprint", "v1")
        for name in ("active", "active too"):
            process = self.sleeper()
            reevectl("--run", run, "reserve", name, "--timeout", "1h")
            reevectl("--run", run, "activate", name, "--pid", str(process.pid), "--handle", "<0.1.0>")
        for name in ("spawned", "spawned too"):
            reevectl("--run", run, "spawn", name, "--", "sleep", "infinity")
        return run

    @staticmethod
    def state_of(run):
        """All that must not change."""
        workers = reevectl("--run", run, "list")["workers"]
        return {each["worker"]: [each.get(name) for name in
                                 ("state", "process", "handle", "fingerprint", "controlGroup",
                                  "reservedAt", "activatedAt")] for each in workers}

    def assert_unchanged(self, run, before):
        self.assertTrue(eventually(answers))
        self.assertEqual(self.state_of(run), before)
        living = [each[1]["pid"] for each in before.values() if each[0] == "active"]
        for pid in living:
            os.kill(pid, 0)
        self.assertEqual(sorted(processes_in(cgroup_of(RUNS) + f"/run-{run}")), sorted(living))
