"""Shells that people type into, each on a terminal of its own, with the completions as installed."""
import os
import pty
import re
import select
import termios
import time

from support import PATIENCE
from varlinkctl import VarlinkCase

SHELLS = {
    "bash": (["bash", "--norc", "-i"], ". /usr/share/bash-completion/bash_completion"),
    "zsh": (["zsh", "-f", "-i"], "autoload -U compinit && compinit -u -D"),
    "fish": (["fish", "--no-config", "-i"],
             "set fish_complete_path /usr/local/share/fish/vendor_completions.d"),
}


class Terminal:
    def __init__(self, command):
        self.shown = ""
        self._pid, self._fd = pty.fork()
        if self._pid == 0:
            termios.tcsetwinsize(0, (25, 200))  # no line is broken
            os.execvpe(command[0], command, os.environ | {"TERM": "dumb", "PS1": "$ "})

    def type(self, text):
        os.write(self._fd, text.encode())

    def shows(self, pattern):
        """Whether it does, sooner or later."""
        end = time.monotonic() + PATIENCE
        while not re.search(pattern, self.shown):
            ready, _, _ = select.select([self._fd], [], [], max(0, end - time.monotonic()))
            if not ready:
                return False
            self.shown += os.read(self._fd, 65536).decode(errors="replace")
        return True

    def close(self):
        os.kill(self._pid, 9)
        os.waitpid(self._pid, 0)
        os.close(self._fd)


class Shells(VarlinkCase):
    def test_complete_commands_workers_and_runs_from_the_running_reeved(self):
        run = self.open_run()
        self.call("Reserve", run=run, worker="a-worker-with-a-long-name")
        for shell, (command, preparation) in SHELLS.items():
            for typed, completed in (("reevectl cleanup-o", "reevectl cleanup-orphans"),
                                     (f"reevectl --run {run} show a-wor",
                                      f"reevectl --run {run} show a-worker-with-a-long-name"),
                                     (f"reevectl --run {run[:6]}", f"reevectl --run {run[:12]}")):
                with self.subTest(shell=shell, typed=typed):
                    terminal = Terminal(command)
                    try:
                        terminal.type(f"{preparation}; echo pre''pared\r")
                        self.assertTrue(terminal.shows("prepared\r\n"), terminal.shown)
                        terminal.shown = ""
                        terminal.type(typed + "\t")
                        missing = completed.removeprefix(typed)
                        self.assertTrue(terminal.shows(re.escape(missing)), terminal.shown)
                    finally:
                        terminal.close()
