// Resource limits of a process as texts: setrlimit(2).
#pragma once

#include <sys/resource.h>

#include <optional>
#include <string_view>

namespace reeve::spawn {

// Of "NOFILE", as the kernel calls it without RLIMIT_.
std::optional<__rlimit_resource_t> resource_named(std::string_view name);

// "1024", "1024:4096" (soft and hard) or "infinity" for either.
std::optional<rlimit> read_resource_limit(std::string_view text);

}  // namespace reeve::spawn
