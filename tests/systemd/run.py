#!/usr/bin/env python3
"""run.py CACHE PACKAGES [SUITE...] [CASES...]: reeve on Debian's systemd, in a container that boots it.

For each Debian suite: a root with the packages that reeve is built with is made, once; a container
of it is booted, in which the checkout is built, installed and started, and cases/ is run, or the
named files of it; another one, for those about its Debian packages; and a virtual machine, for those
that need every controller. Exit status 1 if a case failed.
"""
import fcntl
import fnmatch
import functools
import os
import subprocess
import sys
import time

from container import BootFailed, Container, obstacle
from virtual_machine import VirtualMachine

SUITES = ("trixie", "bookworm")
SYSTEM = ("bash-completion", "build-essential", "ccache", "dbus", "dbus-user-session", "debhelper",
          "fish", "libglib2.0-bin", "libpam-systemd", "openssh-client", "openssh-server", "procps",
          "python3", "systemd", "systemd-sysv", "zsh")
# What is done first in which machine, and the cases that are run on it then.
WAYS = {("container", "install.sh"): ("test_*.py", "last_*.py"),
        ("container", "package.sh"): ("debian_*.py",),
        ("virtual machine", "install.sh"): ("limits_*.py",)}
HERE = os.path.dirname(os.path.realpath(__file__))
CHECKOUT = os.path.dirname(os.path.dirname(HERE))


def lock(path, how):
    """It stays open, and locked, until this process ends."""
    fcntl.flock(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC), how)


def chosen(cases):
    """The ways that are gone, with their cases: all, or those in the named files."""
    ways = {way: [case for case in cases if any(fnmatch.fnmatch(case, each) for each in patterns)]
            for way, patterns in WAYS.items()} if cases else WAYS
    return {way: names for way, names in ways.items() if names}


def prepare(machine, script):
    """Whether it ran well."""
    if machine.run("sh", f"/checkout/tests/systemd/{script}") == 0:
        return True
    print(f"failed: {script}: see above", flush=True)
    return False


def ask(machine, script, cases):
    """Whether all cases passed."""
    if prepare(machine, script) and \
            machine.run("python3", "-B", "/checkout/tests/systemd/cases/main.py", *cases) == 0:
        return True
    machine.run("journalctl", "--no-pager", "--unit=reeved.service")
    return False


def made_root(suite, cache, packages):
    """A root to boot, which stays as it is until this process ends, or None."""
    root = os.path.join(cache, "roots", suite)
    made = subprocess.run(["sh", os.path.join(CHECKOUT, "tests/support/root.sh"), root, suite, *SYSTEM, *packages],
                          check=False)
    if made.returncode != 0:
        return None
    lock(root + ".lock", fcntl.LOCK_SH)  # nobody makes it again meanwhile
    return root


def test_on(suite, cache, packages, cases):
    """Whether all went well; says what did not."""
    root = made_root(suite, cache, packages)
    if root is None:
        print(f"{suite}: failed: no root to boot")
        return False
    build = os.path.join(root + ".builds", CHECKOUT.strip("/").replace("/", "-"))
    ccache = root + ".ccache"
    os.makedirs(build, exist_ok=True)
    os.makedirs(ccache, exist_ok=True)
    lock(build + ".lock", fcntl.LOCK_EX)  # or builds in the same place
    places = {"bind": [(build, "/build"), (ccache, "/ccache")],
              "bind_read_only": [(CHECKOUT, "/checkout")]}
    machines = {"container": functools.partial(Container, root, build + ".log", **places),
                "virtual machine": functools.partial(VirtualMachine, suite, root, build + ".machine.log",
                                                     cache, **places)}
    well = []
    for (kind, script), names in chosen(cases).items():
        if kind == "virtual machine":  # which builds slowly
            well.append(test_in(suite, machines["container"](), "container",
                                lambda container: prepare(container, "install.sh")))
        well.append(test_in(suite, machines[kind](), kind,
                            lambda machine: ask(machine, script, names)))
    return all(well)


def test_in(suite, machine, kind, test):
    """Whether all went well."""
    begun = time.monotonic()
    if reason := machine.refusal():
        print(f"{suite}: skipped: there can be no {kind} here: {reason}")
        return True
    try:
        with machine:
            print(f"{suite}: {kind} booted after {time.monotonic() - begun:.1f} s", flush=True)
            return test(machine)
    except BootFailed as failure:
        print(f"{suite}: failed: the {kind} does not boot: {failure}; see {machine.log}")
        return False


def main():
    if len(sys.argv) < 3:
        sys.exit("usage: run.py CACHE PACKAGES [SUITE...] [CASES...]")
    cache, packages, *words = sys.argv[1:]
    suites = [word for word in words if word in SUITES]
    files = [os.path.join(HERE, "cases", word + ".py") for word in words if word not in SUITES]
    for file in files:
        if not os.path.exists(file):
            sys.exit(f"run.py: no suite and no file of cases {file}; the suites are: "
                     f"{', '.join(SUITES)}")
    if reason := obstacle():
        print(f"skipped: {reason}")
        return
    try:
        cases = [os.path.basename(file) for file in files]
        well = [test_on(suite, os.path.realpath(cache), packages.split(), cases)
                for suite in suites or SUITES]
    except KeyboardInterrupt:
        sys.exit(130)
    sys.exit(not all(well))


if __name__ == "__main__":
    main()
