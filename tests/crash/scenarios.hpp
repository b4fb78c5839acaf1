// The table of what reeved is killed in. To add one: a line in scenarios.cpp.
#pragma once

#include <vector>

#include "crash/story.hpp"

namespace reeve::test::crash {

struct Scenario {
  enum class Counted {
    playing,   // reeved serves; points are counted while `play` runs
    starting,  // `prepare` has left a dead reeved; points are counted from the next one's exec on
  };
  const char* name;
  Counted counted;
  void (*prepare)(Story&);
  void (*play)(Story&);
};

const std::vector<Scenario>& scenarios();

}  // namespace reeve::test::crash
