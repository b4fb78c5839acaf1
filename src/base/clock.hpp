// The clocks of clock_gettime(2), in microseconds.
#pragma once

#include <time.h>

#include <chrono>
#include <cstdint>

#include "base/test_hooks.hpp"

namespace reeve {

using Microseconds = std::chrono::microseconds;

inline Microseconds read_clock(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return std::chrono::duration_cast<Microseconds>(std::chrono::seconds(now.tv_sec) +
                                                  std::chrono::nanoseconds(now.tv_nsec));
}

inline Microseconds monotonic_now() {
  return read_clock(CLOCK_MONOTONIC);
}
inline Microseconds realtime_now() {
  return read_clock(CLOCK_REALTIME) + Microseconds(injected_realtime_offset());
}

}  // namespace reeve
