// The tables by which sd-bus knows an interface, made from its description.
#pragma once

#include <systemd/sd-bus.h>

#include <deque>
#include <functional>
#include <string>
#include <vector>

#include "api/interface.hpp"

namespace reeve::bus {

class Vtable {
 public:
  Vtable();
  void add_method(const api::Method& method, sd_bus_message_handler_t handler);
  void add_signal(const char* name, const char* signature, const std::string& argument_names);
  // One for each member: "controlGroup" is the property ControlGroup.
  void add_properties(const schema::Type& structure, sd_bus_property_get_t get);
  // Complete; lives as long as this object.
  const sd_bus_vtable* entries();

 private:
  const char* keep(std::string text) { return texts_.emplace_back(std::move(text)).c_str(); }

  std::vector<sd_bus_vtable> entries_;
  std::deque<std::string> texts_;
};

std::string property_name(std::string_view member);
const schema::Member* member_of_property(const schema::Type& structure, std::string_view property);

}  // namespace reeve::bus
