"""Who is measured: each a way to keep one worker running."""
import os
import subprocess

INTERPRETER = "/usr/bin/python3"  # Debian's, for which its supervisor is made


class Absent(Exception):
    """Why a contestant cannot be measured here."""


class Contestant:
    """Kept in a cgroup and a directory that are its own, and that go without its help."""

    # Seconds that a worker has to live for, so that the next one is started as soon as its
    # supervisor can. Who takes a second anyway takes part in some of the rounds only.
    age = 0
    every = 1

    def __init__(self, place):
        self.place = place
        self.directory = place.directory_of(self.name)
        self.environment = dict(place.environment, BENCH_SOCKET=place.socket_of(self.name))

    @property
    def name(self):
        return type(self).__name__.lower()

    def start(self):
        """Starts it, and by that its first worker."""
        with open(os.path.join(self.directory, "log"), "wb") as log:
            subprocess.Popen(self.place.inside(self.command(), self.name), env=self.environment,
                             cwd=self.directory, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                             start_new_session=True)

    def command(self):
        raise NotImplementedError

    def stop(self):
        """Ends what does not go with its cgroup."""

    def write(self, name, text):
        path = os.path.join(self.directory, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def last_words(self):
        with open(os.path.join(self.directory, "log"), encoding="utf-8", errors="replace") as log:
            return "".join(log.readlines()[-3:]).strip() or "it says nothing"


class Bare(Contestant):
    """The least that can be done: bare.cpp."""

    def command(self):
        return [self.place.built("bench_bare"), self.place.new_control_group("bare-workers"),
                self.place.worker]


class Reeve(Contestant):
    def command(self):
        configuration = self.write("reeve.toml", f"""
bus = "none"
[pool.w]
command = ["{self.place.worker}"]
environment = {{ BENCH_SOCKET = "{self.environment['BENCH_SOCKET']}" }}
stdout = "null"
stderr = "null"
[pool.w.backoff]
initial = 0
[pool.w.start-limit]
burst = 10000
interval = "1ms"
""")
        return [self.place.reeved, "--config", configuration,
                "--root", self.place.below_mount("reeve-runs"),
                "--socket", os.path.join(self.directory, "varlink")]


class InADirectory(Contestant):
    """One who runs ./run: the worker itself, for a script in between would be measured, too."""
    program = ""
    # Between two starts they let a second pass.
    age = 1.1
    every = 8

    def command(self):
        os.symlink(self.place.worker, os.path.join(self.directory, "run"))
        return [self.place.peer(self.program), "."]


class S6(InADirectory):
    program = "s6-supervise"

    def command(self):
        # That second begins when a worker is ready, and with its death if it is never said to be.
        self.write("notification-fd", "3")
        self.environment["BENCH_READINESS"] = "3"
        return super().command()


class Runit(InADirectory):
    program = "runsv"


class Supervisord(Contestant):
    every = 8

    def command(self):
        configuration = self.write("supervisord.conf", f"""
[supervisord]
nodaemon = true
silent = true
logfile = /dev/null
logfile_maxbytes = 0
pidfile = {self.directory}/pid
childlogdir = {self.directory}
[program:w]
command = {self.place.worker}
autorestart = true
startsecs = 0
startretries = 1000000000
stdout_logfile = NONE
stderr_logfile = NONE
""")
        return [INTERPRETER, self.place.peer("supervisord"), "--configuration", configuration]


class Systemd(Contestant):
    """The one that runs this host: nobody else's can be had without a machine of its own."""

    def __init__(self, place):
        if not os.path.isdir("/run/systemd/system"):
            raise Absent("systemd does not run this host: ./dev bench --with-systemd boots one that"
                         " it does run, and measures all there")
        super().__init__(place)
        self.unit = f"reeve-bench-{os.getpid()}.service"

    def start(self):
        settings = ("Restart=always", "RestartSec=0", "StartLimitIntervalSec=0",
                    "StandardOutput=null", "StandardError=null",
                    "Environment=BENCH_SOCKET=" + self.environment["BENCH_SOCKET"])
        subprocess.run(["systemd-run", "--quiet", "--collect", "--unit", self.unit,
                        *(f"--property={each}" for each in settings), self.place.worker],
                       check=True)

    def stop(self):
        subprocess.run(["systemctl", "--quiet", "stop", self.unit], check=False)

    def last_words(self):
        return f"see journalctl --unit={self.unit}"


ALL = (Bare, Reeve, S6, Runit, Supervisord, Systemd)
