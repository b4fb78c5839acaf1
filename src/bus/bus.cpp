#include "bus/bus.hpp"

#include <unistd.h>

#include <cstdlib>

#include "api/types.hpp"
#include "base/log.hpp"
#include "bus/codec.hpp"

namespace reeve::bus {

namespace {

constexpr const char* bus_name = "io.reeve";
// With the number by which an interface on D-Bus says which of its versions it is.
std::string name_on_bus(std::string_view interface) {
  return std::string(interface) + "1";
}

}  // namespace

Bus::Offer::Offer(sd_bus* connection, Calls& calls_taken, std::string_view name)
    : calls(calls_taken), interface(*api::find_interface(name)) {
  const auto handle = [](sd_bus_message* message, void* data, sd_bus_error*) {
    auto& offer = *static_cast<Offer*>(data);
    offer.calls.take(message, offer.interface);
    return 1;  // answered when it is
  };
  for (const auto& method : interface.methods)
    if (!method.requires_more) table.add_method(method, handle);
  const std::string names("kind\0run\0event\0", 15);
  if (name == api::Registry::name) table.add_signal("Event", "ssa{sv}", names);
  sd_bus_slot* slot = nullptr;
  if (const int done = sd_bus_add_object_vtable(connection, &slot, registry_path,
                                                name_on_bus(name).c_str(), table.entries(), this);
      done < 0)
    log::warning("cannot offer {} on D-Bus: {}", name_on_bus(name), errno_name(-done));
  exported.reset(slot);
}

Bus::Presence::Presence(sd_bus* bus_connection, Bus& bus)
    : connection(bus_connection),
      calls(bus_connection, bus.service_, [&bus] { bus.link_.attend(); }),
      objects(bus.is_public_ ? std::make_unique<Objects>(bus_connection, bus.registry_) : nullptr),
      registry(connection, calls, api::Registry::name),
      pools(connection, calls, api::Pools::name) {
  sd_bus_slot* slot = nullptr;
  const auto named = [](sd_bus_message* reply, void*, sd_bus_error*) {
    if (const auto* error = sd_bus_message_get_error(reply))
      log::notice("not called {} on D-Bus: {}", bus_name, error->message);
    return 0;
  };
  // A reeved that was killed may be there for a moment yet: until its io_uring is taken down, its
  // sockets are open.
  if (sd_bus_request_name_async(connection, &slot, bus_name, SD_BUS_NAME_QUEUE, named, nullptr) >=
      0)
    naming.reset(slot);
}

Bus::Bus(loop::Loop& loop, registry::Registry& registry, service::Service& service,
         const service::AccessRules& rules, std::string address)
    : registry_(registry),
      service_(service),
      is_public_(!rules.runs_are_private),
      told_(registry.events().newest()),
      listening_(registry.events().listen({}, [this] { tell_events(); })),
      link_(
          loop, std::move(address), [this](sd_bus* connection) { appear(connection); },
          [this] { presence_.reset(); }) {
  registry_.on_unlisted([this](const std::string& run, const std::string& worker) {
    if (!presence_ || !presence_->objects) return;
    presence_->objects->worker_unlisted(run, worker);
    link_.attend();
  });
}

Bus::~Bus() {
  registry_.on_unlisted(nullptr);
  registry_.events().remove(listening_);
}

void Bus::follow(const service::AccessRules& rules) {
  is_public_ = !rules.runs_are_private;
  if (!presence_) return;
  auto& objects = presence_->objects;
  if (!is_public_)
    objects.reset();
  else if (!objects)
    objects = std::make_unique<Objects>(presence_->connection, registry_);
  told_ = registry_.events().newest();
}

void Bus::appear(sd_bus* connection) {
  presence_ = std::make_unique<Presence>(connection, *this);
  told_ = registry_.events().newest();
}

void Bus::tell_events() {
  const auto& log = registry_.events();
  if (!presence_ || !is_public_) return;
  for (auto next = std::max(told_ + 1, log.oldest()); next <= log.newest(); ++next)
    tell(log.at(next));
  told_ = log.newest();
  link_.attend();
}

void Bus::tell(const Event& event) {
  presence_->objects->follow(event);
  sd_bus_message* made = nullptr;
  int done = sd_bus_message_new_signal(presence_->connection, &made, registry_path,
                                       name_on_bus(api::Registry::name).c_str(), "Event");
  const Message message(made);
  const std::string kind(schema::name_of(event.kind));
  if (done >= 0)
    done = sd_bus_message_append(made, "ss", kind.c_str(), event.run.value_or("").c_str());
  if (done >= 0) done = append(made, schema::type<Event>, &event);
  if (done >= 0) done = sd_bus_send(presence_->connection, made, nullptr);
  if (done < 0) log::debug("an event is not told on D-Bus: {}", errno_name(-done));
}

std::string usual_address() {
  const auto variable = [](const char* name) {
    const char* value = std::getenv(name);
    return std::string(value == nullptr ? "" : value);
  };
  const bool is_root = ::geteuid() == 0;
  const auto given = variable(is_root ? "DBUS_SYSTEM_BUS_ADDRESS" : "DBUS_SESSION_BUS_ADDRESS");
  if (!given.empty()) return given;
  if (is_root) return "unix:path=/run/dbus/system_bus_socket";
  const auto directory = variable("XDG_RUNTIME_DIR");
  return directory.empty() ? "" : "unix:path=" + directory + "/bus";
}

}  // namespace reeve::bus
