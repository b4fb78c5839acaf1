// What tests do to a reeved that was built for it (-Dtest_hooks=true): system calls that fail, a
// wall clock that jumps, and deliberate mistakes by which the test suites are tested themselves. In
// every other build all of it is nothing, at compile time.
#pragma once

#include <atomic>
#include <cstdint>
#include <initializer_list>
#include <string_view>

namespace reeve {

// The content of the file $REEVE_TEST_HOOKS, which the daemon and the test both map. Without that
// variable nothing fails.
struct TestHooks {
  std::atomic<std::uint32_t> fault_one_in{0};    // one of so many calls fails; 0 for none
  std::atomic<std::uint32_t> random_state{1};    // what decides which; any number but 0
  std::atomic<std::uint64_t> faults{0};          // how many calls have failed so far
  std::atomic<std::int64_t> realtime_offset{0};  // microseconds added to CLOCK_REALTIME
};

#ifdef REEVE_TEST_HOOKS

// -errno for a call that is to fail this time, one of those that the call can really fail with; 0
// for one that is to be made.
int injected_fault(std::initializer_list<int> errors);
std::int64_t injected_realtime_offset();
// Whether $REEVE_MISTAKE names this mistake.
bool mistaken(std::string_view name);

#else

constexpr int injected_fault(std::initializer_list<int> /*errors*/) {
  return 0;
}
constexpr std::int64_t injected_realtime_offset() {
  return 0;
}
constexpr bool mistaken(std::string_view /*name*/) {
  return false;
}

#endif

}  // namespace reeve
