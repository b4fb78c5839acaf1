"""What hosts do to daemons, and what must be left of runs and workers then: all."""
import os
import signal
import subprocess

from host import (REEVED, RUNS, Follower, HostCase, answers, cgroup_of, eventually, main_pid,
                  processes_in, reevectl, shown, systemctl, systemd_version, told)


class Restart(HostCase):
    def test_of_any_kind_keeps_every_worker_and_reservation(self):
        run = self.populate()
        before = self.state_of(run)
        self.assertEqual(len(before), 6)
        for words in (["restart", REEVED], ["stop", REEVED], ["start", REEVED], ["daemon-reload"],
                      ["reload", REEVED], ["daemon-reexec"], ["restart", REEVED]):
            systemctl(*words)
            if words[0] != "stop":
                with self.subTest(" ".join(words)):
                    self.assert_unchanged(run, before)

    def test_after_sigkill_keeps_them_a_hundred_times(self):
        run = self.populate()
        before = self.state_of(run)
        for _ in range(100):
            systemctl("reset-failed", REEVED)
            pid = main_pid(REEVED)
            os.kill(pid, signal.SIGKILL)
            self.assertTrue(eventually(lambda: main_pid(REEVED) not in (0, pid)))
            self.assertTrue(eventually(answers))
        self.assert_unchanged(run, before)

    def test_of_the_holder_after_sigkill_keeps_them(self):
        if systemd_version() < 254:
            self.skipTest("before systemd 254 a unit that restarts loses its empty cgroups")
        run = self.populate()
        before = self.state_of(run)
        pid, reeved = main_pid(RUNS), main_pid(REEVED)
        os.kill(pid, signal.SIGKILL)
        self.assertTrue(eventually(lambda: main_pid(RUNS) not in (0, pid)))
        self.assertTrue(eventually(lambda: shown(RUNS, "ActiveState") == "active"))
        self.assert_unchanged(run, before)
        self.assertEqual(main_pid(REEVED), reeved, "reeved was not restarted for it")
        systemctl("restart", REEVED)
        self.assert_unchanged(run, before)

    def test_of_the_pin_is_mended_by_the_holder(self):
        pin = cgroup_of(RUNS) + "/pin"
        before = processes_in(pin)
        os.kill(before[0], signal.SIGKILL)
        self.assertTrue(eventually(lambda: processes_in(pin) not in ([], before)))

    def test_goes_on_with_the_events_where_they_were(self):
        run = self.open_run()
        follower = Follower(self, run)
        follower.read_until("runOpened")  # what is there already; whether that is all, nothing says
        for name in ("first", "second", "third"):
            reevectl("--run", run, "reserve", name, "--timeout", "1h")
            follower.read_until(name)
            systemctl("restart", REEVED)
        self.assertNotIn('"gap"', "".join(follower.seen))
        self.assertEqual(sum('"reserved"' in line for line in follower.seen), 3, follower.seen)


class Stop(HostCase):
    def test_of_reeve_runs_ends_every_run(self):
        run = self.populate()
        kept = self.open_run("--policy", "keep")
        reevectl("--run", kept, "spawn", "kept", "--", "sleep", "infinity")
        directory = cgroup_of(RUNS)
        processes = processes_in(f"{directory}/run-{run}") + processes_in(f"{directory}/run-{kept}")
        self.assertEqual(len(processes), 5)
        systemctl("stop", RUNS)
        self.assertFalse(os.path.exists(directory))
        self.assertEqual(shown(REEVED, "ActiveState"), "inactive")
        systemctl("start", REEVED)
        self.assertEqual(told("reevectl", "entries", "--count"), "0\n")

    def test_of_reeve_runs_lets_workers_end_as_their_run_says(self):
        run = self.open_run("--policy", "terminate", "--grace", "1h")
        gone = os.path.join("/run", f"ended-{run}")
        script = f"trap 'touch {gone}; exit' TERM; echo there; while :; do sleep 0.1; done"
        process = self.start("sh", "-c", script, stdout=subprocess.PIPE, text=True)
        process.stdout.readline()
        reevectl("--run", run, "register", "polite", "--pid", str(process.pid))
        systemctl("stop", RUNS)
        self.assertTrue(os.path.exists(gone))
        os.remove(gone)

    def test_of_the_slice_leaves_no_process(self):
        self.populate()
        directory = cgroup_of("reeve.slice")
        self.assertGreater(len(processes_in(directory)), 4)
        systemctl("stop", "reeve.slice", "reeved.socket")
        self.assertEqual(processes_in(directory), [])


