"""reevectl logs: what workers wrote to the journal, found by what journald knows of them."""
import json
import os
import subprocess
import threading

from host import REEVED, HostCase, eventually, reevectl, systemctl, told
from support import PATIENCE

DROP_IN = "/etc/reeve/reeve.toml.d/logs.toml"
POOLS = """[pool.web]
command = ["sh", "-c", "echo to output of $REEVE_WORKER; echo to error >&2; exec sleep infinity"]
size = 2
restart = "always"
[pool.web.backoff]
initial = "10ms"
"""
DOOMED = """[pool.doomed]
command = ["sh", "-c", "echo my last word; exit 3"]
[pool.doomed.backoff]
initial = "10ms"
max = "10ms"
[pool.doomed.start-limit]
burst = 5
"""


class Following:
    """reevectl logs -f."""

    def __init__(self, case, *arguments):
        self._process = case.start("reevectl", "logs", "-f", *arguments, stdout=subprocess.PIPE,
                                   text=True)
        too_late = threading.Timer(PATIENCE, self._process.kill)
        too_late.start()
        case.addCleanup(too_late.cancel)
        self.seen = []

    def read_until(self, *texts):
        """All of them, in any order."""
        missing = list(texts)
        for line in self._process.stdout:
            self.seen.append(line)
            if found := [each for each in missing if each in line]:
                missing.remove(found[0])
            if not missing:
                return
        raise AssertionError(f"it ended without {missing}: {self.seen}")



class LogsCase(HostCase):
    def setUp(self):
        super().setUp()
        self.addCleanup(self.remove)
        self.configure(POOLS)
        self.run_id = reevectl("pools", "web")["pool"]["run"]

    @staticmethod
    def configure(text):
        os.makedirs(os.path.dirname(DROP_IN), exist_ok=True)
        with open(DROP_IN, "w", encoding="utf-8") as file:
            file.write(text)
        told("reevectl", "reload", check=False)  # a pool may be doomed

    @staticmethod
    def remove():
        """The next case finds a run of its own."""
        os.remove(DROP_IN)
        told("reevectl", "reload")
        assert eventually(lambda: not any(
            run.get("name") == "pools" for run in reevectl("runs")["runs"]))

    def logs(self, *arguments):
        return told("reevectl", "--run", self.run_id, "logs", *arguments, check=False).splitlines()

    def records(self, *arguments):
        return [json.loads(line) for line in self.logs("--json=short", *arguments)]

    def await_records(self, count, *arguments):
        self.assertTrue(eventually(lambda: len(self.records(*arguments)) >= count),
                        self.records(*arguments))
        return self.records(*arguments)


class Logs(LogsCase):
    def test_tell_what_a_pool_wrote_by_worker_process_and_stream(self):
        records = self.await_records(4, "web")
        pids = {slot["worker"]: slot["process"]["pid"] for slot in reevectl("pools", "web")["slots"]}
        shown = {(each["worker"], each["message"], each["priority"]) for each in records}
        self.assertEqual(shown, {(worker, *line) for worker in pids for line in (
            (f"to output of {worker}", 6), ("to error", 4))})
        for each in records:
            self.assertEqual((each["run"], each["pool"], each["pid"]),
                             (self.run_id, "web", pids[each["worker"]]))
        self.assertEqual({each["worker"] for each in self.records("web@1")}, {"web@1"})
        self.assertIn(f"web@1[{pids['web@1']}]: to error", "\n".join(self.logs("web")))

    def test_are_as_many_and_in_the_order_that_are_wanted(self):
        self.await_records(4, "web")
        all_of_them = self.logs("web")
        self.assertEqual(self.logs("-n", "3", "web"), all_of_them[-3:])
        self.assertEqual(self.logs("-r", "web"), all_of_them[::-1])
        self.assertEqual(self.logs("-r", "-n", "1", "web"), all_of_them[-1:])
        self.assertEqual(self.logs("--since", "1h", "web"), all_of_them)
        self.assertEqual(self.logs("--until", "1h", "web"), [])
        self.assertEqual(sorted(self.logs("-o", "cat", "web@0")), ["to error", "to output of web@0"])

    def test_do_not_need_reeved_and_are_of_workers_that_are_gone(self):
        self.await_records(4, "web")
        before = self.logs("web")
        told("reevectl", "scale", "web", "0")
        self.addCleanup(self.start_again)
        systemctl("stop", "reeved.socket", REEVED)
        self.addCleanup(systemctl, "start", "reeved.socket")
        self.assertEqual(self.logs("web")[:4], before)

    def test_are_not_of_others_who_call_themselves_so(self):
        self.start("systemd-cat", "-t", "web@0", "sh", "-c", "echo pretended; exec sleep infinity")
        self.assertTrue(eventually(lambda: "pretended" in told("journalctl", "-t", "web@0")))
        self.assertNotIn("pretended", told("reevectl", "logs", "web"))

    def test_are_of_workers_of_any_run_by_whatever_name_they_write(self):
        run = self.open_run()
        told("systemd-cat", "-t", "mine", "reevectl", "--run", run, "spawn", "worker", "--pipe", "--",
             "sh", "-c", "echo there; exec sleep infinity")
        self.assertTrue(eventually(
            lambda: "there" in told("reevectl", "--run", run, "logs", "worker", check=False)))
        self.assertNotIn("there", told("reevectl", "--run", self.run_id, "logs", "worker",
                                       check=False))

    def test_follow_restarts_of_workers_and_of_reeved_and_new_slots(self):
        self.await_records(4, "web")
        following = Following(self, "-n", "1", "web")
        following.read_until("web@")
        self.assertEqual(len(following.seen), 1)
        told("reevectl", "restart", "web")
        following.read_until("to output of web@0", "to output of web@1")
        systemctl("restart", REEVED)
        told("reevectl", "scale", "web", "4")
        following.read_until("to output of web@2", "to output of web@3")

    def test_tell_how_a_worker_ended_and_that_it_is_held_between_its_last_words(self):
        following = Following(self, "doomed")
        self.configure(POOLS + DOOMED)
        following.read_until(*["my last word"] * 5, *["it exited with status 3"] * 5,
                             "worker doomed@0 is held: 5 starts")
        unproven = [each for each in following.seen if "]?: " in each]
        self.assertEqual(unproven, [], "journald was told the unit of those that it could not look at")

    def test_are_refused_to_those_who_may_not_read_the_journal(self):
        self.await_records(4, "web")
        for group, may in (("nogroup", False), ("adm", True), ("systemd-journal", True)):
            with self.subTest(group):
                done = subprocess.run(
                    ["setpriv", "--reuid=nobody", f"--regid={group}", "--clear-groups",
                     "reevectl", "logs", "web"], capture_output=True, text=True, check=False)
                self.assertEqual("to output of web@0" in done.stdout, may, done)
                self.assertEqual(done.returncode, 0 if may else 1)
                self.assertEqual("the group systemd-journal or adm" in done.stderr, not may, done)

    def test_that_are_not_there_are_told_of(self):
        done = subprocess.run(["reevectl", "logs", "nothing"], capture_output=True, text=True,
                              check=False)
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn("nothing of nothing", done.stderr)
