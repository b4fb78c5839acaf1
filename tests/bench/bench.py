#!/usr/bin/env python3
"""bench.py BUILD CACHE [OPTION...] [CONTESTANT...]: how fast a killed worker runs again.

From just before the SIGKILL until the next worker's first instruction, for a bare loop, reeve and
other supervisors, all at the same time on the same machine: in each round, in random order, each
one's worker is killed. Exit status 1 if reeve takes longer than LIMIT times what the bare loop
takes, or could not be measured; with fewer than ENOUGH rounds only in the second case.
With --with-systemd all is done in a container that boots its systemd.
"""
import argparse
import json
import math
import os
import platform
import random
import select
import shutil
import signal
import socket
import statistics
import struct
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.append(os.path.join(os.path.dirname(HERE), "systemd"))
# pylint: disable=wrong-import-position
from container import Container, ControlGroup, cgroup2, obstacle
from run import CHECKOUT, SUITES, made_root
import contestants

LIMIT = 1.3  # times what the bare loop takes
ENOUGH = 50  # rounds, to judge by
PAUSE = 0.02  # seconds, until all is cleaned up after the last one
AGAIN = 5  # how often a worker is killed as soon as it runs
PATIENCE = 15  # seconds; nobody needs them
REPORT = struct.Struct("=qq")


class Place:
    """A throw-away cgroup and directory for all, and where their programs are."""

    def __init__(self, build, peers):
        self._build, self._peers = os.path.realpath(build), os.path.realpath(peers)
        self._group = ControlGroup()
        self._directory = tempfile.mkdtemp(prefix="reeve-bench-")
        self.worker = self.built("bench_worker")
        self.reeved = os.path.join(self._build, "src", "reeved")
        packages = os.path.join(self._peers, "usr/lib/python3/dist-packages")
        libraries = os.path.join(self._peers, "usr/lib", os.uname().machine + "-linux-gnu")
        self.environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8",
                            "PYTHONPATH": packages, "LD_LIBRARY_PATH": libraries}

    def close(self):
        self._group.close()
        shutil.rmtree(self._directory)

    def directory_of(self, name):
        path = os.path.join(self._directory, name)
        os.mkdir(path)
        return path

    def socket_of(self, name):
        return os.path.join(self._directory, name, "reports")

    def built(self, program):
        return os.path.join(self._build, "tests", "bench", program)

    def peer(self, program):
        return os.path.join(self._peers, "usr", "bin", program)

    def new_control_group(self, name):
        path = os.path.join(self._group.path, name)
        os.mkdir(path)
        return path

    def below_mount(self, name):
        return "/" + os.path.relpath(os.path.join(self._group.path, name), cgroup2())

    def inside(self, command, name):
        return self._group.entered_by(command, name)


class Worker:
    """The one that a contestant runs just now."""

    def __init__(self, contestant):
        self._contestant = contestant
        self._reports = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._reports.bind(contestant.environment["BENCH_SOCKET"])
        self._pidfd = None
        self._began = 0

    def await_start(self):
        if not select.select([self._reports], [], [], PATIENCE)[0]:
            raise TimeoutError(f"no worker of {self._contestant.name} within {PATIENCE} s: "
                               + self._contestant.last_words())
        if self._pidfd is not None:
            os.close(self._pidfd)
            self._pidfd = None
        self._began, pid = REPORT.unpack(self._reports.recv(REPORT.size))
        self._pidfd = os.pidfd_open(pid)

    def age(self):
        return (time.clock_gettime_ns(time.CLOCK_MONOTONIC) - self._began) / 1e9

    def kill(self):
        """The nanoseconds until the next one has begun."""
        killed = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
        signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)
        self.await_start()
        return self._began - killed


class Measurement:
    """One contestant with what it takes, in nanoseconds: by round, and as soon as a worker runs."""

    def __init__(self, contestant):
        self.contestant = contestant
        self.name = contestant.name
        self.worker = Worker(contestant)
        self.settled, self.again = {}, []

    def start(self):
        self.contestant.start()
        self.worker.await_start()

    def takes_part(self, number):
        return number % self.contestant.every == 0

    def figures(self, bare):
        taken = sorted(self.settled.values())
        median = statistics.median(taken)
        figures = {"kills": len(taken), "median": median / 1e9,
                   "p90": taken[math.ceil(0.9 * len(taken)) - 1] / 1e9,
                   "again": statistics.median(self.again) / 1e9}
        if bare:  # in the same rounds
            beside = statistics.median(bare.settled[number] for number in self.settled)
            figures["ratio"] = median / beside
        return figures


