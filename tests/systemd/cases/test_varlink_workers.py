"""The methods that change a worker, or wait for it."""
import os
import signal

from support import NOBODY, directory_of, group_of
from varlinkctl import SERVICE, Refusal, VarlinkCase


class Reserve(VarlinkCase):
    def test_makes_a_cgroup_for_a_process_to_be_born_in(self):
        run = self.open_run()
        worker = self.call(run=run, worker="pool 1", fingerprint="abc",
                           metadata={"gpu": "0"})["worker"]
        self.assertEqual((worker["run"], worker["worker"]), (run, "pool 1"))
        self.assertEqual(worker["state"], "reserved")
        self.assertEqual((worker["fingerprint"], worker["metadata"]), ("abc", {"gpu": "0"}))
        self.assertTrue(os.path.isdir(directory_of(worker["controlGroup"])))
        self.assertNotIn("process", worker)

    def test_refuses_a_name_that_is_reserved(self):
        run = self.open_run()
        self.call(run=run, worker="worker")
        told = self.assert_refused("AlreadyReserved", run=run, worker="worker")
        self.assertEqual(told, {"run": run, "worker": "worker"})

    def test_refuses_a_name_that_is_active(self):
        run = self.open_run()
        process = self.active_worker(run)
        told = self.assert_refused("AlreadyActive", run=run, worker="worker")
        self.assertEqual(told["process"]["pid"], process.pid)

    def test_refuses_a_name_that_is_none(self):
        told = self.assert_refused("InvalidName", run=self.open_run(), worker="a/b")
        self.assertEqual(told, {"name": "a/b", "reason": "a name has no slash in it"})


class Activate(VarlinkCase):
    def test_moves_the_process_and_its_children_into_the_workers_cgroup(self):
        run = self.open_run()
        parent = self.family()
        self.call("Reserve", run=run, worker="worker")
        worker = self.call(run=run, worker="worker", process={"pid": parent.pid}, handle="slot 1",
                           fingerprint="abc")["worker"]
        self.assertEqual((worker["state"], worker["process"]["pid"]), ("active", parent.pid))
        self.assertEqual((worker["handle"], worker["fingerprint"]), ("slot 1", "abc"))
        self.assertEqual(group_of(parent.pid), worker["controlGroup"])
        with open(directory_of(worker["controlGroup"]) + "/cgroup.procs", encoding="ascii") as file:
            self.assertEqual(len(file.read().split()), 3)

    def test_refuses_a_worker_that_was_not_reserved(self):
        run = self.open_run()
        told = self.assert_refused("NotReserved", run=run, worker="worker",
                                   process={"pid": self.sleeper().pid})
        self.assertEqual(told, {"run": run, "worker": "worker"})

    def test_refuses_a_process_that_is_gone(self):
        run = self.open_run()
        self.call("Reserve", run=run, worker="worker")
        pid = self.unused_pid()
        told = self.assert_refused("NoSuchProcess", run=run, worker="worker", process={"pid": pid})
        self.assertEqual(told["process"]["pid"], pid)

    def test_refuses_a_descriptor_that_did_not_come(self):
        run = self.open_run()
        self.call("Reserve", run=run, worker="worker")
        told = self.assert_refused(f"{SERVICE}.InvalidParameter", run=run, worker="worker",
                                   processFileDescriptor=0)
        self.assertEqual(told["parameter"], "processFileDescriptor")


class Register(VarlinkCase):
    def test_reserves_and_activates(self):
        run = self.open_run()
        process = self.sleeper()
        worker = self.call(run=run, worker="worker", process={"pid": process.pid}, handle="slot",
                           metadata={"a": "b"})["worker"]
        self.assertEqual((worker["state"], worker["process"]["pid"]), ("active", process.pid))
        self.assertEqual((worker["handle"], worker["metadata"]), ("slot", {"a": "b"}))
        self.assertEqual(group_of(process.pid), worker["controlGroup"])

    def test_refuses_a_process_of_another_run(self):
        first, second = self.open_run(), self.open_run()
        process = self.active_worker(first)
        told = self.assert_refused("ProcessInOtherRun", run=second, worker="worker",
                                   process={"pid": process.pid})
        self.assertEqual((told["process"]["pid"], told["run"]), (process.pid, first))
        self.assertEqual(self.call("ListWorkers", run=second), {"workers": []})


