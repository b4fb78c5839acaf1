#!/usr/bin/env python3
"""run.py BUILD CACHE [VERSION...] [TEST...]: the tests of a build on other kernels, each in a virtual
machine that has this machine's files, and every cgroup controller.

A version is a Debian suite, or the number of the kernel that it has; a test, a program as meson
names it. Exit status 1 if a test failed.
"""
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import threading
import xml.etree.ElementTree as tree

SUITES = {"bookworm": "6.1", "trixie": "6.12", "sid": "newest"}
TESTS = ("unit", "integration", "clients")
SLOWNESS = 5  # processors are emulated
BOOT_AT_MOST = 4 * 3600  # seconds
HERE = os.path.dirname(os.path.realpath(__file__))


def read(path):
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except FileNotFoundError:
        return ""


class Program:
    """A test that meson knows, and what guest.sh has left of it in the directory of results."""

    def __init__(self, known, results):
        self.name = known["name"]
        self.command = known["cmd"]
        self.seconds = known["timeout"] * SLOWNESS
        self.path = os.path.join(results, self.name)

    def for_guest(self):
        return shlex.join(["run_test", self.name, str(self.seconds), *self.command])

    def outcome(self):
        """(passed, names of the failed, skipped)"""
        if not os.path.exists(self.path + ".status"):
            return 0, [self.name + " (not run to its end)"], 0
        status = int(read(self.path + ".status"))
        if status == 77:
            return 0, [], 1
        try:
            cases = list(tree.parse(self.path + ".xml").iter("testcase"))
        except (FileNotFoundError, tree.ParseError):  # no GoogleTest, or one that crashed
            cases = []
        failed = [f"{case.get('classname')}.{case.get('name')}" for case in cases
                  if case.find("failure") is not None]
        skipped = sum(case.get("result") in ("skipped", "suppressed") for case in cases)
        if status != 0 and not failed:
            failed = [f"{self.name} (exit status {status})"]
        passed = len(cases) - len(failed) - skipped if cases else int(status == 0)
        return passed, failed, skipped


def boot(cache, suite, results, build, programs):
    """Runs programs on a kernel; returns when it is down."""
    with open(os.path.join(results, "plan"), "w", encoding="utf-8") as file:
        print("cd " + shlex.quote(build), *(each.for_guest() for each in programs),
              sep="\n", file=file)
    # Whatever kills this process, the machine goes with it.
    command = ["setpriv", "--pdeathsig", "KILL", "sh", os.path.join(HERE, "boot.sh"), cache, suite, "/",
               "/run/kernels/guest.sh", "", f"{HERE}:/run/kernels:ro", f"{results}:/run/results:rw"]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
                          errors="replace") as machine, \
            open(os.path.join(results, "console"), "w", encoding="utf-8") as console:
        limit = threading.Timer(BOOT_AT_MOST, machine.kill)
        limit.start()
        try:
            for line in machine.stdout:
                console.write(line)
                if line.startswith(("Linux ", "  ")) or "Kernel panic" in line:
                    print(line, end="", flush=True)
        finally:
            limit.cancel()
            machine.kill()  # and all that runs in it: see boot.sh


def known_tests(build):
    return [each for each in json.loads(read(os.path.join(build, "meson-info/intro-tests.json")))
            if any(suite.split(":")[-1] in TESTS for suite in each["suite"])]


def test_on(suite, build, cache, tests):
    """(kernel, passed, failed, skipped), and says what failed."""
    results = os.path.join(cache, "kernels", suite + ".results")
    subprocess.run(["sh", os.path.join(HERE, "fetch.sh"), cache, suite], check=True)
    shutil.rmtree(results, ignore_errors=True)
    os.mkdir(results)
    programs = [Program(each, results) for each in known_tests(build)
                if not tests or each["name"] in tests]
    boot(cache, suite, results, build, programs)
    kernel = re.search(r"^Linux (\S+),", read(os.path.join(results, "kernel")), re.MULTILINE)
    passed, failed, skipped = 0, [] if kernel else ["it does not boot"], 0
    for each in programs:
        more_passed, more_failed, more_skipped = each.outcome()
        passed, failed, skipped = passed + more_passed, failed + more_failed, skipped + more_skipped
    for each in failed:
        print(f"  failed: {each}")
    if failed:
        print(f"  see the logs in {results}, and its console there")
    return f"{kernel.group(1) if kernel else '?'} ({suite})", passed, len(failed), skipped


def main():
    if len(sys.argv) < 3:
        sys.exit("usage: run.py BUILD CACHE [VERSION...] [TEST...]")
    build, cache, *words = sys.argv[1:]
    names = {each["name"] for each in known_tests(build)}
    tests = names & set(words)
    suites = []
    for version in [word for word in words if word not in names] or SUITES:
        known = [suite for suite, number in SUITES.items() if version in (suite, number)]
        if not known:
            sys.exit(f"run.py: no kernel and no test {version}; there are the kernels " +
                     ", ".join(f"{number} ({suite})" for suite, number in SUITES.items()) +
                     ", and the tests " + ", ".join(sorted(names)))
        suites += known
    rows = [test_on(suite, os.path.realpath(build), os.path.realpath(cache), tests)
            for suite in suites]
    width = max(len(row[0]) for row in rows)
    print(f"\n{'kernel':<{width}} {'passed':>7} {'failed':>7} {'skipped':>8}")
    for kernel, passed, failed, skipped in rows:
        print(f"{kernel:<{width}} {passed:>7} {failed:>7} {skipped:>8}")
    sys.exit(any(failed for _, _, failed, _ in rows))


main()
