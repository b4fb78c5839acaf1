"""The methods that look, and those that clean up what is dead."""
import os
import signal

from support import directory_of
from varlinkctl import SERVICE, VarlinkCase


class IsRegistered(VarlinkCase):
    def test_tells_a_worker_from_a_reservation_and_from_nothing(self):
        run = self.open_run()
        self.active_worker(run, "active")
        self.call("Reserve", run=run, worker="reserved")
        for worker, registered in (("active", True), ("reserved", False), ("nothing", False)):
            self.assertEqual(self.call(run=run, worker=worker), {"registered": registered}, worker)

    def test_refuses_a_run_that_is_not_there(self):
        told = self.assert_refused("NoSuchRun", run="0f0f", worker="worker")
        self.assertEqual(told, {"run": "0f0f"})


class GetWorker(VarlinkCase):
    def test_tells_how_the_worker_ended(self):
        run = self.open_run()
        process = self.dead_worker(run)
        worker = self.call(run=run, worker="worker")["worker"]
        self.assertEqual((worker["state"], worker["process"]["pid"]), ("exited", process.pid))
        self.assertIn(worker["exit"]["cause"], ("signaled", "unknown"))  # Linux 6.15 knows

    def test_tells_what_the_worker_uses(self):
        run = self.open_run()
        self.active_worker(run)
        self.assertIn("processorUserUSec", self.call(run=run, worker="worker")["worker"]["usage"])

    def test_refuses_a_worker_that_is_not_there(self):
        run = self.open_run()
        told = self.assert_refused("NoSuchWorker", run=run, worker="worker")
        self.assertEqual(told, {"run": run, "worker": "worker"})


class ListWorkers(VarlinkCase):
    def setUp(self):
        super().setUp()
        self.first, self.second = self.open_run(), self.open_run()
        self.active_worker(self.first, "a", fingerprint="old")
        self.active_worker(self.second, "b", fingerprint="new")
        self.call("Reserve", run=self.second, worker="c")

    def names(self, **parameters):
        return {worker["worker"] for worker in self.call(**parameters)["workers"]}

    def test_lists_the_workers_of_all_runs_or_of_one(self):
        self.assertEqual(self.names(), {"a", "b", "c"})
        self.assertEqual(self.names(run=self.second), {"b", "c"})

    def test_chooses_by_state_and_by_fingerprint(self):
        self.assertEqual(self.names(state="reserved"), {"c"})
        self.assertEqual(self.names(fingerprint="old"), {"a"})
        self.assertEqual(self.names(run=self.first, fingerprint="new"), set())

    def test_streams_one_worker_in_each_reply(self):
        replies = self.call(more=True)
        self.assertEqual([len(reply["workers"]) for reply in replies], [1, 1, 1])
        self.assertEqual({reply["workers"][0]["worker"] for reply in replies}, {"a", "b", "c"})

    def test_refuses_a_state_that_is_none(self):
        told = self.assert_refused(f"{SERVICE}.InvalidParameter", state="asleep")
        self.assertEqual(told["parameter"], "state")


class ListProcesses(VarlinkCase):
    def test_lists_the_living_or_with_all_the_dead_too(self):
        run = self.open_run()
        living = self.active_worker(run, "living").pid
        dead = self.dead_worker(run, "dead").pid
        self.call("Reserve", run=run, worker="reserved")
        for chosen, pids in (({}, {living}), ({"all": True}, {living, dead})):
            found = self.call(run=run, **chosen)["processes"]
            self.assertEqual({process["pid"] for process in found}, pids)

    def test_refuses_a_run_that_is_not_there(self):
        self.assertEqual(self.assert_refused("NoSuchRun", run="0f0f"), {"run": "0f0f"})


class ValidateWorkers(VarlinkCase):
    def test_names_those_whose_process_is_gone_and_changes_nothing(self):
        run = self.open_run()
        self.active_worker(run, "living")
        self.dead_worker(run, "dead")
        for _ in range(2):
            self.assertEqual([worker["worker"] for worker in self.call(run=run)["dead"]], ["dead"])

    def test_refuses_a_run_that_is_not_there(self):
        self.assertEqual(self.assert_refused("NoSuchRun", run="0f0f"), {"run": "0f0f"})


