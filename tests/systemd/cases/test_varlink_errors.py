"""The errors that no ordinary use of one method shows."""
import os

from support import NOBODY, directory_of
from varlinkctl import REGISTRY, SERVICE, VarlinkCase


class Error(VarlinkCase):
    def test_MethodNotFound_names_the_method(self):
        for name in (f"{REGISTRY}.Nothing", f"{SERVICE}.Nothing"):
            self.assertEqual(self.assert_refused(f"{SERVICE}.MethodNotFound", name),
                             {"method": name})

    def test_InterfaceNotFound_names_the_interface(self):
        told = self.assert_refused(f"{SERVICE}.InterfaceNotFound", "io.reeve.Nothing.Reserve")
        self.assertEqual(told, {"interface": "io.reeve.Nothing"})

    def test_InvalidParameter_names_the_member_of_a_member(self):
        told = self.assert_refused(f"{SERVICE}.InvalidParameter", "OpenRun",
                                   owner={"pid": "1"})
        self.assertEqual(told["parameter"], "owner.pid")

    def test_PermissionDenied_says_whose_the_run_is(self):
        run = self.open_run()
        told = self.assert_refused(f"{SERVICE}.PermissionDenied", "CloseRun",
                                   user=NOBODY, run=run)
        self.assertIn("belongs to user 0", told["reason"])

    def test_RunAmbiguous_names_the_candidates(self):
        runs = [self.open_run() for _ in range(17)]  # more than there are first digits
        digit = next(run[0] for run in runs if sum(run[0] == other[0] for other in runs) > 1)
        told = self.assert_refused("RunAmbiguous", "GetRun", run=digit)
        self.assertEqual(told, {"run": digit, "candidates": sorted(
            run for run in runs if run.startswith(digit))})

    def test_RunClosing_comes_while_a_run_waits_for_its_workers(self):
        run = self.open_run()
        process = self.stubborn()
        self.active_worker(run, process=process)
        self.begin("CloseRun", run=run, onOwnerExit="terminate")
        self.assert_asked_to_end(process)
        told = self.assert_refused("RunClosing", "Reserve", run=run, worker="late")
        self.assertEqual(told, {"run": run})

    def test_ProcessMismatch_tells_a_recycled_pid_from_the_process_that_had_it(self):
        process = self.sleeper()
        run = self.call("OpenRun", owner={"pid": process.pid})["run"]
        self.addCleanup(self.close_run, run["run"])
        wrong = {"bootId": "0" * 32}
        if "pidfdId" in run["owner"]:  # Linux 6.9
            wrong["pidfdId"] = run["owner"]["pidfdId"] + 1
        for name, value in wrong.items():
            told = self.assert_refused("ProcessMismatch", "OpenRun",
                                       owner=run["owner"] | {name: value})
            self.assertEqual(told["process"]["pid"], process.pid)
            self.assertIn(name, told["reason"])

    def test_LimitUnavailable_names_the_controller(self):
        run = self.open_run()
        told = self.assert_refused("LimitUnavailable", "Reserve", run=run,
                                   worker="worker", limits={"memoryMaxBytes": 1 << 30})
        self.assertEqual(told, {"controller": "memory"})

    def test_TooMany_names_the_limit(self):
        told = self.assert_refused("TooMany", "Reserve", run=self.open_run(),
                                   worker="worker", fingerprint="x" * 100000)
        self.assertEqual(told["limit"], "fingerprintBytes")

    def test_SystemFailed_says_what_the_kernel_refused(self):
        run = self.open_run()
        group = self.call("GetRun", run=run)["run"]["controlGroup"]
        with open(os.path.join(directory_of(group), "cgroup.max.descendants"), "w",
                  encoding="ascii") as file:
            file.write("0")
        told = self.assert_refused("SystemFailed", "Reserve", run=run, worker="worker")
        self.assertEqual(told["errnoName"], "EAGAIN")
