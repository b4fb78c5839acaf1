"""What the cases of every face share: real processes, and what the kernel says of them."""
import pwd
import subprocess
import unittest

PATIENCE = 60  # seconds; only what has gone wrong takes them
NOBODY = pwd.getpwnam("nobody").pw_uid

STUBBORN = """
import signal
signal.signal(signal.SIGTERM, lambda *_: print("asked", flush=True))
print("there", flush=True)
while True:
    signal.pause()
"""


def group_of(pid):
    """The cgroup that a process is in, as a path below the mount."""
    with open(f"/proc/{pid}/cgroup", encoding="ascii") as groups:
        return next(line[3:].rstrip("\n") for line in groups if line.startswith("0::"))


def directory_of(group):
    return "/sys/fs/cgroup" + group


class Case(unittest.TestCase):
    """Processes that a case starts end with it."""

    maxDiff = None

    def start(self, *command, **options):
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, **options)
        self.addCleanup(self.end, process)
        return process

    @staticmethod
    def end(process):
        process.kill()
        process.wait(PATIENCE)
        for stream in (process.stdout, process.stderr):
            if stream:
                stream.close()

    def sleeper(self, **options):
        return self.start("sleep", "infinity", **options)

    def family(self):
        """A process with two children; it is there when they are."""
        parent = self.start("sh", "-c", "sleep infinity & sleep infinity & echo there; wait",
                            stdout=subprocess.PIPE, text=True)
        self.assertEqual(parent.stdout.readline(), "there\n")
        return parent

    def stubborn(self):
        """A process that says "asked" to SIGTERM, and stays."""
        process = self.start("python3", "-c", STUBBORN, stdout=subprocess.PIPE, text=True)
        self.assertEqual(process.stdout.readline(), "there\n")
        return process

    def assert_asked_to_end(self, stubborn):
        self.assertEqual(stubborn.stdout.readline(), "asked\n")

    @staticmethod
    def unused_pid():
        """Of a process that was, and has been reaped."""
        process = subprocess.Popen(["true"])
        process.wait()
        return process.pid
