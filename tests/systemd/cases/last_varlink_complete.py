"""That nothing was forgotten: reeved is asked what it offers, and the cases what they have seen."""
import subprocess

from varlinkctl import (ADDRESS, VarlinkCase, answered_with_more, definitions, outcomes,
                        output)

OUT_OF_REACH = {
    "io.reeve.Registry.InvalidMessage": "varlinkctl sends no invalid message",
    "io.reeve.Registry.KernelTooOld": "the kernel is not",
    "io.systemd.service.InconsistentEnvironment": "nothing changes the environment of reeved",
    "org.varlink.service.MethodNotImplemented": "every method is",
}


class Everything(VarlinkCase):
    def test_that_list_methods_shows_has_succeeded_and_has_failed(self):
        for method in output("list-methods", ADDRESS).split():
            with self.subTest(method):
                seen = outcomes[method]
                self.assertIn("success", seen)
                self.assertTrue(seen - {"success"}, "no case has seen it fail")

    def test_that_list_methods_shows_has_been_answered_with_more(self):
        self.assertEqual(answered_with_more, set(output("list-methods", ADDRESS).split()))

    def test_that_can_go_wrong_has_gone_wrong(self):
        seen = set().union(*outcomes.values()) - {"success"}
        described = {f"{interface}.{name.split()[1]}"
                     for interface in output("list-interfaces", ADDRESS).split()
                     for name in definitions(output("introspect", ADDRESS, interface))
                     if name.startswith("error ")}
        self.assertEqual(seen | OUT_OF_REACH.keys(), described)
        self.assertEqual(seen & OUT_OF_REACH.keys(), set())

    def test_that_was_opened_has_been_closed(self):
        self.assertEqual(self.call("CountEntries"), {"count": 0})

    def test_was_answered_by_one_and_the_same_reeved(self):
        shown = subprocess.run(["systemctl", "show", "--property=NRestarts,ActiveState", "reeved"],
                               capture_output=True, text=True, check=True)
        self.assertEqual(set(shown.stdout.split()), {"NRestarts=0", "ActiveState=active"})