class Spawn(VarlinkCase):
    def test_starts_the_command_inside_the_workers_cgroup(self):
        run = self.open_run()
        worker = self.call(run=run, worker="worker", command=["sleep", "infinity"],
                           handle="slot", metadata={"a": "b"})["worker"]
        self.assertEqual((worker["state"], worker["handle"]), ("active", "slot"))
        self.assertEqual(worker["metadata"], {"a": "b"})
        self.assertEqual(group_of(worker["process"]["pid"]), worker["controlGroup"])

    def test_gives_the_command_its_environment_directory_and_user(self):
        run = self.open_run()
        worker = self.call(run=run, worker="worker", command=["sleep", "infinity"],
                           environment={"COLOUR": "früh"}, workingDirectory="/usr",
                           user="nobody")["worker"]
        process = f"/proc/{worker['process']['pid']}"
        with open(process + "/environ", encoding="utf-8") as file:
            given = file.read().split("\0")
        self.assertLessEqual({"COLOUR=früh", f"REEVE_RUN_ID={run}", "REEVE_WORKER=worker"},
                             set(given))
        self.assertEqual(os.readlink(process + "/cwd"), "/usr")
        self.assertEqual(os.stat(process).st_uid, NOBODY)

    def test_learns_how_the_command_ends(self):
        run = self.open_run()
        self.call(run=run, worker="worker", command=["sh", "-c", "exit 7"])
        ended = self.call("Wait", run=run, worker="worker")["worker"]["exit"]
        self.assertEqual((ended["cause"], ended["code"], ended["reaped"]), ("exited", 7, True))

    def test_refuses_a_program_that_is_not_there(self):
        run = self.open_run()
        told = self.assert_refused("SpawnFailed", run=run, worker="worker", command=["/nothing"])
        self.assertEqual((told["step"], told["errnoName"]), ("execute", "ENOENT"))
        self.assertEqual(self.call("ListWorkers", run=run), {"workers": []})


class Unregister(VarlinkCase):
    def test_takes_a_live_worker_out_of_the_listings_but_not_out_of_its_run(self):
        run = self.open_run()
        process = self.active_worker(run)
        self.assertEqual(self.call(run=run, worker="worker"), {})
        self.assertEqual(self.call("ListWorkers", run=run), {"workers": []})
        self.assertIsNone(process.poll())
        self.call("CloseRun", run=run)
        self.assertEqual(process.wait(), -signal.SIGKILL)

    def test_of_an_unknown_worker_succeeds(self):
        self.assertEqual(self.call(run=self.open_run(), worker="nobody"), {})

    def test_without_a_worker_fails(self):
        told = self.assert_refused(f"{SERVICE}.InvalidParameter", run=self.open_run())
        self.assertEqual(told["parameter"], "worker")


class Signal(VarlinkCase):
    def test_reaches_the_main_process(self):
        run = self.open_run()
        process = self.active_worker(run)
        self.assertEqual(self.call(run=run, worker="worker", signal="SIGUSR1"), {})
        self.assertEqual(process.wait(), -signal.SIGUSR1)

    def test_reaches_the_whole_tree(self):
        run = self.open_run()
        process = self.start("sh", "-c", "trap 'wait; exit 7' TERM; sleep infinity & wait")
        self.active_worker(run, process=process)
        self.call(run=run, worker="worker", signal="SIGTERM", wholeTree=True)
        self.assertEqual(process.wait(), 7)

    def test_refuses_what_is_no_signal(self):
        told = self.assert_refused(f"{SERVICE}.InvalidParameter", run=self.open_run(),
                                   worker="worker", signal="SIGNONSENSE")
        self.assertEqual(told["parameter"], "signal")

    def test_refuses_a_process_that_is_gone(self):
        run = self.open_run()
        process = self.dead_worker(run)
        told = self.assert_refused("NoSuchProcess", run=run, worker="worker", signal="SIGTERM")
        self.assertEqual(told["process"]["pid"], process.pid)


