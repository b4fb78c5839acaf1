// The library's objects, each with one owner.
#pragma once

#include <systemd/sd-bus.h>

#include <memory>

namespace reeve::bus {

struct Unref {
  void operator()(sd_bus_slot* slot) const { sd_bus_slot_unref(slot); }
  void operator()(sd_bus_message* message) const { sd_bus_message_unref(message); }
  // Without waiting for what was not sent yet.
  void operator()(sd_bus* bus) const { sd_bus_close_unref(bus); }
};
using Slot = std::unique_ptr<sd_bus_slot, Unref>;
using Message = std::unique_ptr<sd_bus_message, Unref>;
using Connection = std::unique_ptr<sd_bus, Unref>;

inline Message shared(sd_bus_message* message) {
  return Message(sd_bus_message_ref(message));
}

}  // namespace reeve::bus
