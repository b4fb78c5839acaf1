"""io.reeve.Pools: pools of a host's configuration, in the cgroup that reeve-runs.service holds."""
import os
import subprocess

from host import eventually
from support import PATIENCE, group_of
from varlinkctl import SERVICE, Refusal, VarlinkCase, command, judge, records

POOLS = "io.reeve.Pools"
DROP_IN = "/etc/reeve/reeve.toml.d/pools.toml"
SLEEPERS = """[pool.web]
command = ["sleep", "infinity"]
size = 2
restart = "always"
"""


class PoolsCase(VarlinkCase):
    interface = POOLS

    def full_name(self, method):
        own = ("ListPools", "GetPool", "WatchPools", "ScalePool", "RestartPool", "NoSuchPool",
               "PoolHalted")
        return f"{POOLS}.{method}" if method in own else super().full_name(method)

    def setUp(self):
        super().setUp()
        self.addCleanup(self.remove)
        self.configure(SLEEPERS)
        self.settle("web", 2)

    def configure(self, text):
        os.makedirs(os.path.dirname(DROP_IN), exist_ok=True)
        with open(DROP_IN, "w", encoding="utf-8") as file:
            file.write(text)
        self.call("io.systemd.service.Reload")

    def remove(self):
        """With all that is left of the pools."""
        os.remove(DROP_IN)
        self.call("io.systemd.service.Reload")
        self.assertTrue(eventually(lambda: not any(
            run.get("name") == "pools" for run in self.call("ListRuns")["runs"])))

    def settle(self, pool, ready):
        """Waits until it has so many workers, and nothing more is done about it."""
        def is_settled(reply):
            return any(each["pool"] == pool and each["state"] == "settled" and
                       each["ready"] == each["size"] == ready for each in reply["pools"])
        self.next_reply(self.begin("WatchPools", "--more", "--timeout=infinity"), is_settled)

    def pids(self):
        return [slot["process"]["pid"] for slot in self.call("GetPool", pool="web")["slots"]]

    def change(self, method, **parameters):
        """The last reply of a change that is followed; varlinkctl shows an error after the others."""
        method = self.full_name(method)
        done = subprocess.run(command(method, parameters, "--more"), capture_output=True, text=True,
                              timeout=PATIENCE, check=False)
        return judge(method, done.returncode, done.stderr, records(done.stdout)[-1:])[0]["pool"]


class ListPools(PoolsCase):
    def test_tells_of_all(self):
        pool, = self.call()["pools"]
        self.assertEqual((pool["pool"], pool["state"], pool["ready"]), ("web", "settled", 2))
        self.assertEqual(len(self.call(more=True)), 1)

    def test_refuses_unknown_parameters(self):
        self.assert_refuses_unknown_parameters()


class GetPool(PoolsCase):
    def test_tells_of_each_slot(self):
        told = self.call(pool="web")
        self.assertEqual([slot["worker"] for slot in told["slots"]], ["web@0", "web@1"])
        for slot in told["slots"]:
            self.assertTrue(group_of(slot["process"]["pid"]).endswith(
                f"/run-{told['pool']['run']}/worker-{slot['worker']}"))
        self.assertEqual(len(self.call(more=True, pool="web")), 1)
        self.assert_refused("NoSuchPool", pool="mail")


class WatchPools(PoolsCase):
    def test_refuses_to_be_called_without_more(self):
        self.assert_refused(f"{SERVICE}.ExpectedMore")


class ScalePool(PoolsCase):
    def test_is_told_of_until_it_is_done(self):
        before = self.pids()
        replies = self.call(more=True, pool="web", size=4)
        self.assertEqual((replies[-1]["pool"]["state"], replies[-1]["pool"]["ready"]),
                         ("settled", 4))
        self.assertEqual(self.pids()[:2], before)
        self.assertEqual(self.call(pool="web", size=1)["pool"]["size"], 1)
        self.settle("web", 1)

    def test_is_for_root_alone(self):
        self.assert_refused(f"{SERVICE}.PermissionDenied", user="nobody", pool="web", size=0)
        self.assert_refused("NoSuchPool", pool="mail", size=0)


class RestartPool(PoolsCase):
    def test_replaces_every_worker(self):
        before = self.pids()
        self.assertEqual(self.call(more=True, pool="web")[-1]["pool"]["ready"], 2)
        self.assertFalse(set(before) & set(self.pids()))

    def test_stops_at_the_first_that_fails(self):
        program = "/run/reeve-test-program"
        os.symlink("/bin/sleep", program)
        self.addCleanup(lambda: os.path.lexists(program) and os.remove(program))
        self.configure(SLEEPERS.replace('"sleep"', f'"{program}"'))
        self.settle("web", 2)
        before = self.pids()
        os.remove(program)
        with self.assertRaises(Refusal) as caught:
            self.change("RestartPool", pool="web")
        self.assertEqual(caught.exception.error, self.full_name("PoolHalted"))
        self.assertEqual(caught.exception.parameters["worker"], "web@0")
        self.assertEqual(self.call("GetPool", pool="web")["slots"][1]["process"]["pid"], before[1])

    def test_is_for_root_alone(self):
        self.assert_refused(f"{SERVICE}.PermissionDenied", user="nobody", pool="web")


class Pools(PoolsCase):
    def test_outlive_reeved(self):
        before = self.pids()
        subprocess.run(["systemctl", "restart", "reeved"], check=True)
        self.assertEqual(self.pids(), before)