class Stop(VarlinkCase):
    def test_replies_when_the_tree_is_gone(self):
        run = self.open_run()
        parent = self.family()
        self.active_worker(run, process=parent)
        worker = self.call(run=run, worker="worker", graceUSec=0)["worker"]
        self.assertEqual(worker["state"], "exited")
        events = directory_of(worker["controlGroup"]) + "/cgroup.events"
        with open(events, encoding="ascii") as file:
            self.assertIn("populated 0\n", file.read())

    def test_asks_with_sigterm_first(self):
        run = self.open_run()
        process = self.active_worker(run)
        self.call(run=run, worker="worker")
        self.assertEqual(process.wait(), -signal.SIGTERM)

    def test_refuses_a_worker_that_is_not_there(self):
        run = self.open_run()
        told = self.assert_refused("NoSuchWorker", run=run, worker="worker")
        self.assertEqual(told, {"run": run, "worker": "worker"})


class Freeze(VarlinkCase):
    def test_stops_all_of_the_worker_until_it_is_thawed(self):
        run = self.open_run()
        self.active_worker(run, process=self.family())
        group = self.call("GetWorker", run=run, worker="worker")["worker"]["controlGroup"]
        events = directory_of(group) + "/cgroup.events"
        for method, frozen in (("Freeze", 1), ("Thaw", 0)):
            self.assertEqual(self.call(method, run=run, worker="worker"), {})
            with open(events, encoding="ascii") as file:
                self.assertIn(f"frozen {frozen}\n", file.read())

    def test_refuses_a_worker_that_has_ended(self):
        run = self.open_run()
        process = self.dead_worker(run)
        told = self.assert_refused("NoSuchProcess", run=run, worker="worker")
        self.assertEqual(told["process"]["pid"], process.pid)


class Thaw(VarlinkCase):
    def test_of_a_worker_that_is_not_frozen_changes_nothing(self):
        run = self.open_run()
        process = self.active_worker(run)
        self.assertEqual(self.call(run=run, worker="worker"), {})
        self.assertIsNone(process.poll())

    def test_refuses_a_worker_that_is_not_there(self):
        run = self.open_run()
        told = self.assert_refused("NoSuchWorker", run=run, worker="worker")
        self.assertEqual(told, {"run": run, "worker": "worker"})


class Wait(VarlinkCase):
    def test_replies_when_the_worker_exits(self):
        run = self.open_run()
        process = self.active_worker(run)
        waiting = self.begin("Wait", run=run, worker="worker")
        process.kill()
        process.wait()
        worker = self.finish(waiting)["worker"]
        self.assertEqual((worker["state"], worker["process"]["pid"]), ("exited", process.pid))

    def test_replies_at_once_when_it_has_exited(self):
        run = self.open_run()
        self.dead_worker(run)
        self.assertEqual(self.call(run=run, worker="worker")["worker"]["state"], "exited")

    def test_fails_when_the_run_is_closed_meanwhile(self):
        run = self.open_run()
        self.call("Reserve", run=run, worker="worker")
        waiting = self.begin("Wait", run=run, worker="worker")
        self.call("CloseRun", run=run)
        with self.assertRaises(Refusal) as caught:
            self.finish(waiting)
        self.assertIn(caught.exception.error.split(".")[-1], ("RunClosing", "NoSuchRun"))

    def test_refuses_a_worker_that_is_not_there(self):
        run = self.open_run()
        told = self.assert_refused("NoSuchWorker", run=run, worker="worker")
        self.assertEqual(told, {"run": run, "worker": "worker"})
