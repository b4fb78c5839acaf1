"""systemd's busctl as the client, on the system's own bus, as its policy lets it."""
import json
import re
import subprocess

from support import PATIENCE, Case

NAME = "io.reeve"
PATH = "/io/reeve"
INTERFACE = "io.reeve.Registry1"

called = set()  # methods that have succeeded


class Refusal(Exception):
    """What a client says where a call fails."""


def told_by(*command, user=None):
    """What a command writes where it succeeds."""
    done = subprocess.run(command, user=user, capture_output=True, text=True, timeout=PATIENCE,
                          check=False)
    if done.returncode != 0:
        raise Refusal(done.stderr)
    return done.stdout


def plain(value):
    """A value without the types that busctl tells with each variant in it."""
    if isinstance(value, dict) and value.keys() == {"type", "data"}:
        return plain(value["data"])
    if isinstance(value, dict):
        return {name: plain(each) for name, each in value.items()}
    return [plain(each) for each in value] if isinstance(value, list) else value


def call(method, *arguments, user=None):
    """What the method returns; arguments as busctl takes them."""
    told = told_by("busctl", "--json=short", "call", NAME, PATH, INTERFACE, method,
                   *map(str, arguments), user=user)
    called.add(method)
    return plain(json.loads(told))[0] if told else None


def introspected(path=PATH, interface=INTERFACE):
    """Members of an interface by name: their kind, and their signatures."""
    lines = told_by("busctl", "introspect", "--full", NAME, path, interface).splitlines()
    return {line.split()[0].lstrip("."): line.split()[1:4] for line in lines[1:]}


class BusCase(Case):
    def setUp(self):
        super().setUp()
        told_by("gdbus", "wait", "--system", f"--timeout={PATIENCE}", NAME)

    def assert_refused(self, words, method, *arguments, user=None):
        with self.assertRaises(Refusal) as caught:
            call(method, *arguments, user=user)
        self.assertIn(words, str(caught.exception))

    def open_run(self):
        """The id of a run that a process of this case owns, and ends with it."""
        run = call("OpenRun", "a{sv}", 2, "owner", "a{sv}", 1, "pid", "x", self.sleeper().pid,
                   "placement", "s", "registry")["run"]  # busctl, in a service, enters it
        self.addCleanup(self.close_run, run)
        return run

    @staticmethod
    def close_run(run):
        try:
            call("CloseRun", "a{sv}", 1, "run", "s", run)
        except Refusal as refusal:
            if not re.search("no run|NoSuchRun", str(refusal)):
                raise
