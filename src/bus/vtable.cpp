#include "bus/vtable.hpp"

#include <algorithm>
#include <cctype>

#include "bus/codec.hpp"

namespace reeve::bus {

Vtable::Vtable() {
  const sd_bus_vtable start SD_BUS_VTABLE_START(0);
  entries_.push_back(start);
}

void Vtable::add_method(const api::Method& method, sd_bus_message_handler_t handler) {
  // Who may do what is the service's to say.
  sd_bus_vtable entry SD_BUS_METHOD_WITH_NAMES_OFFSET("", "", "", "", "", nullptr, 0,
                                                      SD_BUS_VTABLE_UNPRIVILEGED);
  entry.x.method.member = keep(std::string(method.name));
  entry.x.method.signature = keep(signature_of_input(*method.input));
  entry.x.method.result = keep(signature_of_output(*method.output));
  entry.x.method.names = keep(names_of_input(*method.input) + names_of_output(*method.output));
  entry.x.method.handler = handler;
  entries_.push_back(entry);
}

void Vtable::add_signal(const char* name, const char* signature,
                        const std::string& argument_names) {
  sd_bus_vtable entry SD_BUS_SIGNAL_WITH_NAMES("", "", "", 0);
  entry.x.signal.member = name;
  entry.x.signal.signature = signature;
  entry.x.signal.names = keep(argument_names);
  entries_.push_back(entry);
}

void Vtable::add_properties(const schema::Type& structure, sd_bus_property_get_t get) {
  for (const auto& member : structure.members) {
    sd_bus_vtable entry SD_BUS_PROPERTY("", "", nullptr, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE);
    entry.x.property.member = keep(property_name(member.name));
    entry.x.property.signature = keep(signature_of(*member.type));
    entry.x.property.get = get;
    entries_.push_back(entry);
  }
}

const sd_bus_vtable* Vtable::entries() {
  const sd_bus_vtable end SD_BUS_VTABLE_END;
  if (entries_.back().type != end.type) entries_.push_back(end);
  return entries_.data();
}

std::string property_name(std::string_view member) {
  std::string name(member);
  if (!name.empty()) name.front() = static_cast<char>(std::toupper(name.front()));
  return name;
}

const schema::Member* member_of_property(const schema::Type& structure, std::string_view property) {
  const auto found =
      std::find_if(structure.members.begin(), structure.members.end(),
                   [&](const auto& member) { return property_name(member.name) == property; });
  return found == structure.members.end() ? nullptr : &*found;
}

}  // namespace reeve::bus
