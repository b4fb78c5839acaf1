#!/usr/bin/env python3
"""run.py BUILD CACHE [VERSION...]: the tests of a build on other kernels, each in user-mode Linux.

A version is a Debian suite, or the number of the kernel that it has. Exit status 1 if a test failed.
"""
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import xml.etree.ElementTree as tree

SUITES = {"bookworm": "6.1", "trixie": "6.12", "sid": "newest"}
TESTS = ("unit", "integration", "clients")
SLOWNESS = 5  # system calls take ten times as long there, and there is one processor
BOOT_AT_MOST = 3600  # seconds
HERE = os.path.dirname(os.path.realpath(__file__))


def tests_of(build):
    """(name, command for guest.sh) of the tests that meson knows and a kernel has a part in."""
    with open(os.path.join(build, "meson-info", "intro-tests.json"), encoding="utf-8") as file:
        known = json.load(file)
    return [(test["name"],
             shlex.join(["run_test", test["name"], str(test["timeout"] * SLOWNESS), *test["cmd"]]))
            for test in known
            if any(suite.split(":")[-1] in TESTS for suite in test["suite"])]


def outcome(results, name):
    """(passed, names of the failed, skipped) of one program, which had to report them."""
    path = os.path.join(results, name)
    try:
        with open(path + ".status", encoding="utf-8") as file:
            status = int(file.read())
    except FileNotFoundError:
        return 0, [name + " (not run to its end)"], 0
    if status == 77:
        return 0, [], 1
    try:
        cases = list(tree.parse(path + ".xml").iter("testcase"))
    except (FileNotFoundError, tree.ParseError):  # no GoogleTest, or one that crashed
        return (1, [], 0) if status == 0 else (0, [f"{name} (exit status {status})"], 0)
    failed = [f"{case.get('classname')}.{case.get('name')}" for case in cases
              if case.find("failure") is not None]
    skipped = sum(case.get("result") == "skipped" for case in cases)
    if status != 0 and not failed:
        failed = [f"{name} (exit status {status})"]
    return len(cases) - len(failed) - skipped, failed, skipped


def test_on(suite, build, cache):
    """(kernel, passed, failed, skipped), and tells what failed."""
    directory = os.path.join(cache, "kernels", suite)
    results = os.path.join(directory, "results")
    subprocess.run(["sh", os.path.join(HERE, "fetch.sh"), directory, suite], check=True)
    shutil.rmtree(results, ignore_errors=True)
    os.mkdir(results)
    tests = tests_of(build)
    with open(os.path.join(results, "plan"), "w", encoding="utf-8") as file:
        print("cd", shlex.quote(build), file=file)
        print(*(command for _, command in tests), sep="\n", file=file)
    command = ["sh", os.path.join(HERE, "boot.sh"), os.path.join(directory, "root"), results]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL) as machine:
        try:
            machine.wait(BOOT_AT_MOST)
        except subprocess.TimeoutExpired:
            print(f"the kernel of {suite} was ended after {BOOT_AT_MOST} s")
        finally:
            machine.kill()  # and all that runs in it: see boot.sh
    try:
        with open(os.path.join(results, "kernel"), encoding="utf-8") as file:
            kernel = re.search(r"Linux (\S+),", file.read()).group(1)
    except FileNotFoundError:
        return f"{suite} (does not boot)", 0, 1, 0
    passed, failed, skipped = 0, [], 0
    for name, _ in tests:
        more_passed, more_failed, more_skipped = outcome(results, name)
        passed, failed, skipped = passed + more_passed, failed + more_failed, skipped + more_skipped
    for each in failed:
        print(f"  failed: {each}")
    if failed:
        print(f"  see the logs in {results}")
    return f"{kernel} ({suite})", passed, len(failed), skipped


def main():
    if len(sys.argv) < 3:
        sys.exit("usage: run.py BUILD CACHE [VERSION...]")
    build, cache, *versions = sys.argv[1:]
    suites = []
    for version in versions or SUITES:
        known = [suite for suite, number in SUITES.items() if version in (suite, number)]
        if not known:
            sys.exit("run.py: no kernel " + version + "; there are: " +
                     ", ".join(f"{number} ({suite})" for suite, number in SUITES.items()))
        suites += known
    rows = [test_on(suite, os.path.realpath(build), os.path.realpath(cache)) for suite in suites]
    widths = max(len(row[0]) for row in rows)
    print(f"\n{'kernel':<{widths}} {'passed':>7} {'failed':>7} {'skipped':>8}")
    for kernel, passed, failed, skipped in rows:
        print(f"{kernel:<{widths}} {passed:>7} {failed:>7} {skipped:>8}")
    sys.exit(any(failed for _, _, failed, _ in rows))


main()
