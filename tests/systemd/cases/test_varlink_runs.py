"""The methods on runs."""
import os
import signal

from support import NOBODY, directory_of, group_of
from varlinkctl import SERVICE, VarlinkCase


class OpenRun(VarlinkCase):
    def test_makes_the_named_process_the_owner(self):
        owner = self.sleeper()
        run = self.call(owner={"pid": owner.pid})["run"]
        self.addCleanup(self.close_run, run["run"])
        self.assertEqual(run["owner"]["pid"], owner.pid)
        self.assertEqual((run["state"], run["workers"], run["ownerUserId"]), ("open", 0, 0))
        self.assertTrue(os.path.isdir(directory_of(run["controlGroup"])))

    def test_keeps_what_it_is_given(self):
        given = {"name": "application", "onOwnerExit": "terminate", "graceUSec": 1500000,
                 "metadata": {"version": "1.0", "team": "früh ☕"}}
        run = self.call("GetRun", run=self.open_run(**given))["run"]
        self.assertEqual({name: run[name] for name in given}, given)

    def test_without_an_owner_makes_it_varlinkctl_and_ends_with_that(self):
        events = self.subscription()
        run = self.call(name="brief")["run"]
        self.assertEqual(self.next_event(events, "runOpened")["run"], run["run"])
        self.assertEqual(self.next_event(events, "runClosed")["run"], run["run"])
        self.assertFalse(os.path.exists(directory_of(run["controlGroup"])))

    def test_ends_every_worker_when_its_owner_is_killed(self):
        owner = self.sleeper()
        run = self.call(owner={"pid": owner.pid})["run"]["run"]
        worker = self.active_worker(run)
        owner.kill()
        self.assertEqual(worker.wait(), -signal.SIGKILL)

    def test_places_no_run_in_a_service_that_does_not_delegate(self):
        told = self.assert_refused("NotDelegated", placement="caller")
        self.assertEqual(told, {"controlGroup": group_of("self")})

    def test_refuses_an_owner_that_is_gone(self):
        pid = self.unused_pid()
        told = self.assert_refused("NoSuchProcess", owner={"pid": pid})
        self.assertEqual(told["process"]["pid"], pid)

    def test_refuses_a_user_that_was_not_named(self):
        told = self.assert_refused(f"{SERVICE}.PermissionDenied", user=NOBODY)
        self.assertIn(f"user {NOBODY} may not open runs", told["reason"])


class CloseRun(VarlinkCase):
    def test_ends_everything_in_the_run_and_tells_what_it_was(self):
        run = self.open_run()
        parent = self.family()
        self.active_worker(run, process=parent)
        report = self.call(run=run)["report"]
        self.assertEqual((report["runsRemoved"], report["workersRemoved"],
                          report["processesKilled"]), (1, 1, 3))
        self.assertEqual((report["stuck"], report["foreign"]), ([], []))
        self.assertEqual(parent.wait(), -signal.SIGKILL)
        self.assert_refused("NoSuchRun", "GetRun", run=run)

    def test_terminates_first_when_that_is_asked_for(self):
        run = self.open_run()
        worker = self.active_worker(run)
        self.call(run=run, onOwnerExit="terminate")
        self.assertEqual(worker.wait(), -signal.SIGTERM)

    def test_refuses_a_run_that_is_not_there(self):
        self.assertEqual(self.assert_refused("NoSuchRun", run="0f" * 16), {"run": "0f" * 16})

    def test_refuses_to_keep_the_workers(self):
        told = self.assert_refused(f"{SERVICE}.InvalidParameter", run=self.open_run(),
                                   onOwnerExit="keep")
        self.assertEqual(told["parameter"], "onOwnerExit")


class EnterRun(VarlinkCase):
    def test_moves_varlinkctl_into_the_run(self):
        run = self.open_run(placement="registry")  # varlinkctl is in a service, and leaves it
        entered = self.call(run=run)["run"]
        self.assertEqual(entered["run"], run)
        self.assertTrue(os.path.isdir(directory_of(entered["controlGroup"]) + "/entered"))

    def test_refuses_a_caller_that_has_no_run_and_names_none(self):
        self.assertEqual(self.assert_refused("NoSuchRun"), {})

    def test_refuses_a_caller_that_would_leave_its_service(self):
        told = self.assert_refused("NotDelegated", run=self.open_run())
        self.assertEqual(told, {"controlGroup": group_of("self")})


class GetRun(VarlinkCase):
    def test_finds_a_run_by_the_first_digits_of_its_id(self):
        run = self.open_run(name="named")
        found = self.call(run=run[:12])["run"]
        self.assertEqual((found["run"], found["name"]), (run, "named"))

    def test_counts_the_workers(self):
        run = self.open_run()
        self.active_worker(run)
        self.assertEqual(self.call(run=run)["run"]["workers"], 1)

    def test_refuses_a_run_that_is_not_there(self):
        self.assertEqual(self.assert_refused("NoSuchRun", run="0f0f"), {"run": "0f0f"})


class ListRuns(VarlinkCase):
    def test_lists_all_runs_in_one_reply(self):
        runs = {self.open_run() for _ in range(3)}
        self.assertEqual({run["run"] for run in self.call()["runs"]}, runs)

    def test_streams_one_run_in_each_reply(self):
        runs = {self.open_run() for _ in range(3)}
        replies = self.call(more=True)
        self.assertEqual([len(reply["runs"]) for reply in replies], [1, 1, 1])
        self.assertEqual({reply["runs"][0]["run"] for reply in replies}, runs)

    def test_of_none_is_one_empty_reply(self):
        self.assertEqual(self.call(), {"runs": []})
        self.assertEqual(self.call(more=True), [{"runs": []}])

    def test_refuses_unknown_parameters(self):
        self.assert_refuses_unknown_parameters()
