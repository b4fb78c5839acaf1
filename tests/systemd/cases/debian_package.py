"""The Debian packages of reeve, as they were made: what becomes of a host, and of its runs, when they
come, are upgraded and go."""
import glob
import grp
import os
import pathlib
import socket
import subprocess
import threading

from host import (REEVED, RUNS, Follower, HostCase, answers, cgroup_of, eventually, main_pid,
                  processes_in, reevectl, shown, systemctl, told)

MADE = "/build/package"
NEXT = MADE + "/next"  # the same, with a later version
NAMES = ("reeve", "libreeve0.1", "libreeve-dev")
SOCKET = "/run/reeve/io.reeve.Registry"
CONFIGURATION = pathlib.Path("/etc/reeve/reeve.toml")


def dpkg(*arguments):
    return told("env", "DEBIAN_FRONTEND=noninteractive", "dpkg", *arguments)


def install(directory):
    dpkg("--install", *glob.glob(directory + "/*.deb"))


def purge():
    dpkg("--purge", *reversed(NAMES))


def version():
    return told("dpkg-query", "--show", "--showformat=${Version}", "reeve")


def is_enabled(*words):
    return told("systemctl", "is-enabled", *words, check=False).split()


class PackageCase(HostCase):
    """Begins and ends with the packages installed, as they are installed first."""

    @staticmethod
    def start_again():
        purge()
        install(MADE)


class Install(PackageCase):
    def test_starts_reeved_and_at_every_boot(self):
        for unit in (REEVED, RUNS, "reeved.socket"):
            self.assertEqual(shown(unit, "ActiveState"), "active", unit)
        self.assertEqual(is_enabled(REEVED, "reeved.socket"), ["enabled"] * 2)
        self.assertEqual(told("reevectl", "entries", "--count"), "0\n")

    def test_leaves_it_to_users_whether_theirs_starts(self):
        self.assertEqual(is_enabled("--global", REEVED, "reeved.socket"), ["disabled"] * 2)

    def test_puts_reeved_on_the_bus(self):
        counted = ["busctl", "call", "io.reeve", "/io/reeve", "io.reeve.Registry1", "CountEntries"]
        self.assertTrue(eventually(lambda: subprocess.run(
            counted, capture_output=True, check=False).stdout == b"x 0\n"))

    def test_brings_units_that_systemd_does_not_complain_about(self):
        for unit in (REEVED, RUNS, "reeved.socket", "reeve.slice"):
            done = subprocess.run(["systemd-analyze", "verify", "--man=no", unit],
                                  capture_output=True, text=True, check=False)
            self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""), unit)

    def test_is_of_the_version_that_reeve_has(self):
        self.assertEqual(told("reevectl", "--version").split()[-1], version())

    def test_lets_the_group_reeve_open_runs(self):
        group = grp.getgrnam("reeve").gr_gid
        for groups, may in (([group], True), ([], False)):
            opened = subprocess.run(
                ["sh", "-c", f"reevectl --socket {SOCKET} open --owner $$; exit $?"], user="nobody",
                group="nogroup", extra_groups=groups, capture_output=True, check=False)
            self.assertEqual(opened.returncode == 0, may, opened.stderr)

    def test_brings_a_library_to_compile_with(self):
        flags = told("pkg-config", "--cflags", "--libs", "reeve").split()
        told("c++", "-std=c++20", "-o", "/tmp/minimal",
             "/checkout/tests/clients/cpp/minimal.cpp", *flags)
        self.addCleanup(os.remove, "/tmp/minimal")
        self.assertIn("exited\n", told("/tmp/minimal"))

    def test_brings_completions_that_zsh_finds(self):
        self.assertEqual(told("zsh", "-c", "autoload -U compinit && compinit -u -D && "
                              "print $_comps[reevectl]"), "_reevectl\n")

    def test_keeps_needrestart_from_ending_the_runs(self):
        script = """local $/; open F, shift; eval <F>; die $@ if $@;
            print grep { 'reeve-runs.service' =~ /$_/ } keys %{$nrconf{override_rc}}"""
        self.assertIn("reeve-runs", told("perl", "-e", script, "/etc/needrestart/conf.d/reeve.conf"))


