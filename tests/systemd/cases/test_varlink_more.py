"""Any method may be called with --more; most answer once."""
from varlinkctl import REGISTRY, SERVICE, VarlinkCase

SYSTEMD = "io.systemd.service"


class More(VarlinkCase):
    def once(self, method, **parameters):
        replies = self.call(method, more=True, **parameters)
        self.assertEqual(len(replies), 1)
        return replies[0]

    def test_is_understood_by_what_tells_of_the_service(self):
        self.assertIn(REGISTRY, self.once(f"{SERVICE}.GetInfo")["interfaces"])
        self.once(f"{SERVICE}.GetInterfaceDescription", interface=REGISTRY)
        self.once(f"{SYSTEMD}.Ping")
        self.once(f"{SYSTEMD}.GetEnvironment")
        self.once(f"{SYSTEMD}.SetLogLevel", level=6)
        self.once(f"{SYSTEMD}.Reload")

    def test_leads_workers_through_their_lives(self):
        run = self.once("OpenRun", owner={"pid": self.sleeper().pid},
                        placement="registry")["run"]["run"]
        self.addCleanup(self.close_run, run)
        worker = {"run": run, "worker": "worker"}
        process = self.sleeper()
        self.once("GetRun", run=run)
        self.once("EnterRun", run=run)
        self.once("Reserve", **worker)
        self.once("Activate", **worker, process={"pid": process.pid})
        self.assertTrue(self.once("IsRegistered", **worker)["registered"])
        self.once("ListProcesses", run=run)
        self.once("Freeze", **worker)
        self.once("Thaw", **worker)
        self.once("Signal", **worker, signal="SIGKILL")
        process.wait()
        self.assertEqual(self.once("Wait", **worker)["worker"]["state"], "exited")
        self.once("ValidateWorkers", run=run)
        self.once("CleanupDeadWorkers", run=run)
        self.once("Unregister", **worker)
        self.once("Register", run=run, worker="registered", process={"pid": self.sleeper().pid})
        self.once("Spawn", run=run, worker="spawned", command=["sleep", "infinity"])
        self.once("GetWorker", run=run, worker="spawned")
        self.assertEqual(len(self.call("ListWorkers", more=True, run=run)), 2)
        self.assertEqual(len(self.call("ListRuns", more=True)), 1)
        self.assertEqual(len(self.once("ListEntries")["entries"]), 3)
        self.once("Stop", run=run, worker="spawned")
        self.once("GetStatistics", run=run)
        self.once("CountEntries")
        self.once("CleanupOrphans")
        self.once("CloseRun", run=run)
