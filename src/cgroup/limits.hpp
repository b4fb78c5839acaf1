// The controllers by which workers are accounted and limited, where the kernel and whoever
// delegated the root let them: Documentation/admin-guide/cgroup-v2.rst of the kernel.
#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"
#include "cgroup/directory.hpp"
#include "reeve/types.hpp"

namespace reeve::cgroup {

// What to write to the cgroup.subtree_control of a new cgroup so that those below it have the
// controllers that this one has: "+cpu +io +memory +pids", or less, or nothing.
std::string controllers_to_enable(const Directory& directory);
// The same for the cgroups in `directory`, as it is set.
std::string controllers_enabled(const Directory& directory);

struct LimitFailure {
  std::string_view controller;
  Error error;  // ENOENT: the cgroup has no such controller
};
// Before anything is inside.
Result<Done, LimitFailure> limit(const Directory& directory, const Limits& limits);

}  // namespace reeve::cgroup
