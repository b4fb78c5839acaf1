// Who calls over the bus: user and groups as the bus knows them, the process by its pidfd.
#pragma once

#include <systemd/sd-bus.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "bus/handles.hpp"
#include "service/call.hpp"

namespace reeve::bus {

class Callers {
 public:
  // `reread` is called when something was sent: the bus is to be looked after.
  explicit Callers(sd_bus* bus) : bus_(bus) {}

  // Calls `then` once it is known who the sender is: at once for one that has called before, in the
  // order of its calls, and never for one that has gone meanwhile.
  using Then = std::function<void(const std::shared_ptr<service::Caller>&)>;
  void identify(const std::string& sender, Then then);
  // Called when a sender that was identified has left the bus.
  void on_gone(std::function<void(const std::string& sender)> handler) {
    gone_ = std::move(handler);
  }

 private:
  struct Peer {
    std::shared_ptr<service::Caller> caller;
    std::vector<Then> waiting;
    Slot asking;
    Slot watching;
  };

  void learned(const std::string& sender, sd_bus_message* reply);
  void forget(const std::string& sender);

  sd_bus* bus_;
  std::map<std::string, Peer> peers_;
  std::function<void(const std::string&)> gone_;
};

}  // namespace reeve::bus
