"""systemctl --user: a user without any right beside the own ones, and the own reeved."""
import json
import os
import subprocess

from host import DELEGATE, HostCase, eventually, told
from support import PATIENCE

USER = "alice"


def as_user(*command, check=True):
    """In the user's own session, as a unit of the user's manager."""
    identity = told("id", "-u", USER).strip()
    done = subprocess.run(
        ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--init-groups", "env", "-i",
         f"HOME=/home/{USER}", "PATH=/usr/local/bin:/usr/bin:/bin",
         f"XDG_RUNTIME_DIR=/run/user/{identity}", *command],
        capture_output=True, text=True, timeout=PATIENCE, check=False)
    if check and done.returncode != 0:
        raise AssertionError(f"{' '.join(command)}: status {done.returncode}: {done.stderr}")
    return done


def in_unit(*command, check=True):
    """As a service of the user's: where an application is that wants workers."""
    return as_user("systemd-run", "--user", "--quiet", "--wait", "--pipe", "--collect",
                   *(f"--property={each}" for each in DELEGATE), *command, check=check)


class User(HostCase):
    @classmethod
    def setUpClass(cls):
        subprocess.run(["useradd", "--create-home", USER], check=True)
        told("loginctl", "enable-linger", USER)
        identity = told("id", "-u", USER).strip()
        assert eventually(lambda: os.path.exists(f"/run/user/{identity}/bus"))
        as_user("systemctl", "--user", "start", "reeved.service")

    @classmethod
    def tearDownClass(cls):
        told("loginctl", "disable-linger", USER)
        told("loginctl", "terminate-user", USER)
        assert eventually(lambda: subprocess.run(["userdel", "--remove", USER], check=False,
                                                 stderr=subprocess.DEVNULL).returncode == 0)

    def test_reeved_keeps_its_runs_in_the_users_own_subtree(self):
        opened = json.loads(as_user("reevectl", "--json=short", "open", "--owner", self.owner())
                            .stdout)["run"]
        identity = told("id", "-u", USER).strip()
        self.assertIn(f"/user@{identity}.service/reeve.slice/reeve-runs.service/run-",
                      opened["controlGroup"])

    def owner(self):
        """The pid of a process of the user's that ends with the case."""
        unit = f"owner-{os.getpid()}-{id(self)}"
        as_user("systemd-run", "--user", "--quiet", f"--unit={unit}", "sleep", "infinity")
        self.addCleanup(as_user, "systemctl", "--user", "stop", unit)
        return as_user("systemctl", "--user", "show", "--property=MainPID", "--value",
                       unit).stdout.strip()

    def open_run(self):
        return json.loads(as_user("reevectl", "--json=short", "open", "--owner", self.owner())
                          .stdout)["run"]["run"]

    def test_spawns_reserves_and_kills(self):
        run = self.open_run()
        as_user("reevectl", "--run", run, "reserve", "reserved")
        worker = json.loads(as_user("reevectl", "--json=short", "--run", run, "spawn", "spawned",
                                    "--", "sleep", "infinity").stdout)["worker"]
        pid = worker["process"]["pid"]
        self.assertEqual(os.stat(f"/proc/{pid}").st_uid, int(told("id", "-u", USER)))
        as_user("systemctl", "--user", "restart", "reeved.service")
        listed = json.loads(as_user("reevectl", "--json=short", "--run", run, "list").stdout)
        self.assertEqual({each["worker"]: each["state"] for each in listed["workers"]},
                         {"reserved": "reserved", "spawned": "active"})
        as_user("reevectl", "--run", run, "stop", "spawned")
        self.assertFalse(os.path.exists(f"/proc/{pid}"))

    def test_runs_an_application_and_leaves_nothing_of_it(self):
        # Where systemd knows no subgroups it cannot be seen that a user's unit is delegated.
        placement = () if len(DELEGATE) > 1 else ("--placement", "registry")
        told_by_it = in_unit("reevectl", "run", *placement, "--", "sh", "-c",
                             "setsid sleep infinity & reevectl pids --all; echo $!; exit 7",
                             check=False)
        self.assertEqual(told_by_it.returncode, 7, told_by_it.stderr)
        pid = told_by_it.stdout.split()[-1]
        self.assertTrue(eventually(lambda: not os.path.exists(f"/proc/{pid}")))

    def test_is_told_why_a_process_from_outside_cannot_be_moved(self):
        run = self.open_run()
        outside = subprocess.Popen(["setpriv", f"--reuid={USER}", f"--regid={USER}",
                                    "--init-groups", "sleep", "infinity"])
        self.addCleanup(self.end, outside)
        refused = as_user("reevectl", "--run", run, "register", "outsider", "--pid",
                          str(outside.pid), check=False)
        self.assertEqual(refused.returncode, 1, refused.stdout)
        for word in ("spawn", "exec"):
            self.assertIn(word, refused.stderr)
