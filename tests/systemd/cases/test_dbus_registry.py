"""io.reeve.Registry1 on the system's bus."""
import json
import subprocess
import threading

from busctl import INTERFACE, NAME, PATH, BusCase, Refusal, call, introspected, told_by
from support import NOBODY, PATIENCE, group_of


class Registry(BusCase):
    def test_leads_workers_through_their_lives(self):
        run = self.open_run()
        of_run = ("a{sv}", 1, "run", "s", run)
        worker = ("sa{sv}", "worker", 1, "run", "s", run)
        process = self.sleeper()
        self.assertEqual(call("GetRun", *of_run)["run"], run)
        self.assertEqual(call("EnterRun", *of_run)["run"], run)
        self.assertIn(run, [each["run"] for each in call("ListRuns")])
        self.assertEqual(call("Reserve", *worker)["state"], "reserved")
        active = call("Activate", "sa{sv}", "worker", 2, "run", "s", run,
                      "process", "a{sv}", 1, "pid", "x", process.pid)
        self.assertEqual(active["state"], "active")
        self.assertEqual(active["controlGroup"], group_of(process.pid))
        self.assertTrue(call("IsRegistered", *worker))
        self.assertEqual([each["pid"] for each in call("ListProcesses", *of_run)], [process.pid])
        self.assertIsNone(call("Freeze", *worker))
        self.assertIsNone(call("Thaw", *worker))
        self.assertIsNone(call("Signal", "ssa{sv}", "worker", "SIGKILL", 1, "run", "s", run))
        process.wait()
        self.assertEqual(call("Wait", *worker)["state"], "exited")
        self.assertEqual(call("GetWorker", *worker)["process"]["pid"], process.pid)
        self.assertEqual(len(call("ValidateWorkers", *of_run)), 1)
        self.assertEqual(call("CleanupDeadWorkers", *of_run), 1)
        self.assertIsNone(call("Unregister", *worker))
        call("Register", "sa{sv}", "registered", 2, "run", "s", run,
             "process", "a{sv}", 1, "pid", "x", self.sleeper().pid)
        call("Spawn", "sasa{sv}", "spawned", 2, "sleep", "infinity", 1, "run", "s", run)
        self.assertEqual([each["worker"] for each in call("ListWorkers", *of_run)],
                         ["registered", "spawned"])
        self.assertEqual(call("Stop", "sa{sv}", "spawned", 1, "run", "s", run)["state"], "exited")
        self.assertEqual(call("GetStatistics", *of_run)["active"], 1)
        self.assertEqual((len(call("ListEntries")), call("CountEntries")), (3, 3))
        self.assertEqual(call("CleanupOrphans")["runsRemoved"], 0)
        self.assertEqual(call("CloseRun", *of_run)["processesKilled"], 1)

    def test_names_what_is_wrong(self):
        self.assert_refused("0f0f", "GetRun", "a{sv}", 1, "run", "s", "0f0f")
        self.assert_refused("Unknown method", "Nothing")
        self.assert_refused("owner.pid", "OpenRun", "a{sv}", 1, "owner", "a{sv}", 0)

    def test_knows_the_user_that_calls(self):
        run = self.open_run()
        self.assertEqual(call("GetRun", "a{sv}", 1, "run", "s", run, user=NOBODY)["run"], run)
        self.assert_refused("Access denied", "CloseRun", "a{sv}", 1, "run", "s", run, user=NOBODY)

    def test_shows_runs_and_workers_in_the_tree(self):
        run = self.open_run()
        call("Reserve", "sa{sv}", "worker", 1, "run", "s", run)
        path = f"{PATH}/run/{run}/worker/worker"
        self.assertIn(path, told_by("busctl", "tree", "--list", NAME).split())
        self.assertEqual(introspected(path, "io.reeve.Worker1")["State"],
                         ["property", "s", '"reserved"'])

    def test_tells_events_to_busctl_monitor(self):
        monitor = self.start("busctl", "monitor", NAME, stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT, text=True)
        too_late = threading.Timer(PATIENCE, monitor.kill)
        too_late.start()
        self.addCleanup(too_late.cancel)
        self.assertIn("Monitoring", monitor.stdout.readline())
        self.close_run(self.open_run())
        told = ""
        for line in monitor.stdout:
            told += line
            if '"runClosed"' in line:
                break
        for each in ("InterfacesAdded", '"runOpened"', "InterfacesRemoved", '"runClosed"'):
            self.assertIn(each, told)

    def test_has_pools_beside_it_for_anybody_to_see(self):
        told = told_by("busctl", "--json=short", "call", NAME, PATH, "io.reeve.Pools1", "ListPools",
                       user=NOBODY)
        self.assertEqual(json.loads(told)["data"], [[]])

    def test_is_understood_by_gdbus(self):
        on_it = ("--system", "--dest", NAME, "--object-path", PATH)
        shown = told_by("gdbus", "introspect", *on_it)
        self.assertIn(f"interface {INTERFACE} {{", shown)
        counted = told_by("gdbus", "call", *on_it, "--method", f"{INTERFACE}.CountEntries")
        self.assertEqual(counted, "(int64 0,)\n")

    def test_offers_its_name_to_nobody_else(self):
        with self.assertRaises(Refusal) as caught:
            told_by("busctl", "call", "org.freedesktop.DBus", "/org/freedesktop/DBus",
                    "org.freedesktop.DBus", "RequestName", "su", NAME, "0", user=NOBODY)
        self.assertRegex(str(caught.exception), "denied|not allowed")
