// A world's reeved under a tracer.
#pragma once

#include <signal.h>

#include <memory>

#include "support/tracer.hpp"
#include "support/world.hpp"

namespace reeve::test::crash {

class TracedDaemon {
 public:
  explicit TracedDaemon(World& world) : world_(world) {}
  ~TracedDaemon() {
    if (tracer_) kill();
  }
  TracedDaemon(const TracedDaemon&) = delete;
  TracedDaemon& operator=(const TracedDaemon&) = delete;

  void launch(Tracer::Plan plan) {
    tracer_ = std::make_unique<Tracer>(plan);
    world_.launch([this](const auto& daemon) { return tracer_->trace(daemon); });
  }
  [[nodiscard]] bool is_running() const { return tracer_ != nullptr; }
  Tracer* operator->() const { return tracer_.get(); }
  void kill() {
    tracer_->kill_program(SIGKILL);
    tracer_->run_on();  // the tracer itself waits while the program is paused
    world_.await_daemon_end();
    tracer_.reset();
  }

 private:
  World& world_;
  std::unique_ptr<Tracer> tracer_;
};

}  // namespace reeve::test::crash
