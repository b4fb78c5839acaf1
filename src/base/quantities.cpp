#include "base/quantities.hpp"

#include <fmt/core.h>

#include <array>
#include <limits>

#include "base/text.hpp"

namespace reeve {

std::optional<Microseconds> parse_duration(std::string_view text) {
  struct Unit {
    std::string_view name;
    std::int64_t microseconds;
  };
  constexpr std::array<Unit, 8> units{{{"us", 1},
                                       {"ms", 1'000},
                                       {"min", 60'000'000},
                                       {"m", 60'000'000},
                                       {"h", 3'600'000'000},
                                       {"d", 86'400'000'000},
                                       {"s", 1'000'000},
                                       {"", 1'000'000}}};
  for (const auto& unit : units) {
    if (!text.ends_with(unit.name)) continue;
    const auto number = parse_number<std::int64_t>(text.substr(0, text.size() - unit.name.size()));
    if (!number) continue;
    if (*number < 0 || *number > longest_duration.count() / unit.microseconds) return std::nullopt;
    return Microseconds(*number * unit.microseconds);
  }
  return std::nullopt;
}

std::optional<std::int64_t> parse_size(std::string_view text) {
  constexpr std::string_view units = "KMGT";
  const auto unit = text.empty() ? std::string_view::npos : units.find(text.back());
  const bool has_unit = unit != std::string_view::npos;
  const auto number = parse_number<std::int64_t>(has_unit ? text.substr(0, text.size() - 1) : text);
  const auto shift = has_unit ? 10 * (unit + 1) : 0;
  if (!number || *number < 0 || *number > (std::numeric_limits<std::int64_t>::max() >> shift))
    return std::nullopt;
  return *number << shift;
}

std::string format_duration(Microseconds duration) {
  const auto microseconds = duration.count();
  if (microseconds < 1'000) return fmt::format("{}us", microseconds);
  if (microseconds < 1'000'000) return fmt::format("{}ms", microseconds / 1'000);
  const auto seconds = microseconds / 1'000'000;
  if (seconds < 60) return fmt::format("{}s", seconds);
  if (seconds < 3'600) return fmt::format("{}min {}s", seconds / 60, seconds % 60);
  if (seconds < 86'400) return fmt::format("{}h {}min", seconds / 3'600, seconds / 60 % 60);
  return fmt::format("{}d {}h", seconds / 86'400, seconds / 3'600 % 24);
}

}  // namespace reeve
