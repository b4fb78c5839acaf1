#include "spawn/resource_limits.hpp"

#include <algorithm>
#include <array>

#include "base/text.hpp"

namespace reeve::spawn {

namespace {

struct Resource {
  std::string_view name;
  __rlimit_resource_t number;
};

constexpr std::array<Resource, 16> resources{{{"AS", RLIMIT_AS},
                                              {"CORE", RLIMIT_CORE},
                                              {"CPU", RLIMIT_CPU},
                                              {"DATA", RLIMIT_DATA},
                                              {"FSIZE", RLIMIT_FSIZE},
                                              {"LOCKS", RLIMIT_LOCKS},
                                              {"MEMLOCK", RLIMIT_MEMLOCK},
                                              {"MSGQUEUE", RLIMIT_MSGQUEUE},
                                              {"NICE", RLIMIT_NICE},
                                              {"NOFILE", RLIMIT_NOFILE},
                                              {"NPROC", RLIMIT_NPROC},
                                              {"RSS", RLIMIT_RSS},
                                              {"RTPRIO", RLIMIT_RTPRIO},
                                              {"RTTIME", RLIMIT_RTTIME},
                                              {"SIGPENDING", RLIMIT_SIGPENDING},
                                              {"STACK", RLIMIT_STACK}}};

std::optional<rlim_t> read_value(std::string_view text) {
  if (text == "infinity") return RLIM_INFINITY;
  return parse_number<rlim_t>(text);
}

}  // namespace

std::optional<__rlimit_resource_t> resource_named(std::string_view name) {
  const auto* const found = std::find_if(resources.begin(), resources.end(),
                                         [name](const auto& each) { return each.name == name; });
  return found == resources.end() ? std::nullopt : std::optional(found->number);
}

std::optional<rlimit> read_resource_limit(std::string_view text) {
  const auto colon = text.find(':');
  const auto soft = read_value(text.substr(0, colon));
  const auto hard = colon == std::string_view::npos ? soft : read_value(text.substr(colon + 1));
  if (!soft || !hard || *soft > *hard) return std::nullopt;
  return rlimit{*soft, *hard};
}

}  // namespace reeve::spawn
