#include "cgroup/delegation.hpp"

#include <algorithm>
#include <array>
#include <cerrno>

#include "sys/calls.hpp"

namespace reeve::cgroup {

namespace {

// Those that have a cgroup: systemd.unit(5).
constexpr std::array<std::string_view, 6> unit_kinds{".service", ".scope", ".slice",
                                                     ".socket",  ".mount", ".swap"};

std::string_view last_part(std::string_view path) {
  return path.substr(path.rfind('/') + 1);
}

std::string_view parent_of(std::string_view path) {
  return path.substr(0, path.rfind('/'));
}

bool names_a_unit(std::string_view name) {
  return std::any_of(unit_kinds.begin(), unit_kinds.end(), [name](auto kind) {
    return name.size() > kind.size() && name.ends_with(kind);
  });
}

// systemd's manager of a user marks nothing that it delegates. Below a unit's own cgroup it starts
// only what that unit delegates: DelegateSubgroup= (systemd 254).
bool delegates_unmarked(std::string_view unit, std::string_view path) {
  return parent_of(unit).find("/user@") != std::string_view::npos && path.size() > unit.size();
}

}  // namespace

bool is_delegated(const Directory& directory) {
  for (const char* name : {"trusted.delegate", "user.delegate"}) {
    const auto value = sys::get_extended_attribute(directory.descriptor(), name);
    if (value.ok() && *value == "1") return true;
  }
  return false;
}

std::string_view unit_in(std::string_view path) {
  while (!path.empty() && !names_a_unit(last_part(path)))
    path = parent_of(path);
  return path;
}

bool is_service(std::string_view unit) {
  const auto name = last_part(unit);
  return name.ends_with(".service") && !name.starts_with("user@");
}

Result<std::optional<Directory>> delegated_around(const Mount& mount, std::string_view path) {
  const auto unit = unit_in(path);
  const bool is_unmarked = delegates_unmarked(unit, path);
  for (; path.size() > 1; path = parent_of(path)) {
    auto directory = Directory::open(mount.point, std::string(path));
    if (!directory && !directory.error_is(ENOENT)) return directory.error();
    if (directory.ok() && (is_delegated(*directory) || (is_unmarked && path == unit)))
      return std::optional<Directory>(std::move(*directory));
    if (path == unit) break;
  }
  return std::optional<Directory>();
}

}  // namespace reeve::cgroup
