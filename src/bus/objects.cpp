#include "bus/objects.hpp"

#include <cstring>

#include "api/types.hpp"
#include "bus/codec.hpp"

namespace reeve::bus {

namespace {

constexpr const char* run_interface = "io.reeve.Run1";
constexpr const char* worker_interface = "io.reeve.Worker1";
constexpr const char* runs_path = "/io/reeve/run";

struct Place {
  std::string run;
  std::string worker;  // none in the path of a run
};

// "/io/reeve/run/ID" or "/io/reeve/run/ID/worker/NAME", the name as sd_bus_path_encode(3) has it.
std::optional<Place> place_of(std::string_view path) {
  const std::string_view prefix = "/io/reeve/run/", infix = "/worker/";
  if (!path.starts_with(prefix)) return std::nullopt;
  path.remove_prefix(prefix.size());
  const auto slash = path.find('/');
  if (slash == std::string_view::npos) return Place{std::string(path), {}};
  const std::string run(path.substr(0, slash));
  char* name = nullptr;
  const auto worker_prefix = std::string(prefix) + run + "/worker";
  if (!path.substr(slash).starts_with(infix) ||
      sd_bus_path_decode((std::string(prefix) + std::string(path)).c_str(), worker_prefix.c_str(),
                         &name) <= 0)
    return std::nullopt;
  Place place{run, name};
  std::free(name);
  return place;
}

}  // namespace

std::string path_of_run(const std::string& run) {
  return std::string(runs_path) + "/" + run;
}

std::string path_of_worker(const std::string& run, const std::string& worker) {
  char* path = nullptr;
  if (sd_bus_path_encode((path_of_run(run) + "/worker").c_str(), worker.c_str(), &path) < 0)
    return {};
  std::string encoded = path;
  std::free(path);
  return encoded;
}

Objects::Objects(sd_bus* bus, registry::Registry& registry) : bus_(bus), registry_(registry) {
  run_table_.add_properties(
      schema::type<Run>,
      [](sd_bus*, const char*, const char*, const char* property, sd_bus_message* reply, void* run,
         sd_bus_error*) { return get(reply, schema::type<Run>, run, property); });
  worker_table_.add_properties(schema::type<Worker>,
                               [](sd_bus*, const char*, const char*, const char* property,
                                  sd_bus_message* reply, void* worker, sd_bus_error*) {
                                 return get(reply, schema::type<Worker>, worker, property);
                               });
  sd_bus_slot* slot = nullptr;
  const auto keep = [&slot](Slot& kept, int done) {
    if (done >= 0) kept.reset(std::exchange(slot, nullptr));
  };
  const auto find_a_run = [](sd_bus*, const char* path, const char*, void* data, void** found,
                             sd_bus_error*) {
    auto& objects = *static_cast<Objects*>(data);
    const int done = objects.find_run(path);
    if (done > 0) *found = &*objects.run_;
    return done;
  };
  const auto find_a_worker = [](sd_bus*, const char* path, const char*, void* data, void** found,
                                sd_bus_error*) {
    auto& objects = *static_cast<Objects*>(data);
    const int done = objects.find_worker(path);
    if (done > 0) *found = &*objects.worker_;
    return done;
  };
  keep(runs_, sd_bus_add_fallback_vtable(bus_, &slot, runs_path, run_interface,
                                         run_table_.entries(), find_a_run, this));
  keep(workers_, sd_bus_add_fallback_vtable(bus_, &slot, runs_path, worker_interface,
                                            worker_table_.entries(), find_a_worker, this));
  keep(children_, sd_bus_add_node_enumerator(bus_, &slot, runs_path, list_children, this));
  keep(manager_, sd_bus_add_object_manager(bus_, &slot, registry_path));
}

int Objects::find_run(const char* path) {
  const auto place = place_of(path);
  if (!place || !place->worker.empty()) return 0;
  const auto found = registry_.runs().find(place->run);
  if (found == registry_.runs().end() || found->second->phase() == registry::RunPhase::opening)
    return 0;
  run_ = found->second->described();
  return 1;
}

int Objects::find_worker(const char* path) {
  const auto place = place_of(path);
  if (!place || place->worker.empty()) return 0;
  const auto run = registry_.runs().find(place->run);
  if (run == registry_.runs().end()) return 0;
  const auto* worker = run->second->find(place->worker);
  if (worker == nullptr) return 0;
  worker_ = worker->described();
  return 1;
}

int Objects::get(sd_bus_message* reply, const schema::Type& type, const void* structure,
                 const char* property) {
  const auto* member = member_of_property(type, property);
  return member == nullptr ? -EINVAL : append(reply, *member->type, member->in(structure));
}

int Objects::list_children(sd_bus*, const char*, void* data, char*** nodes, sd_bus_error*) {
  auto& objects = *static_cast<Objects*>(data);
  std::vector<std::string> paths;
  for (const auto& [id, run] : objects.registry_.runs()) {
    if (run->phase() == registry::RunPhase::opening) continue;
    paths.push_back(path_of_run(id));
    for (const auto& [name, worker] : run->listed())
      paths.push_back(path_of_worker(id, name));
  }
  // Freed by the library.
  auto* list = static_cast<char**>(std::calloc(paths.size() + 1, sizeof(char*)));
  if (list == nullptr) return -ENOMEM;
  for (std::size_t i = 0; i < paths.size(); ++i)
    list[i] = ::strdup(paths[i].c_str());
  *nodes = list;
  return 0;
}

// ---- changes

void Objects::tell_added(const std::string& path, const char* interface) {
  (void)sd_bus_emit_interfaces_added(bus_, path.c_str(), interface, nullptr);
}

void Objects::tell_removed(const std::string& path, const char* interface) {
  (void)sd_bus_emit_interfaces_removed(bus_, path.c_str(), interface, nullptr);
}

void Objects::tell_changed(const std::string& path, const char* interface, const schema::Type& type,
                           const std::set<std::string_view>& members) {
  std::vector<std::string> names;
  for (const auto& member : type.members)
    if (members.contains(member.name)) names.push_back(property_name(member.name));
  std::vector<char*> list;
  for (auto& name : names)
    list.push_back(name.data());
  list.push_back(nullptr);
  (void)sd_bus_emit_properties_changed_strv(bus_, path.c_str(), interface, list.data());
}

void Objects::follow(const Event& event) {
  const auto run = event.run.value_or("");
  const auto worker = event.worker ? path_of_worker(run, event.worker->worker) : "";
  const auto count_changed = [&] {
    tell_changed(path_of_run(run), run_interface, schema::type<Run>, {"workers"});
  };
  switch (event.kind) {
    case EventKind::run_opened:
      return tell_added(path_of_run(run), run_interface);
    case EventKind::run_closed:
      return tell_removed(path_of_run(run), run_interface);
    case EventKind::reserved:
      tell_added(worker, worker_interface);
      return count_changed();
    case EventKind::activated:
    case EventKind::ready:
      return tell_changed(worker, worker_interface, schema::type<Worker>,
                          {"state", "process", "handle", "fingerprint", "activatedAt"});
    case EventKind::exited:
    case EventKind::reaped:
      return tell_changed(worker, worker_interface, schema::type<Worker>,
                          {"state", "exit", "usage"});
    case EventKind::reservation_expired:
    case EventKind::unregistered:
    case EventKind::orphans_killed:
    case EventKind::gap:
      return;
  }
}

void Objects::worker_unlisted(const std::string& run, const std::string& worker) {
  tell_removed(path_of_worker(run, worker), worker_interface);
  tell_changed(path_of_run(run), run_interface, schema::type<Run>, {"workers"});
}

}  // namespace reeve::bus
