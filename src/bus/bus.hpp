// reeved on a message bus: the name io.reeve, with the methods of io.reeve.Registry and
// io.reeve.Pools as io.reeve.Registry1 and io.reeve.Pools1 at /io/reeve, events as the signal
// Event, and an object for each run and worker that ObjectManager lists. See bus/codec.hpp for how
// values look there.
//
// Where the configuration keeps runs private, there are methods only: signals and properties have
// no caller who could be asked who it is.
#pragma once

#include <memory>
#include <string>

#include "bus/calls.hpp"
#include "bus/link.hpp"
#include "bus/objects.hpp"
#include "service/access.hpp"

namespace reeve::bus {

class Bus {
 public:
  // `address` as D-Bus writes it.
  Bus(loop::Loop& loop, registry::Registry& registry, service::Service& service,
      const service::AccessRules& rules, std::string address);
  ~Bus();
  Bus(const Bus&) = delete;
  Bus& operator=(const Bus&) = delete;

  void follow(const service::AccessRules& rules);

 private:
  // An interface with its methods, but for those that reply again and again.
  struct Offer {
    Offer(sd_bus* connection, Calls& calls_taken, std::string_view name);

    Calls& calls;
    const api::Interface& interface;
    Vtable table;
    Slot exported;
  };
  // What hangs on one connection.
  struct Presence {
    Presence(sd_bus* connection, Bus& bus);

    sd_bus* connection;
    Calls calls;
    std::unique_ptr<Objects> objects;
    Offer registry, pools;
    Slot naming;
  };

  void appear(sd_bus* connection);
  void tell_events();
  void tell(const Event& event);

  registry::Registry& registry_;
  service::Service& service_;
  bool is_public_;
  std::unique_ptr<Presence> presence_;
  std::int64_t told_;
  registry::EventLog::Token listening_;
  Link link_;
};

// Of the system's bus for root, of the user's own for anybody else; empty if that has none.
std::string usual_address();

}  // namespace reeve::bus
