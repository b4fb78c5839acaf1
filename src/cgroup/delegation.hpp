// Which cgroups systemd has handed to whom: https://systemd.io/CGROUP_DELEGATION
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "cgroup/directory.hpp"
#include "cgroup/hierarchy.hpp"

namespace reeve::cgroup {

// Whether systemd marked it so: a unit with Delegate=yes (user.delegate from systemd 251 on).
bool is_delegated(const Directory& directory);

// The path of the innermost unit's cgroup in `path`, by the names that systemd gives to units;
// empty where there is none.
std::string_view unit_in(std::string_view path);
// Whether that unit is a service, and no user's own manager, which keeps services of its own.
bool is_service(std::string_view unit);

// The nearest delegated cgroup at or above `path` that is still of the same unit. Nothing if that
// unit has none, as far as can be seen: of a user's unit only where the process of `path` is below
// the unit's cgroup.
Result<std::optional<Directory>> delegated_around(const Mount& mount, std::string_view path);

}  // namespace reeve::cgroup
