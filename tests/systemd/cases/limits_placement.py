"""Limits of a service whose run is in its own unit, where the kernel's controllers are: they hold for
its workers, too."""
import os

from host import DELEGATE, reevectl
from service import ServiceCase
from support import directory_of

# A worker that does one thing when it is told to; it stays.
APPLICATION = """
reevectl exec worker -- python3 -c "$1" <>/run/placement-$2 &
echo ready
wait
exec sleep infinity
"""
WHEN_TOLD = """
import os, sys, time
sys.stdin.read(1)
{}
time.sleep(9999)
"""
FORK_ON = """
for _ in range(100):
    try:
        os.fork() or time.sleep(9999)
    except BlockingIOError:
        pass
"""
MIB = 1 << 20


class Limits(ServiceCase):
    def begin_worker(self, does, *properties):
        """Of a service with these properties; it waits."""
        self.begin("reevectl", "run", "--name", self.unit, "--", "sh", "-c", APPLICATION, "sh",
                   WHEN_TOLD.format(does), str(self.count),
                   properties=(*DELEGATE, "OOMPolicy=continue", *properties))
        self.until(lambda: "ready" in self.log(), "the application does not get ready")
        run = self.run_of_unit()["run"]
        self.until(lambda: self.states(run) == {"worker": "active"}, "no worker")
        return run

    def states(self, run):
        return {each["worker"]: each["state"] for each in reevectl("--run", run, "list")["workers"]}

    def tell_worker(self):
        with open(self.orders, "w", encoding="ascii") as orders:
            orders.write("!")

    def group(self):
        return directory_of(self.show("ControlGroup"))

    def counted(self, file, key, group=None):
        """In the unit's own cgroup, unless another is given."""
        with open(os.path.join(group or self.group(), file), encoding="ascii") as lines:
            return next(int(line.split()[1]) for line in lines if line.split()[0] == key)

    def counted_below(self, file, key):
        return sum(self.counted(file, key, group) for group, _, files in os.walk(self.group())
                   if file in files)

    def test_memory_of_a_worker_is_its_unit_s(self):
        run = self.begin_worker(f"kept = bytearray({40 * MIB})")
        before = int(self.show("MemoryCurrent"))
        self.tell_worker()
        self.until(lambda: int(self.show("MemoryCurrent")) > before + 30 * MIB,
                   "it does not count")
        self.assertEqual(self.states(run), {"worker": "active"})

    def test_memory_beyond_that_of_the_unit_kills_the_worker(self):
        run = self.begin_worker(f"kept = bytearray({200 * MIB})", "MemoryMax=60M", "MemorySwapMax=0")
        self.assertEqual(self.counted("memory.events", "oom_kill"), 0)
        self.tell_worker()
        self.until(lambda: self.states(run) == {"worker": "exited"}, "it goes on")
        self.assertGreater(self.counted("memory.events", "oom_kill"), 0)
        self.assertEqual(self.show("ActiveState"), "active")

    def test_processor_time_of_a_worker_is_its_unit_s(self):
        self.begin_worker("while True: pass", "CPUQuota=10%")
        throttled = self.counted("cpu.stat", "nr_throttled")
        used = int(self.show("CPUUsageNSec"))
        self.tell_worker()
        self.until(lambda: self.counted("cpu.stat", "nr_throttled") > throttled + 5,
                   "it is not throttled")
        self.assertGreater(int(self.show("CPUUsageNSec")), used)

    def test_tasks_of_a_worker_are_its_unit_s(self):
        run = self.begin_worker(FORK_ON, "TasksMax=20")
        self.tell_worker()
        # Before Linux 6.11 the cgroup counts that wanted the task, not the one with the limit.
        self.until(lambda: self.counted_below("pids.events", "max") > 0, "it forks on")
        self.assertLessEqual(int(self.show("TasksCurrent")), 20)
        self.assertEqual(self.states(run), {"worker": "active"})