class Trouble(HostCase):
    def test_at_the_start_limit_costs_no_worker(self):
        run = self.populate()
        before = self.state_of(run)
        while shown(REEVED, "ActiveState") != "failed":
            if (pid := main_pid(REEVED)) != 0:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
        systemctl("reset-failed", REEVED, "reeved.socket")
        systemctl("start", "reeved.socket", REEVED)
        self.assert_unchanged(run, before)

    def test_with_the_message_bus_is_survived(self):
        run = self.populate()
        before = self.state_of(run)
        reeved = main_pid(REEVED)
        self.addCleanup(systemctl, "restart", "systemd-logind.service")  # which does not survive it
        subprocess.run(["systemctl", "restart", "dbus.service"], check=False)
        counted = ["busctl", "call", "io.reeve", "/io/reeve", "io.reeve.Registry1", "CountEntries"]
        self.assertTrue(eventually(lambda: subprocess.run(
            counted, capture_output=True, check=False).stdout == b"x 7\n"))
        self.assert_unchanged(run, before)
        self.assertEqual(main_pid(REEVED), reeved)

    def test_with_the_journal_is_survived(self):
        run = self.populate()
        before = self.state_of(run)
        reeved = main_pid(REEVED)
        systemctl("restart", "systemd-journald.service")
        owner = self.sleeper()
        ended = reevectl("open", "--owner", str(owner.pid))["run"]["run"]
        owner.kill()
        self.assertTrue(eventually(lambda: f"run {ended} is gone" in told(
            "journalctl", "--no-pager", f"_PID={reeved}")))
        self.assert_unchanged(run, before)
        self.assertEqual(main_pid(REEVED), reeved)

    def test_with_cgroups_removed_by_hand_is_told(self):
        run = self.populate()
        place = cgroup_of(RUNS) + f"/run-{run}/"
        directories = {each: place + f"worker-{each}" for each in ("active", "reserved")}
        with open(directories["active"] + "/cgroup.kill", "w", encoding="ascii") as kill:
            kill.write("1")
        for each in directories.values():
            self.assertTrue(eventually(lambda each=each: not os.path.exists(each) or
                                       not processes_in(each)))
            subprocess.run(["rmdir", each], check=False, stderr=subprocess.DEVNULL)
        self.assertTrue(eventually(lambda: self.state_of(run)["active"][0] == "exited"))
        reevectl("--run", run, "unregister", "reserved")
        reevectl("--run", run, "spawn", "another", "--", "sleep", "infinity")
        systemctl("restart", REEVED)
        self.assertEqual(self.state_of(run)["another"][0], "active")

    def test_with_the_runtime_directory_removed_is_mended(self):
        run = self.populate()
        before = self.state_of(run)
        subprocess.run(["rm", "-rf", "/run/reeve"], check=False)
        self.assert_unchanged(run, before)
        systemctl("restart", REEVED)
        self.assert_unchanged(run, before)


class Manager(HostCase):
    def test_shows_how_many_runs_and_workers_there_are(self):
        self.populate()
        self.assertTrue(eventually(lambda: shown(REEVED, "StatusText") == "1 run, 6 workers"))

    def test_reloads_the_configuration(self):
        systemctl("reload", REEVED)
        self.assertEqual(shown(REEVED, "ActiveState"), "active")

    def test_restarts_a_reeved_whose_loop_stands_still(self):
        os.makedirs("/run/systemd/system/reeved.service.d", exist_ok=True)
        drop_in = "/run/systemd/system/reeved.service.d/impatient.conf"
        with open(drop_in, "w", encoding="ascii") as file:
            file.write("[Service]\nWatchdogSec=1s\n")
        self.addCleanup(systemctl, "daemon-reload")
        self.addCleanup(os.remove, drop_in)
        systemctl("daemon-reload")
        systemctl("restart", REEVED)
        run = self.populate()
        before = self.state_of(run)
        pid = main_pid(REEVED)
        os.kill(pid, signal.SIGSTOP)
        self.assertTrue(eventually(lambda: main_pid(REEVED) not in (0, pid)))
        self.assert_unchanged(run, before)

    def test_finds_nothing_to_complain_about_in_the_units(self):
        for unit in (REEVED, RUNS, "reeved.socket", "reeve.slice"):
            done = subprocess.run(["systemd-analyze", "verify", "--man=no", unit],
                                  capture_output=True, text=True, check=False)
            self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""), unit)

    def test_finds_reeved_confined(self):
        done = subprocess.run(["systemd-analyze", "security", "--no-pager", "--threshold=30", REEVED],
                              capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stdout)

    def test_finds_workers_free_of_what_reeved_is_confined_to(self):
        run = self.open_run()
        reevectl("--run", run, "spawn", "worker", "--", "sleep", "infinity")
        pid = reevectl("--run", run, "show", "worker")["worker"]["process"]["pid"]
        ours = {}
        for process in (pid, os.getpid()):
            with open(f"/proc/{process}/status", encoding="ascii") as status:
                ours[process] = {line.split(":")[0]: line.split()[1] for line in status
                                 if line.startswith(("CapBnd", "NoNewPrivs", "Seccomp:"))}
            ours[process]["namespaces"] = [os.readlink(f"/proc/{process}/ns/{each}")
                                           for each in ("mnt", "net", "ipc", "uts", "user")]
            with open(f"/proc/{process}/oom_score_adj", encoding="ascii") as score:
                ours[process]["oom"] = score.read()
        self.assertEqual(ours[pid], ours[os.getpid()])

    def test_finds_messages_in_the_journal_by_their_run_and_explained(self):
        owner = self.sleeper()
        run = reevectl("open", "--owner", str(owner.pid))["run"]["run"]
        owner.kill()
        self.assertTrue(eventually(lambda: "The process that owned run " + run in told(
            "journalctl", "--no-pager", "--catalog", "_SYSTEMD_UNIT=" + REEVED, f"REEVE_RUN={run}")))

    def test_starts_reeved_for_whoever_asks_by_socket_or_bus(self):
        for ask in (["reevectl", "entries", "--count"],
                    ["busctl", "call", "io.reeve", "/io/reeve", "io.reeve.Registry1", "CountEntries"]):
            with self.subTest(ask[0]):
                systemctl("stop", REEVED)
                told(*ask)
                self.assertEqual(shown(REEVED, "ActiveState"), "active")
