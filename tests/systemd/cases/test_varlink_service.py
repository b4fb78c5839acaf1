"""What reeved says of itself, and that varlinkctl understands all of it."""
import os
import tempfile

from varlinkctl import ADDRESS, REGISTRY, SERVICE, VarlinkCase, call, definitions, output

CONTRACT = os.path.join(os.path.dirname(os.path.realpath(__file__)),
                        "../../unit/contract/io.reeve.Registry.varlink")


def interfaces():
    return output("list-interfaces", ADDRESS).split()


def description_of(interface):
    return call(f"{SERVICE}.GetInterfaceDescription", {"interface": interface})["description"]


class GetInfo(VarlinkCase):
    interface = SERVICE

    def test_names_reeved_and_its_interfaces(self):
        told = self.call()
        self.assertEqual((told["vendor"], told["product"]), ("reeve", "reeved"))
        self.assertLessEqual({REGISTRY, SERVICE}, set(told["interfaces"]))

    def test_is_what_info_and_list_interfaces_show(self):
        told = self.call()
        shown = output("info", ADDRESS)
        for word in (told["vendor"], told["product"], told["version"], told["url"],
                     *told["interfaces"]):
            self.assertIn(f" {word}\n", shown)
        self.assertEqual(interfaces(), sorted(told["interfaces"]))

    def test_refuses_unknown_parameters(self):
        self.assert_refuses_unknown_parameters()


class GetInterfaceDescription(VarlinkCase):
    interface = SERVICE

    def file(self, text):
        file = tempfile.NamedTemporaryFile("w", encoding="utf-8")
        self.addCleanup(file.close)
        file.write(text)
        file.flush()
        return file.name

    def test_is_valid_to_systemd_for_every_interface(self):
        for interface in interfaces():
            with self.subTest(interface):
                output("validate-idl", self.file(description_of(interface)))

    def test_is_what_introspect_prints_for_every_interface(self):
        for interface in interfaces():
            with self.subTest(interface):
                printed = output("introspect", ADDRESS, interface)
                output("validate-idl", self.file(printed))
                self.assertEqual(definitions(printed), definitions(description_of(interface)))

    def test_holds_the_methods_that_list_methods_shows(self):
        methods = {f"{interface}.{name.split()[1]}" for interface in interfaces()
                   for name in definitions(description_of(interface)) if name.startswith("method ")}
        self.assertEqual(set(output("list-methods", ADDRESS).split()), methods)

    def test_keeps_every_name_and_type_of_the_contract(self):
        served = definitions(output("introspect", ADDRESS, REGISTRY))
        with open(CONTRACT, encoding="utf-8") as file:
            agreed = definitions(file.read())
        self.assertGreater(len(agreed), 40)
        for name, parts in agreed.items():
            with self.subTest(name):
                for agreed_members, served_members in zip(parts, served[name]):
                    self.assertEqual(served_members | agreed_members, served_members)

    def test_of_an_interface_that_is_not_there_fails(self):
        told = self.assert_refused(f"{SERVICE}.InterfaceNotFound", interface="io.reeve.Nothing")
        self.assertEqual(told, {"interface": "io.reeve.Nothing"})
