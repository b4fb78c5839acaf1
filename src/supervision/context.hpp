// What all pools share, and outlives them.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "loop/loop.hpp"
#include "registry/registry.hpp"
#include "supervision/program.hpp"

namespace reeve::supervision {

struct Context {
  loop::Loop& loop;
  registry::Registry& registry;
  Host host;
  std::string run_id;  // empty until there is one

  // The run of the pools; nullptr while it is not open.
  [[nodiscard]] registry::LiveRun* run() const {
    const auto found = registry.runs().find(run_id);
    if (found == registry.runs().end() || !found->second->is_open()) return nullptr;
    return found->second.get();
  }
  // In [0, 1).
  [[nodiscard]] static double chance();
};

// A function that does nothing once the object is gone.
template <class T, class Function>
auto while_alive(const std::shared_ptr<T>& object, Function function) {
  return [weak = std::weak_ptr<T>(object), function = std::move(function)](auto&&... arguments) {
    if (const auto alive = weak.lock()) function(*alive, arguments...);
  };
}

}  // namespace reeve::supervision
