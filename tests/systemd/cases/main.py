#!/usr/bin/env python3
"""Runs every test_*.py beside it, then every last_*.py, which judge what the others have asked; or
the files that are named.

One line for each case, and one with the counts; what failed is told in full before them.
"""
import os
import subprocess
import sys
import unittest


def sentence(case):
    """test_varlink_runs.OpenRun.test_ends_with_its_owner: "varlink: OpenRun ends with its owner"."""
    words = case.id().split(".")
    if len(words) != 3:  # a whole file, for one, that cannot be loaded
        return words[-1]
    face = words[0].split("_")[1]
    return f"{face}: {words[1]} {words[2].removeprefix('test_').replace('_', ' ')}"


class Telling(unittest.TestResult):
    passed = 0

    def addSuccess(self, test):
        self.passed += 1
        print("passed ", sentence(test), flush=True)

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        print("skipped", f"{sentence(test)}: {reason}", flush=True)

    def addFailure(self, test, err):
        super().addFailure(test, err)
        print("FAILED ", sentence(test), flush=True)

    def addError(self, test, err):
        super().addError(test, err)
        print("FAILED ", sentence(test), flush=True)

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err is not None:
            print("FAILED ", sentence(test), subtest._subDescription(), flush=True)


def main():
    loader = unittest.TestLoader()
    here = os.path.dirname(os.path.realpath(__file__))
    suite = unittest.TestSuite(
        loader.discover(here, pattern) for pattern in sys.argv[1:] or ("test_*.py", "last_*.py"))
    result = Telling()
    suite.run(result)
    faults = result.failures + result.errors
    for case, details in faults:
        print(f"\n{case.id()}:\n{details}")
    systemd = subprocess.run(["systemctl", "--version"], capture_output=True, text=True, check=True)
    print(f"{systemd.stdout.splitlines()[0]}: {result.passed} passed, {len(faults)} failed, "
          f"{len(result.skipped)} skipped")
    sys.exit(bool(faults))


main()
