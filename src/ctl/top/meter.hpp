// What cgroups use: read here, from the kernel, so that nobody who watches costs reeved anything.
#pragma once

#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/clock.hpp"
#include "cgroup/hierarchy.hpp"
#include "ctl/top/census.hpp"
#include "ctl/top/history.hpp"

namespace reeve::ctl::top {

// Nothing where there is no such controller, or no such cgroup any more.
struct Reading {
  Microseconds at{};  // on CLOCK_MONOTONIC
  std::optional<Microseconds> processor = {};
  std::optional<std::int64_t> memory = {}, tasks = {};
};

struct Measurement {
  // In each second, from the second reading on.
  std::optional<Microseconds> processor = {};
  std::optional<std::int64_t> memory = {}, tasks = {};
  History processor_history, memory_history;

  // `since` is another one where another worker took the place of the last.
  void take(const Reading& reading, std::optional<Microseconds> since);
  // Of those beneath it.
  void take_sum(const std::vector<Row>& rows);

 private:
  void remember();
  std::optional<Reading> last_;
  std::optional<Microseconds> since_;
  unsigned round_ = 0;
  friend class Meter;
};

class Meter {
 public:
  explicit Meter(cgroup::Mount mount) : mount_(std::move(mount)) {}
  // Reads the cgroup of every row, and forgets what is in none.
  void measure(std::vector<Row>& rows);

 private:
  // A cgroup has only such as the one above it has: what a run is without is not looked for in each
  // of its workers.
  struct Controllers {
    bool memory = true, tasks = true;
  };
  void measure(std::vector<Row>& rows, Controllers above);
  // Takes those away that it is found to be without.
  Reading read(const std::string& control_group, Controllers& controllers) const;

  cgroup::Mount mount_;
  std::unordered_map<std::string, Measurement> measurements_;
  unsigned round_ = 0;
};

// Of several: nothing only if there is nothing of any.
template <class T>
std::optional<T> sum(std::optional<T> one, std::optional<T> other) {
  if (!one || !other) return one ? one : other;
  return *one + *other;
}

}  // namespace reeve::ctl::top
