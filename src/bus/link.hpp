// A connection to a message bus, driven by the loop. Where the bus is not there, or goes away, the
// link waits for it: no caller of reeved's depends on it.
#pragma once

#include <functional>
#include <string>

#include "bus/handles.hpp"
#include "loop/loop.hpp"

namespace reeve::bus {

class Link {
 public:
  // `connected` is told of each new connection before anything has come over it; whatever it hangs
  // on one is to be gone when `lost` returns.
  Link(loop::Loop& loop, std::string address, std::function<void(sd_bus*)> connected,
       std::function<void()> lost);

  // After something was sent from outside of the bus's own handlers.
  void attend();

 private:
  void connect();
  void process();
  void wait();
  void lose(int error);

  loop::Loop& loop_;
  std::string address_;
  std::function<void(sd_bus*)> connected_;
  std::function<void()> lost_;
  Connection bus_;
  loop::Operation readiness_;
  loop::Timer deadline_;
  loop::Timer soon_;
  bool is_told_ = false;  // that there is no bus
};

}  // namespace reeve::bus