class Upgrade(PackageCase):
    def test_keeps_every_run_worker_and_reservation(self):
        run = self.populate()
        before = self.state_of(run)
        self.assertEqual(len(before), 6)
        old = {unit: main_pid(unit) for unit in (REEVED, RUNS)}
        install(NEXT)
        self.assertEqual(version(), told("dpkg-deb", "--field", *glob.glob(NEXT + "/reeve_*"),
                                         "Version").strip())
        self.assertNotIn(main_pid(REEVED), (0, old[REEVED]))
        self.assertEqual(main_pid(RUNS), old[RUNS])
        self.assert_unchanged(run, before)
        reevectl("--run", run, "spawn", "by the old holder", "--", "sleep", "infinity")
        self.assertEqual(self.state_of(run)["by the old holder"][0], "active")

    def test_goes_on_with_the_events_where_they_were(self):
        run = self.open_run()
        follower = Follower(self, run)
        follower.read_until("runOpened")  # what is there already; whether that is all, nothing says
        for directory, worker in ((NEXT, "first"), (MADE, "second"), (NEXT, "third")):
            reevectl("--run", run, "reserve", worker, "--timeout", "1h")
            follower.read_until(worker)
            install(directory)
        reevectl("--run", run, "reserve", "last", "--timeout", "1h")
        follower.read_until("last")
        self.assertNotIn('"gap"', "".join(follower.seen))
        self.assertEqual(sum('"reserved"' in line for line in follower.seen), 4, follower.seen)

    def test_refuses_no_connection(self):
        is_over = threading.Event()
        refusals, connected = [], 0

        def connect():
            nonlocal connected
            while not is_over.is_set():
                with socket.socket(socket.AF_UNIX) as client:
                    try:
                        client.connect(SOCKET)
                        connected += 1
                    except OSError as error:
                        refusals.append(error)

        clients = threading.Thread(target=connect)
        clients.start()
        try:
            install(NEXT)
        finally:
            is_over.set()
            clients.join()
        self.assertEqual(refusals, [])
        self.assertGreater(connected, 0)

    def test_keeps_the_configuration_as_it_was_edited(self):
        edited = CONFIGURATION.read_text(encoding="utf-8") + '# edited\nquery = "own"\n'
        CONFIGURATION.write_text(edited, encoding="utf-8")
        install(NEXT)
        self.assertEqual(CONFIGURATION.read_text(encoding="utf-8"), edited)
        self.assertEqual(shown(REEVED, "ActiveState"), "active")

    def test_starts_nothing_that_was_stopped_and_disabled(self):
        systemctl("disable", "--now", REEVED, "reeved.socket")
        install(NEXT)
        self.assertEqual(shown(REEVED, "ActiveState"), "inactive")
        self.assertEqual(is_enabled(REEVED, "reeved.socket"), ["disabled"] * 2)

    def test_of_the_library_alone_is_refused_and_harms_nothing(self):
        run = self.populate()
        before = self.state_of(run)
        reeved = main_pid(REEVED)
        refused = subprocess.run(["dpkg", "--install", *glob.glob(NEXT + "/libreeve-dev_*")],
                                 capture_output=True, check=False)
        self.assertNotEqual(refused.returncode, 0)
        self.assert_unchanged(run, before)
        self.assertEqual(main_pid(REEVED), reeved)


class Remove(PackageCase):
    def test_ends_every_run_and_leaves_no_unit(self):
        run = self.populate()
        kept = self.open_run("--policy", "keep")
        reevectl("--run", kept, "spawn", "kept", "--", "sleep", "infinity")
        slice_ = cgroup_of("reeve.slice")
        self.assertGreater(len(processes_in(slice_)), 6)
        dpkg("--remove", "reeve")
        self.assertFalse(os.path.exists(slice_), run)
        self.assertEqual(told("systemctl", "list-units", "--no-legend", "reeve*"), "")
        for directory in ("/run/reeve", "/run/reeve-holder"):
            self.assertFalse(os.path.exists(directory), directory)
        self.assertTrue(CONFIGURATION.exists())

    def test_and_install_again_finds_the_configuration_as_it_was_edited(self):
        edited = CONFIGURATION.read_text(encoding="utf-8") + "# edited\n"
        CONFIGURATION.write_text(edited, encoding="utf-8")
        dpkg("--remove", "reeve")
        install(MADE)
        self.assertEqual(CONFIGURATION.read_text(encoding="utf-8"), edited)
        self.assertTrue(eventually(answers))
        self.assertEqual(is_enabled(REEVED, "reeved.socket"), ["enabled"] * 2)


class Purge(PackageCase):
    def test_leaves_nothing_behind(self):
        listed = [line for name in NAMES for line in told("dpkg", "--listfiles", name).splitlines()
                  if not os.path.isdir(line)]
        self.assertGreater(len(listed), 20)
        run = self.populate()
        purge()
        self.assertEqual([each for each in listed if os.path.lexists(each)], [], run)
        named = told("find", "/etc", "/usr", "/var", "/run/systemd", "-xdev", "-name", "*reeve*")
        self.assertEqual(named, "")

    def test_and_install_again_works(self):
        purge()
        install(MADE)
        self.assertEqual(shown(REEVED, "ActiveState"), "active")
        run = self.populate()
        self.assertEqual(len(self.state_of(run)), 6)
