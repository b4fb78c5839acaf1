"""io.systemd.service, as systemd's own services have it."""
import os

from varlinkctl import REGISTRY, SERVICE, VarlinkCase

CONFIGURATION = "/etc/reeve/reeve.toml"


class Administration(VarlinkCase):
    interface = "io.systemd.service"

    def assert_is_for_root_alone(self, **parameters):
        self.assert_refused(f"{SERVICE}.PermissionDenied", user="nobody", **parameters)


class Ping(Administration):
    def test_is_answered(self):
        self.assertEqual(self.call(), {})

    def test_refuses_unknown_parameters(self):
        self.assert_refuses_unknown_parameters()


class SetLogLevel(Administration):
    def test_takes_the_levels_of_syslog(self):
        for level in (7, 6):
            self.assertEqual(self.call(level=level), {})
        self.assert_refused(f"{SERVICE}.InvalidParameter", level=8)

    def test_is_for_root_alone(self):
        self.assert_is_for_root_alone(level=6)


class GetEnvironment(Administration):
    def test_holds_what_systemd_gave(self):
        told = self.call()["environment"]
        self.assertTrue(any(each.startswith("NOTIFY_SOCKET=") for each in told), told)

    def test_is_for_root_alone(self):
        self.assert_is_for_root_alone()


class Reload(Administration):
    def configure(self, text):
        os.makedirs(os.path.dirname(CONFIGURATION), exist_ok=True)
        with open(CONFIGURATION, "w", encoding="utf-8") as file:
            file.write(text)
        self.addCleanup(self.call)
        self.addCleanup(os.remove, CONFIGURATION)

    def test_takes_what_was_changed(self):
        self.configure('[access]\nopen-runs-users = ["nobody"]\n')
        self.assertEqual(self.call(), {})

    def test_says_where_the_configuration_is_wrong(self):
        self.configure('[access]\nopen-runs-users = "nobody"\n')
        told = self.assert_refused(f"{REGISTRY}.ConfigurationInvalid")
        self.assertIn(f"{CONFIGURATION}:2:", told["faults"][0])

    def test_is_for_root_alone(self):
        self.assert_is_for_root_alone()