class CleanupDeadWorkers(VarlinkCase):
    def test_drops_the_dead_and_only_them(self):
        run = self.open_run()
        self.active_worker(run, "living")
        self.dead_worker(run, "dead")
        self.assertEqual(self.call(run=run), {"removed": 1})
        self.assertEqual(self.call(run=run), {"removed": 0})
        left = self.call("ListWorkers", run=run)["workers"]
        self.assertEqual([worker["worker"] for worker in left], ["living"])

    def test_refuses_a_run_that_is_not_there(self):
        self.assertEqual(self.assert_refused("NoSuchRun", run="0f0f"), {"run": "0f0f"})


class CleanupOrphans(VarlinkCase):
    def test_cuts_short_the_grace_of_a_run_that_has_lost_its_owner(self):
        events = self.subscription()
        owner = self.sleeper()
        run = self.call("OpenRun", owner={"pid": owner.pid}, onOwnerExit="terminate",
                        graceUSec=3600000000)["run"]["run"]
        orphan = self.active_worker(run, process=self.stubborn())
        spared = self.active_worker(self.open_run())
        owner.kill()
        owner.wait()
        self.assert_asked_to_end(orphan)
        report = self.call()["report"]
        self.assertEqual((report["runsRemoved"], report["workersRemoved"],
                          report["processesKilled"]), (1, 1, 1))
        self.assertEqual(orphan.wait(), -signal.SIGKILL)
        self.assertIsNone(spared.poll())
        self.assertEqual(self.next_event(events, "orphansKilled")["run"], run)

    def test_refuses_unknown_parameters(self):
        self.assert_refuses_unknown_parameters()


class GetStatistics(VarlinkCase):
    def test_counts_runs_and_workers_by_state_and_those_that_live(self):
        run = self.open_run()
        self.active_worker(run, "living")
        self.dead_worker(run, "dead")
        self.call("Reserve", run=run, worker="reserved")
        for chosen in ({}, {"run": run}):
            told = self.call(**chosen)["statistics"]
            self.assertEqual([told[name] for name in ("runs", "registered", "reserved", "active",
                                                      "exited", "processes", "entries")],
                             [1, 3, 1, 1, 1, 1, 4])

    def test_refuses_a_run_that_is_not_there(self):
        self.assertEqual(self.assert_refused("NoSuchRun", run="0f0f"), {"run": "0f0f"})


class ListEntries(VarlinkCase):
    def test_shows_the_records_that_the_kernel_holds(self):
        run = self.open_run()
        process = self.active_worker(run)
        entries = self.call()["entries"]
        self.assertEqual([entry.get("worker") for entry in entries], [None, "worker"])
        self.assertEqual([entry["run"] for entry in entries], [run, run])
        self.assertEqual(entries[1]["process"]["pid"], process.pid)
        self.assertTrue(entries[1]["processIsAlive"] and entries[1]["runIsAlive"])
        for entry in entries:
            record = os.getxattr(directory_of(entry["controlGroup"]), "user.reeve")
            self.assertEqual(record.decode(), entry["record"])

    def test_refuses_unknown_parameters(self):
        self.assert_refuses_unknown_parameters()


class CountEntries(VarlinkCase):
    def test_counts_runs_and_workers(self):
        self.assertEqual(self.call(), {"count": 0})
        self.call("Reserve", run=self.open_run(), worker="worker")
        self.assertEqual(self.call(), {"count": 2})

    def test_refuses_unknown_parameters(self):
        self.assert_refuses_unknown_parameters()


class Subscribe(VarlinkCase):
    def test_tells_what_is_and_then_what_happens(self):
        run = self.open_run()
        self.call("Reserve", run=run, worker="worker")
        events = self.subscription(run=run)
        process = self.sleeper()
        self.call("Activate", run=run, worker="worker", process={"pid": process.pid})
        process.kill()
        process.wait()
        told = [self.next_event(events, kind) for kind in ("reserved", "activated", "exited")]
        self.assertEqual([event["worker"]["worker"] for event in told], ["worker"] * 3)
        self.assertEqual(told[2]["worker"]["process"]["pid"], process.pid)

    def test_goes_on_after_what_was_heard(self):
        events = self.subscription()
        run = self.open_run()
        heard = self.next_event(events, "runOpened")
        self.assertEqual(heard["run"], run)
        self.call("Reserve", run=run, worker="meanwhile")
        again = self.subscription(after=heard["sequence"])
        self.assertEqual(again.first["sequence"], heard["sequence"] + 1)
        self.assertEqual(again.first["worker"]["worker"], "meanwhile")

    def test_refuses_to_be_called_without_more(self):
        self.assertEqual(self.assert_refused(f"{SERVICE}.ExpectedMore"), {})
