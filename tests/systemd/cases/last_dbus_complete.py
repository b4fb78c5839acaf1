"""That no method on D-Bus was forgotten."""
from busctl import BusCase, called, introspected


class Everything(BusCase):
    def test_that_busctl_introspect_shows_has_succeeded(self):
        methods = {name for name, member in introspected().items() if member[0] == "method"}
        self.assertEqual(called, methods)
