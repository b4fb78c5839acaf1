// Durations and sizes as people write them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.hpp"

namespace reeve {

inline constexpr Microseconds longest_duration = std::chrono::hours(24 * 365);

// "90", "90s", "500ms", "10us", "5min", "2h", "7d", a year at most; a bare number is seconds.
std::optional<Microseconds> parse_duration(std::string_view text);
// "4096", "512M", "2G": bytes.
std::optional<std::int64_t> parse_size(std::string_view text);
// "3min 4s", "12ms"
std::string format_duration(Microseconds duration);

}  // namespace reeve
