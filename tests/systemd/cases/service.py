"""A service of systemd that is an application of reeve's, and what systemd says of it."""
import os
import subprocess
import time

from host import DELEGATE, reevectl
from support import PATIENCE, Case


def output(*command):
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=PATIENCE,
                          check=False).stdout


class ServiceCase(Case):
    count = 0

    def setUp(self):
        ServiceCase.count += 1
        self.unit = f"placement-{self.count}.service"
        self.orders = f"/run/placement-{self.count}"
        os.mkfifo(self.orders)
        self.addCleanup(os.unlink, self.orders)
        self.addCleanup(self.forget)

    def forget(self):
        subprocess.run(["systemctl", "--quiet", "stop", self.unit], stderr=subprocess.DEVNULL,
                       timeout=PATIENCE, check=False)
        subprocess.run(["systemctl", "--quiet", "reset-failed", self.unit],
                       stderr=subprocess.DEVNULL, timeout=PATIENCE, check=False)

    def until(self, condition, what):
        deadline = time.monotonic() + PATIENCE
        while not condition():
            if time.monotonic() > deadline:
                self.fail(f"{what}\n{output('journalctl', '--no-pager', '-u', self.unit)}"
                          f"{output('journalctl', '--no-pager', '-u', 'reeved', '-n', '30')}")
            time.sleep(0.01)

    def show(self, name):
        return output("systemctl", "show", "--value", f"--property={name}", self.unit).strip()

    def begin(self, *command, properties=DELEGATE):
        subprocess.run(["systemd-run", "--quiet", f"--unit={self.unit}", "--service-type=exec",
                        *(f"--property={each}" for each in properties), "--", *command],
                       timeout=PATIENCE, check=True)

    def log(self):
        return output("journalctl", "--no-pager", "--output=cat", f"_SYSTEMD_UNIT={self.unit}")

    def run_of_unit(self):
        return next(run for run in reevectl("runs")["runs"] if run.get("name") == self.unit)
