// Method calls over the bus, as the service takes them.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "api/interface.hpp"
#include "bus/callers.hpp"
#include "service/service.hpp"

namespace reeve::bus {

class BusCall;

class Calls {
 public:
  // `attend` is called when a call was answered later than from its own message.
  Calls(sd_bus* bus, service::Service& service, std::function<void()> attend);
  ~Calls();

  // Of a method of `interface`; answered now or later.
  void take(sd_bus_message* message, const api::Interface& interface);

 private:
  friend class BusCall;
  void ended(const BusCall& call);

  service::Service& service_;
  std::function<void()> attend_;
  Callers callers_;
  // Those that are not answered yet, by who has sent them.
  std::multimap<std::string, std::shared_ptr<BusCall>> pending_;
};

}  // namespace reeve::bus
