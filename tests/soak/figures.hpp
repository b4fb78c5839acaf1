// What a daemon holds, as the kernel tells it, and how long things take.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "support/world.hpp"

namespace reeve::test {

struct Figures {
  std::int64_t resident_kilobytes = 0;
  std::int64_t descriptors = 0;
  std::int64_t threads = 0;
  std::int64_t polls = 0;  // armed in its io_uring
  std::int64_t cgroups = 0;
  std::int64_t dying_cgroups = 0;
};
Figures figures_of(const World& world);
std::ostream& operator<<(std::ostream& out, const Figures& figures);

// How often the loop's thread went to sleep, or was put to it.
std::int64_t context_switches_of(const World& world);
bool is_asleep(const World& world);

// Durations of many of the same.
class Latencies {
 public:
  template <class Body>
  void measure(const Body& body) {
    const auto begin = std::chrono::steady_clock::now();
    body();
    add(std::chrono::steady_clock::now() - begin);
  }
  void add(std::chrono::nanoseconds duration) { all_.push_back(duration); }
  [[nodiscard]] double microseconds(double quantile) const;

 private:
  std::vector<std::chrono::nanoseconds> all_;
};
// One line: both at the median and at the 99th percentile, and how many times longer ours takes.
void print_beside(const char* what, const Latencies& ours, const char* kernel_does,
                  const Latencies& kernel);

}  // namespace reeve::test
