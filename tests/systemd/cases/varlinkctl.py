"""systemd's varlinkctl as the client, and a record of what it was answered."""
import collections
import json
import re
import shutil
import subprocess
import threading
import unittest

from support import PATIENCE, Case

ADDRESS = "/run/reeve/io.reeve.Registry"
REGISTRY = "io.reeve.Registry"
SERVICE = "org.varlink.service"

if not shutil.which("varlinkctl"):
    raise unittest.SkipTest("this systemd has no varlinkctl")

# For each method the outcomes that were seen: "success", or the full name of an error.
outcomes = collections.defaultdict(set)
answered_with_more = set()  # methods that have succeeded with --more


def output(*arguments):
    """What varlinkctl writes where it succeeds, without a warning."""
    done = subprocess.run(["varlinkctl", "--no-pager", *arguments], capture_output=True, text=True,
                          timeout=PATIENCE, check=False)
    if done.returncode != 0 or done.stderr:
        raise AssertionError(f"varlinkctl {' '.join(arguments)}: status {done.returncode}: "
                             f"{done.stderr}")
    return done.stdout


def command(method, parameters, *options):
    return ["varlinkctl", "--no-pager", "--json=short", *options, "call", ADDRESS, method,
            json.dumps(parameters)]


def records(text):
    """Objects as they come with --more: each begins with a record separator (RFC 7464)."""
    return [json.loads(record) for record in text.split("\x1e") if record.strip()]


class Refusal(Exception):
    """An error of the service, as varlinkctl shows it: its name, and its parameters."""

    def __init__(self, error, parameters):
        super().__init__(f"{error} {parameters}")
        self.error = error
        self.parameters = parameters


def judge(method, status, words, replies):
    """The replies, or the Refusal that varlinkctl tells."""
    if status == 0 and not words:
        outcomes[method].add("success")
        return replies
    # With --more it does not say which.
    failed = re.fullmatch(r"Method call (?:(\S+)\(\) )?failed: (\S+)\n", words)
    if status != 1 or not failed or failed[1] not in (method, None) or len(replies) != 1:
        raise AssertionError(f"{method}: status {status}, {replies}, {words}")
    outcomes[method].add(failed[2])
    raise Refusal(failed[2], replies[0])


def call(method, parameters=None, *, more=False, user=None):
    """One call; with more, the list of its replies."""
    done = subprocess.run(command(method, parameters or {}, *(["--more"] if more else [])),
                          user=user, capture_output=True, text=True, timeout=PATIENCE, check=False)
    replies = judge(method, done.returncode, done.stderr, records(done.stdout))
    if more:
        answered_with_more.add(method)
    return replies if more else replies[0]


def definitions(description):
    """An interface description as {"method OpenRun": ({input}, {output}), …}, each of them the types
    by name; those of an enum's values are None."""
    text = re.sub(r"#.*", "", description)
    members = r"\(((?:[^()]|\([^()]*\))*)\)"
    found = {}
    for kind, name, first, second in re.findall(
            rf"\b(type|method|error)\s+(\w+)\s*{members}(?:\s*->\s*{members})?", text):
        found[f"{kind} {name}"] = tuple(
            {each.split(":")[0].strip(): each.split(":")[1].strip() if ":" in each else None
             for each in part.split(",") if each.strip()} for part in (first, second))
    return found


class VarlinkCase(Case):
    """A case named after a method asks for that, by self.call and self.refuse."""

    interface = REGISTRY

    def full_name(self, method):
        """Without an interface, of the registry; None is the method that the case is named after."""
        if method is None:
            return f"{self.interface}.{type(self).__name__}"
        return method if "." in method else f"{REGISTRY}.{method}"

    def call(self, method=None, *, more=False, **parameters):
        return call(self.full_name(method), parameters, more=more)

    def assert_refused(self, error, method=None, *, user=None, **parameters):
        """Returns the parameters of the error."""
        with self.assertRaises(Refusal) as caught:
            call(self.full_name(method), parameters, user=user)
        self.assertEqual(caught.exception.error, self.full_name(error))
        return caught.exception.parameters

    def assert_refuses_unknown_parameters(self):
        told = self.assert_refused(f"{SERVICE}.InvalidParameter", nonsense=1)
        self.assertEqual(told["parameter"], "nonsense")

    # ---- runs and workers that end with the case

    def open_run(self, **parameters):
        """The id of a run that a process of this case owns, and ends with it."""
        owner = self.sleeper()
        run_id = self.call("OpenRun", owner={"pid": owner.pid}, **parameters)["run"]["run"]
        self.addCleanup(self.close_run, run_id)
        return run_id

    @staticmethod
    def close_run(run_id):
        try:
            call(f"{REGISTRY}.CloseRun", {"run": run_id, "onOwnerExit": "kill"})
        except Refusal as refusal:
            if refusal.error != f"{REGISTRY}.NoSuchRun":
                raise

    def active_worker(self, run_id, name="worker", process=None, **parameters):
        """The process of a worker that has been reserved and activated."""
        process = process or self.sleeper()
        self.call("Reserve", run=run_id, worker=name)
        self.call("Activate", run=run_id, worker=name, process={"pid": process.pid}, **parameters)
        return process

    def dead_worker(self, run_id, name="worker"):
        """A worker that was, killed and reaped, and whose end reeved has seen."""
        process = self.active_worker(run_id, name)
        process.kill()
        process.wait()
        self.call("Wait", run=run_id, worker=name)
        return process

    # ---- calls that take their time

    def begin(self, method, *options, **parameters):
        """varlinkctl, while it waits for replies."""
        method = self.full_name(method)
        process = self.start(*command(method, parameters, *options),
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        process.method = method
        return process

    @staticmethod
    def finish(process):
        """The one reply that it was waiting for."""
        out, words = process.communicate(timeout=PATIENCE)
        return judge(process.method, process.returncode, words, records(out))[0]

    def subscription(self, **parameters):
        """varlinkctl that has heard its first event, and so will hear all that follow."""
        if not parameters:
            self.open_run()  # or there might be nothing to tell
        process = self.begin("Subscribe", "--more", "--timeout=infinity", **parameters)
        process.first = self.next_event(process)
        return process

    def next_event(self, subscription, kind=None):
        """The next event, or the next one of a kind."""
        return self.next_reply(subscription,
                               lambda reply: kind in (None, reply["event"]["kind"]))["event"]

    def next_reply(self, process, fits):
        """The next of many replies that fits."""
        too_late = threading.Timer(PATIENCE, process.kill)
        too_late.start()
        try:
            for line in process.stdout:
                reply = records(line)[0]
                outcomes[process.method].add("success")
                answered_with_more.add(process.method)
                if fits(reply):
                    return reply
        finally:
            too_late.cancel()
        self.fail(f"what was waited for did not come: {process.stderr.read()}")