def enter(place, names):
    """Starts the contestants; those that can be measured, and why others cannot."""
    entered, absent = [], {}
    for each in contestants.ALL:
        name = each.__name__.lower()
        if names and name not in names:
            continue
        try:
            entered.append(Measurement(each(place)))
            entered[-1].start()
        except contestants.Absent as reason:
            absent[name] = str(reason)
        except TimeoutError as failure:
            absent[entered.pop().name] = str(failure)
    return entered, absent


def play(number, measurements):
    """One round: a worker of each, once they all have run for long enough."""
    time.sleep(max([0, *(each.contestant.age - each.worker.age() for each in measurements)]))
    for each in random.sample(measurements, len(measurements)):
        time.sleep(PAUSE)
        each.settled[number] = each.worker.kill()


def play_again(measurements):
    for each in random.sample(measurements, len(measurements)):
        time.sleep(PAUSE)
        each.worker.kill()
        each.again.append(each.worker.kill())


def measure(entered, rounds):
    for number in range(rounds):
        play(number, [each for each in entered if each.takes_part(number)])
    for _ in range(AGAIN):
        play_again(entered)


def in_milliseconds(seconds):
    return f"{seconds * 1e3:.3f} ms"


def show(figures, absent):
    rows = [("", "kills", "median", "90 % within", "to bare", "killed at once again")]
    for name, of in figures.items():
        rows.append((name, str(of["kills"]), in_milliseconds(of["median"]),
                     in_milliseconds(of["p90"]), f"{of['ratio']:.2f}" if "ratio" in of else "",
                     in_milliseconds(of["again"])))
    widths = [max(map(len, column)) for column in zip(*rows)]
    for name, *cells in rows:
        print(name.ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(cells, widths[1:])),
              sep="  ")
    for name, reason in absent.items():
        print(f"{name} is left out: {reason}")


def verdict(figures, absent, rounds):
    """Whether reeve is fast enough, or None where too little was measured to say it; and why."""
    if "reeve" in absent:
        return False, "reeve keeps no worker running"
    if "reeve" not in figures or "bare" not in figures:
        return None, "reeve and the bare loop were not both asked for"
    ratio = figures["reeve"]["ratio"]
    told = f"reeve takes {ratio:.2f} times what the bare loop takes; it may take {LIMIT}"
    if rounds < ENOUGH:
        return None, told + f", which {rounds} rounds are too few to judge"
    return ratio <= LIMIT, told


def in_container(build, cache, words):
    """The exit status of the same there."""
    suite = platform.freedesktop_os_release().get("VERSION_CODENAME")
    if suite not in SUITES:
        sys.exit(f"what is built here runs in no container of {' or '.join(SUITES)}")
    root = made_root(suite, cache, os.environ["BENCH_PACKAGES"].split())
    if root is None:
        sys.exit("there is no root to boot")
    places = [(CHECKOUT, "/checkout"), (os.path.realpath(build), "/build"),
              (os.path.join(cache, "peers"), "/cache/peers")]
    container = Container(root, root + ".bench.log", bind_read_only=places)
    if reason := container.refusal():
        sys.exit(f"there can be no container here: {reason}")
    with container:
        return container.run("python3", "-B", "/checkout/tests/bench/bench.py", "/build", "/cache",
                             *(word for word in words if word != "--with-systemd"))


def options_of(words):
    known = [each.__name__.lower() for each in contestants.ALL]
    usage = "./dev bench [restart] [--rounds N] [--json] [--with-systemd] [CONTESTANT...]"
    parser = argparse.ArgumentParser(usage=usage)
    parser.add_argument("build", help=argparse.SUPPRESS)
    parser.add_argument("cache", help=argparse.SUPPRESS)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--with-systemd", action="store_true")
    parser.add_argument("contestants", nargs="*", metavar="contestant", help=", ".join(known))
    options = parser.parse_intermixed_args(words)
    if set(options.contestants) - set(known) or options.rounds < 1:
        parser.error("the contestants are: " + ", ".join(known))
    return options


def main():
    options = options_of(sys.argv[1:])
    if reason := obstacle():
        sys.exit(f"cannot be measured: {reason}")
    if options.with_systemd:
        sys.exit(in_container(options.build, options.cache, sys.argv[3:]))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # not without cleaning up
    place = Place(options.build, os.path.join(options.cache, "peers"))
    entered = []
    try:
        entered, absent = enter(place, options.contestants)
        measure(entered, options.rounds)
    except TimeoutError as failure:
        sys.exit(str(failure))
    finally:
        for each in entered:
            each.contestant.stop()
        place.close()
    bare = next((each for each in entered if each.name == "bare"), None)
    figures = {each.name: each.figures(bare) for each in entered}
    holds, told = verdict(figures, absent, options.rounds)
    if options.json:
        print(json.dumps({"rounds": options.rounds, "kernel": os.uname().release, "absent": absent,
                          "contestants": figures, "limit": LIMIT, "holds": holds}))
    else:
        show(figures, absent)
        print(told)
    sys.exit(holds is False)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
