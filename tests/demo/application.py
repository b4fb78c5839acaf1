#!/usr/bin/env python3
"""An application with a pool of workers that reeve keeps: application.py [WORKERS]

It is ordinary multiprocessing code. Its workers do what makes workers hard to get rid of: they hold
memory, are busy for ever, and leave processes behind that have another parent, a session of their
own, or no ear for SIGTERM. Nothing here cleans up: when this process dies, however it dies, reeve
ends them all.
"""
import json
import multiprocessing
import os
import signal
import socket
import sys

MEMORY = 20 * 1024 * 1024

multiprocessing.set_start_method("fork")
started = multiprocessing.SimpleQueue()


class Reeve:
    """A varlink connection by hand: JSON objects, each ended by a zero byte."""

    def __init__(self):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(os.environ.get("REEVE_SOCKET", "/run/reeve/io.reeve.Registry"))

    def call(self, method, **parameters):
        message = {"method": "io.reeve.Registry." + method, "parameters": parameters}
        self.socket.sendall(json.dumps(message).encode() + b"\0")
        text = b""
        while not text.endswith(b"\0"):
            part = self.socket.recv(65536)
            if not part:
                raise ConnectionError("reeved has closed the connection")
            text += part
        reply = json.loads(text[:-1])
        if "error" in reply:
            raise RuntimeError(f"{method}: {reply['error']} {reply.get('parameters')}")
        return reply["parameters"]


def wait_for_ever():
    while True:
        signal.pause()


def fork_child(prepare):
    pid = os.fork()
    if pid == 0:
        prepare()
        wait_for_ever()
    return pid


def leave_parent():
    """The double fork of daemons: the parent goes, its child stays, without our descriptors."""
    if os.fork() != 0:
        os._exit(0)
    os.closerange(3, 1024)


def ignore_sigterm():
    signal.signal(signal.SIGTERM, signal.SIG_IGN)


def work(_):
    """The task of each worker of the pool. It never ends."""
    _memory = b"x" * MEMORY
    os.waitpid(fork_child(leave_parent), 0)
    fork_child(os.setsid)
    fork_child(ignore_sigterm)
    started.put(os.getpid())
    wait_for_ever()


def main():
    workers = int(sys.argv[1]) if len(sys.argv) > 1 else 4
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # ^C ends it on the spot: nothing to clean up
    reeve = Reeve()
    # Without "owner" the run is this process's: it ends when this process does.
    run = reeve.call("OpenRun", name="application", onOwnerExit="kill")["run"]["run"]
    # From here on whatever is forked is born inside the run, so none of it can be missed.
    reeve.call("EnterRun")

    names = [f"pool-{number}" for number in range(1, workers + 1)]
    for name in names:
        reeve.call("Reserve", worker=name)
    pool = multiprocessing.Pool(workers)
    pool.map_async(work, names, chunksize=1)
    for name in names:
        # Each worker goes to a cgroup of its own, with the children it has by now. The one that has
        # left its parent stays where the run's own processes are, and ends with the run as well.
        reeve.call("Activate", worker=name, process={"pid": started.get()},
                   handle=f"slot of {name}", fingerprint="application 1.0")

    print(f"ready: run {run}", flush=True)
    # A pool replaces a worker that dies: the new one is in the run as well, if not registered.
    wait_for_ever()


if __name__ == "__main__":
    main()
