"""Applications that are services of systemd, with their runs in their own units."""
import re
import subprocess

from host import DELEGATE, processes_in, reevectl
from service import ServiceCase, output
from support import NOBODY, PATIENCE, directory_of

# It has a worker, whose child is in a session of its own, and does what it is told.
APPLICATION = """
sh -c 'echo said by the worker; setsid sleep 12345 & exec sleep 12345' &
reevectl register worker --pid $! >/dev/null || exit 99
reevectl reserve reserved >/dev/null || exit 98
echo ready
trap 'exit 7' TERM
read word </run/placement-$1 && exit "$word"
"""


def is_alive(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


class Placement(ServiceCase):
    def begin_application(self, properties=DELEGATE):
        """The run's description, once it is as it is to be."""
        self.begin("reevectl", "run", "--name", self.unit, "--", "sh", "-c", APPLICATION, "sh",
                   str(self.count), properties=properties)
        self.until(lambda: "ready" in self.log(), "the application does not get ready")
        return self.run_of_unit()

    def processes(self):
        return processes_in(directory_of(self.show("ControlGroup")))

    def assert_nothing_is_left(self, pids):
        self.until(lambda: not any(map(is_alive, pids)), f"one of {pids} lives")
        self.until(lambda: reevectl("entries", "--count")["count"] == 0, "reeved keeps an entry")

    def assert_all_is_in_the_unit(self, properties):
        run = self.begin_application(properties)
        group = self.show("ControlGroup")
        self.assertEqual((run["placement"], run["controlGroup"]),
                         ("caller", f"{group}/run-{run['run']}"))
        worker = reevectl("--run", run["run"], "show", "worker")["worker"]
        self.assertEqual(worker["controlGroup"], f"{run['controlGroup']}/worker-worker")
        self.assertIn(worker["process"]["pid"], self.processes())
        self.assertEqual(self.show("MainPID"), str(run["owner"]["pid"]))
        status = output("systemctl", "status", "--no-pager", self.unit)
        self.assertIn("worker-worker", status)
        self.assertEqual(len(re.findall(r"─\d+ sleep 12345\n", status)), 2, status)
        self.until(lambda: "said by the worker" in self.log(), "the worker's log is lost")
        pids = self.processes()
        self.forget()
        self.assert_nothing_is_left(pids)

    def test_leaves_all_that_a_service_starts_in_its_unit(self):
        self.assert_all_is_in_the_unit(DELEGATE)

    def test_does_so_where_the_service_s_own_processes_are_in_what_it_delegates(self):
        self.assert_all_is_in_the_unit(("Delegate=yes",))

    def test_does_so_for_the_service_of_a_user(self):
        run = self.begin_application((*DELEGATE, "User=nobody", "SupplementaryGroups=reeve"))
        self.assertEqual(run["ownerUserId"], NOBODY)
        self.assertTrue(run["controlGroup"].startswith(self.show("ControlGroup") + "/"))
        pids = self.processes()
        self.assertEqual(len(pids), 3)
        self.forget()
        self.assert_nothing_is_left(pids)

    def test_ends_with_systemctl_stop(self):
        self.begin_application()
        pids = self.processes()
        subprocess.run(["systemctl", "stop", self.unit], timeout=PATIENCE, check=True)
        self.assert_nothing_is_left(pids)

    def test_keeps_the_exit_status(self):
        self.begin_application(properties=(*DELEGATE, "RemainAfterExit=no"))
        pids = self.processes()
        with open(self.orders, "w", encoding="ascii") as orders:
            orders.write("9\n")
        self.until(lambda: self.show("ActiveState") == "failed", "it does not end")
        self.assertEqual((self.show("ExecMainCode"), self.show("ExecMainStatus")), ("1", "9"))
        self.assert_nothing_is_left(pids)

    def test_keeps_the_signal_that_ends_it_and_leaves_no_orphan(self):
        self.begin_application(properties=(*DELEGATE, "KillMode=process"))  # systemd kills nothing
        pids = self.processes()
        subprocess.run(["systemctl", "kill", "--kill-whom=main", "--signal=KILL", self.unit],
                       timeout=PATIENCE, check=True)
        self.until(lambda: self.show("ActiveState") == "failed", "it does not end")
        self.assertEqual((self.show("ExecMainCode"), self.show("ExecMainStatus")), ("2", "9"))
        self.assert_nothing_is_left(pids)

    def test_survives_that_reeved_is_killed(self):
        run = self.begin_application()
        pids = self.processes()
        before = output("systemctl", "show", "--value", "--property=MainPID", "reeved")
        subprocess.run(["systemctl", "kill", "--kill-whom=main", "--signal=KILL", "reeved"],
                       timeout=PATIENCE, check=True)

        def is_back():
            state, pid = output("systemctl", "show", "--value", "--property=ActiveState,MainPID",
                                "reeved").split()[::-1]
            return "active" in (state, pid) and before.strip() not in (state, pid)

        self.until(is_back, "reeved does not come back")
        subprocess.run(["systemctl", "reset-failed", "reeved"], timeout=PATIENCE, check=True)
        self.assertEqual(self.run_of_unit(), run)
        self.assertTrue(all(map(is_alive, pids)))
        self.assertEqual(reevectl("--run", run["run"], "show", "worker")["worker"]["state"],
                         "active")
        subprocess.run(["systemctl", "kill", "--kill-whom=main", "--signal=KILL", self.unit],
                       timeout=PATIENCE, check=True)
        self.assert_nothing_is_left(pids)

    def test_begins_anew_when_the_service_is_restarted(self):
        first = self.begin_application(properties=(*DELEGATE, "Restart=on-failure"))
        pids = self.processes()
        subprocess.run(["systemctl", "kill", "--kill-whom=main", "--signal=KILL", self.unit],
                       timeout=PATIENCE, check=True)
        self.until(lambda: self.log().count("ready") == 2, "it does not begin anew")
        self.assertNotEqual(self.run_of_unit()["run"], first["run"])
        self.until(lambda: not any(map(is_alive, pids)), f"one of {pids} lives")
        self.assertEqual(self.show("ActiveState"), "active")

    def test_is_told_what_a_service_lacks(self):
        self.begin("reevectl", "run", "--", "true", properties=())
        self.until(lambda: self.show("ActiveState") == "failed", "it does not fail")
        self.assertEqual(self.show("ExecMainStatus"), "125")
        self.until(lambda: "Delegate=yes" in self.log(), "it does not say what is missing")
        self.assertIn(self.unit, self.log())
