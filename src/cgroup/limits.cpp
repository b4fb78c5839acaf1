#include "cgroup/limits.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <array>

#include "base/text.hpp"
#include "sys/calls.hpp"

namespace reeve::cgroup {

namespace {

constexpr std::array<std::string_view, 4> controllers{"cpu", "io", "memory", "pids"};

std::string enabling(const Directory& directory, const char* file) {
  const auto content = sys::read_file_at(directory.descriptor(), file);
  if (!content) return {};
  const auto present = split(trim(*content), ' ');
  std::string text;
  for (const auto controller : controllers)
    if (std::find(present.begin(), present.end(), controller) != present.end())
      text += fmt::format("{}+{}", text.empty() ? "" : " ", controller);
  return text;
}

}  // namespace

std::string controllers_to_enable(const Directory& directory) {
  return enabling(directory, "cgroup.controllers");
}

std::string controllers_enabled(const Directory& directory) {
  return enabling(directory, "cgroup.subtree_control");
}

Result<Done, LimitFailure> limit(const Directory& directory, const Limits& limits) {
  constexpr std::int64_t period = 100'000;  // microseconds, the kernel's own
  struct Setting {
    std::string_view controller;
    const char* file;
    std::optional<std::int64_t> value;
  };
  const auto quota = limits.processor_quota_percent;
  const auto is_killed_whole = limits.out_of_memory_group;
  const std::array<Setting, 7> settings{{
      {"memory", "memory.max", limits.memory_max_bytes},
      {"memory", "memory.high", limits.memory_high_bytes},
      {"cpu", "cpu.max", quota ? std::optional(*quota * period / 100) : std::nullopt},
      {"cpu", "cpu.weight", limits.processor_weight},
      {"pids", "pids.max", limits.tasks_max},
      {"io", "io.weight", limits.io_weight},
      {"memory", "memory.oom.group",
       is_killed_whole ? std::optional<std::int64_t>(*is_killed_whole) : std::nullopt},
  }};
  for (const auto& [controller, file, value] : settings) {
    if (!value) continue;
    const auto set = sys::write_file_at(directory.descriptor(), file, std::to_string(*value));
    if (!set)
      return LimitFailure{controller,
                          {set.error().number, directory.path() + "/" + file, "set the limit"}};
  }
  return Done{};
}

}  // namespace reeve::cgroup
