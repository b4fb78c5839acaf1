#!/usr/bin/env python3
"""run.py BUILD CACHE [VERSION...] [TEST...]: the tests of a build on other kernels, each in user-mode
Linux.

A version is a Debian suite, or the number of the kernel that it has; a test, a program as meson
names it. Exit status 1 if a test failed.
A case in which the kernel itself panics is named and counted as skipped, and what comes after it is
run after another boot: user-mode Linux 6.12 does not survive a process that is killed amid fork(2).
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
SLOWNESS = 5  # system calls take ten times as long there, and there is one processor
BOOT_AT_MOST = 4 * 3600  # seconds
PANICS_AT_MOST = 10
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
        self.has_cases = known["protocol"] == "gtest"
        self.path = os.path.join(results, self.name)
        self.panicked = []  # cases in which the kernel did, or the program itself

    def for_guest(self):
        words = ["run_test", self.name, str(self.seconds), *self.command]
        if self.panicked:
            words.append("--gtest_filter=-" + ":".join(self.panicked))
        return shlex.join(words)

    def has_ended(self):
        return os.path.exists(self.path + ".status")

    def note_panic(self):
        """Whether it can be run without the case in which the kernel panicked."""
        begun = re.findall(r"^\[ RUN      \] (\S+)", read(self.path + ".log"), re.MULTILINE)
        self.panicked.append(begun[-1] if self.has_cases and begun else self.name)
        return self.panicked[-1] != self.name

    def outcome(self):
        """(passed, names of the failed, skipped)"""
        skipped = len(self.panicked)
        if not self.has_ended():
            return 0, [] if self.name in self.panicked else [self.name + " (not run)"], skipped
        status = int(read(self.path + ".status"))
        if status == 77:
            return 0, [], skipped + 1
        try:
            cases = list(tree.parse(self.path + ".xml").iter("testcase"))
        except (FileNotFoundError, tree.ParseError):  # no GoogleTest, or one that crashed
            cases = []
        failed = [f"{case.get('classname')}.{case.get('name')}" for case in cases
                  if case.find("failure") is not None]
        skipped_here = sum(case.get("result") in ("skipped", "suppressed") for case in cases)
        if status != 0 and not failed:
            failed = [f"{self.name} (exit status {status})"]
        passed = len(cases) - len(failed) - skipped_here if cases else int(status == 0)
        return passed, failed, skipped + skipped_here


def boot(root, results, build, programs):
    """Runs programs on a kernel; returns when it is down, with whether it panicked."""
    with open(os.path.join(results, "plan"), "w", encoding="utf-8") as file:
        print("cd " + shlex.quote(build), *(each.for_guest() for each in programs),
              sep="\n", file=file)
    command = ["sh", os.path.join(HERE, "boot.sh"), root, results]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
                          errors="replace") as machine, \
            open(os.path.join(results, "console"), "a", encoding="utf-8") as console:
        limit = threading.Timer(BOOT_AT_MOST, machine.kill)
        limit.start()
        try:
            for line in machine.stdout:
                console.write(line)
                if line.startswith(("Linux ", "  ", "Kernel panic")):
                    print(line, end="", flush=True)
                if line.startswith("Kernel panic"):
                    return True  # it would stay so for ever
            return False
        finally:
            limit.cancel()
            machine.kill()  # and all that runs in it: see boot.sh


def known_tests(build):
    return [each for each in json.loads(read(os.path.join(build, "meson-info/intro-tests.json")))
            if any(suite.split(":")[-1] in TESTS for suite in each["suite"])]


def why_it_does_not_boot(results):
    # PTRACE_SETREGSET takes all of the registers or none, and its buffer is too small for AMX.
    if "ptrace set fp regs failed" in read(os.path.join(results, "console")):
        return ("it does not boot: this processor has more registers (AMX) than user-mode Linux "
                "knows of; another machine is needed")
    return "it does not boot"


def test_on(suite, build, cache, tests):
    """(kernel, passed, failed, skipped), and says what failed."""
    directory = os.path.join(cache, "kernels", suite)
    results = os.path.join(directory, "results")
    subprocess.run(["sh", os.path.join(HERE, "fetch.sh"), directory, suite], check=True)
    shutil.rmtree(results, ignore_errors=True)
    os.mkdir(results)
    programs = [Program(each, results) for each in known_tests(build)
                if not tests or each["name"] in tests]
    remaining = programs
    for _ in range(PANICS_AT_MOST):
        if not boot(os.path.join(directory, "root"), results, build, remaining):
            break
        remaining = [each for each in remaining if not each.has_ended()]
        if remaining and not remaining[0].note_panic():
            remaining = remaining[1:]
        if not remaining:
            break
    kernel = re.search(r"^Linux (\S+),", read(os.path.join(results, "kernel")), re.MULTILINE)
    passed, failed, skipped = 0, [] if kernel else [why_it_does_not_boot(results)], 0
    for each in programs:
        more_passed, more_failed, more_skipped = each.outcome()
        passed, failed, skipped = passed + more_passed, failed + more_failed, skipped + more_skipped
        for case in each.panicked:
            print(f"  the kernel panicked in {case}")
    for each in failed:
        print(f"  failed: {each}")
    if failed:
        print(f"  see the logs in {results}")
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
