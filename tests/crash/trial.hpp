// One scenario, with reeved killed at one point of it, and what came of it.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "crash/scenarios.hpp"
#include "support/tracer.hpp"

namespace reeve::test::crash {

struct Trial {
  const Scenario* scenario = nullptr;
  std::uint64_t point = 0;  // 0: played to its end, and killed there
  std::chrono::microseconds linger{};
  std::vector<std::uint64_t> then;  // the starts that follow are killed at these points of theirs
};

struct Outcome {
  std::optional<Point> killed_at;     // nothing: the scenario has no such point this time
  std::uint64_t points = 0;           // that were passed
  std::uint64_t points_of_start = 0;  // of the next start, from exec until it came to rest
  unsigned crashes = 0;               // of the starts that followed
  std::vector<std::string> violations;
  std::string tree;  // and log, if anything was violated
};

Outcome run(const Trial& trial);

}  // namespace reeve::test::crash
