// Runs and workers as objects of the bus, with what is known of them as properties.
#pragma once

#include <systemd/sd-bus.h>

#include <map>
#include <optional>
#include <set>
#include <string>

#include "bus/handles.hpp"
#include "bus/vtable.hpp"
#include "registry/registry.hpp"

namespace reeve::bus {

inline constexpr const char* registry_path = "/io/reeve";
std::string path_of_run(const std::string& run);
std::string path_of_worker(const std::string& run, const std::string& worker);

class Objects {
 public:
  Objects(sd_bus* bus, registry::Registry& registry);

  // What an event says of them is told to whoever watches them.
  void follow(const Event& event);
  // Not every worker that leaves the listings does so with an event.
  void worker_unlisted(const std::string& run, const std::string& worker);

 private:
  int find_run(const char* path);
  int find_worker(const char* path);
  static int get(sd_bus_message* reply, const schema::Type& type, const void* structure,
                 const char* property);
  static int list_children(sd_bus* bus, const char* prefix, void* objects, char*** nodes,
                           sd_bus_error* error);
  void tell_added(const std::string& path, const char* interface);
  void tell_removed(const std::string& path, const char* interface);
  void tell_changed(const std::string& path, const char* interface, const schema::Type& type,
                    const std::set<std::string_view>& members);

  sd_bus* bus_;
  registry::Registry& registry_;
  Vtable run_table_, worker_table_;
  // What the properties that are asked for next are those of: asked for one object at a time.
  std::optional<Run> run_;
  std::optional<Worker> worker_;
  Slot runs_, workers_, children_, manager_;
};

}  // namespace reeve::bus
