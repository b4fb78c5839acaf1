"""The ways to reeved that varlinkctl knows: a socket, a program that it starts, another host."""
import json
import os
import shutil
import subprocess
import tempfile
import unittest

from support import PATIENCE, Case
from varlinkctl import ADDRESS, REGISTRY, output

REEVECTL = shutil.which("reevectl")


class Transport(Case):
    def assert_reaches(self, address):
        self.assertIn(REGISTRY, output("info", address))
        self.assertEqual(output("--json=short", "call", address, f"{REGISTRY}.CountEntries", "{}"),
                         '{"count":0}\n')
        self.assertIn(f"{REGISTRY}.OpenRun", output("list-methods", address))


class Unix(Transport):
    def test_is_an_address_with_or_without_its_scheme(self):
        for address in (ADDRESS, f"unix:{ADDRESS}"):
            self.assert_reaches(address)


class Exec(Transport):
    def test_starts_reevectl_which_needs_no_argument(self):
        for address in (REEVECTL, f"exec:{REEVECTL}"):
            self.assert_reaches(address)

    def test_streams(self):
        owner = self.sleeper()
        opened = output("--json=short", "call", f"exec:{REEVECTL}", f"{REGISTRY}.OpenRun",
                        json.dumps({"owner": {"pid": owner.pid}}))
        run = json.loads(opened)["run"]["run"]
        follower = self.start("varlinkctl", "--more", "--json=short", "--timeout=infinity", "call",
                              f"exec:{REEVECTL}", f"{REGISTRY}.Subscribe", "{}",
                              stdout=subprocess.PIPE, text=True)
        self.assertIn(run, follower.stdout.readline())
        owner.kill()
        for line in follower.stdout:
            if "runClosed" in line:
                return
        self.fail("the end of the run was not told")


class Ssh(Transport):
    """With a server of its own, on the loopback interface of this machine."""

    @classmethod
    def setUpClass(cls):
        if not shutil.which("sshd", path="/usr/sbin"):
            raise unittest.SkipTest("there is no sshd here")
        os.makedirs("/run/sshd", exist_ok=True)
        os.makedirs("/root/.ssh", mode=0o700, exist_ok=True)
        cls.files = tempfile.TemporaryDirectory()
        key = os.path.join(cls.files.name, "key")
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
        with open(key + ".pub", encoding="ascii") as public, \
                open("/root/.ssh/authorized_keys", "w", encoding="ascii") as authorized:
            authorized.write(public.read())
        with open("/root/.ssh/config", "w", encoding="ascii") as config:
            config.write(f"Host loop\nHostName 127.0.0.1\nIdentityFile {key}\nLogLevel ERROR\n"
                         "StrictHostKeyChecking no\nUserKnownHostsFile /dev/null\n")
        subprocess.run(["systemctl", "start", "ssh.service"], check=True)

    @classmethod
    def tearDownClass(cls):
        subprocess.run(["systemctl", "stop", "ssh.service"], check=True)
        os.remove("/root/.ssh/config")
        os.remove("/root/.ssh/authorized_keys")
        cls.files.cleanup()

    def test_reaches_the_bridge_of_another_host(self):
        self.assert_reaches("ssh-exec:loop:reevectl bridge")

    def test_reaches_the_socket_of_another_host(self):
        self.assert_reaches(f"ssh-unix:loop:{ADDRESS}")

    def test_is_what_reevectl_goes_by_with_host(self):
        counted = subprocess.run(["reevectl", "-H", "loop", "entries", "--count"], text=True,
                                 capture_output=True, timeout=PATIENCE, check=False)
        self.assertEqual((counted.returncode, counted.stdout, counted.stderr), (0, "0\n", ""))


class SocketActivation(Transport):
    SOCKET = "/run/activated/io.reeve.Registry"

    def setUp(self):
        unit = "activated"
        self.addCleanup(subprocess.run, ["systemctl", "stop", f"{unit}.socket", f"{unit}.service"],
                        check=True)
        subprocess.run(["systemd-run", "--quiet", f"--unit={unit}",
                        f"--socket-property=ListenStream={self.SOCKET}",
                        "--socket-property=FileDescriptorName=varlink", "--service-type=notify",
                        shutil.which("reeved"), "--root=/activated", "--bus=none"], check=True)

    @staticmethod
    def state(unit):
        return subprocess.run(["systemctl", "is-active", unit], text=True, capture_output=True,
                              check=False).stdout.strip()

    def test_starts_reeved_when_somebody_asks(self):
        self.assertEqual(self.state("activated.service"), "inactive")
        self.assert_reaches(self.SOCKET)
        self.assertEqual(self.state("activated.service"), "active")

    def test_keeps_the_callers_of_a_reeved_that_is_restarted_waiting(self):
        self.assert_reaches(self.SOCKET)
        subprocess.run(["systemctl", "stop", "activated.service"], check=True)
        self.assert_reaches(self.SOCKET)
