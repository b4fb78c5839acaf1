// Where reeve's files are when nobody says otherwise, and what a root may be called.
#pragma once

#include <unistd.h>

#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>

#include "base/text.hpp"

namespace reeve {

// What a variable of the environment says; nullptr also for one that is empty.
inline const char* environment(const char* variable) {
  const char* value = std::getenv(variable);
  return value == nullptr || *value == '\0' ? nullptr : value;
}

// /run/reeve for root, $XDG_RUNTIME_DIR/reeve for a user; empty for a user who has none.
inline std::string runtime_directory() {
  if (::geteuid() == 0) return "/run/reeve";
  const char* directory = std::getenv("XDG_RUNTIME_DIR");
  return directory != nullptr && *directory == '/' ? std::string(directory) + "/reeve" : "";
}

// Where reeved listens; empty for a user who has no place.
inline std::string usual_socket() {
  const auto directory = runtime_directory();
  return directory.empty() ? "" : directory + "/io.reeve.Registry";
}

// Where it is looked for: a service with User= has no directory of its own, and no reeved but the
// system's.
inline std::string usual_socket_to_call() {
  const auto socket = usual_socket();
  return socket.empty() ? "/run/reeve/io.reeve.Registry" : socket;
}

// The path of a cgroup below the cgroup2 mount, and not the mount itself, without a slash at its
// end; nothing if it is none.
inline std::optional<std::string> root_path(std::string path) {
  while (path.size() > 1 && path.ends_with('/'))
    path.pop_back();
  if (!path.starts_with('/')) return std::nullopt;
  for (const auto part : split(std::string_view(path).substr(1), '/'))
    if (part.empty() || part == "." || part == "..") return std::nullopt;
  return path;
}

// A path as "../reeve-runs.service", from the cgroup of the unit that this process, itself in the
// cgroup `own`, is part of: a unit's processes may be in cgroups below it. Nothing where it leads
// nowhere, or `own` is no unit's.
inline std::optional<std::string> root_beside_unit(std::string own, std::string_view relative) {
  const auto is_unit = [](std::string_view name) {
    return name.ends_with(".service") || name.ends_with(".scope");
  };
  while (!own.empty() && !is_unit(own))
    own.erase(own.rfind('/'));
  if (own.empty()) return std::nullopt;
  for (const auto part : split(relative, '/')) {
    if (part != "..") {
      own.append("/").append(part);
      continue;
    }
    if (own.empty()) return std::nullopt;
    own.erase(own.rfind('/'));
  }
  return root_path(own);
}

}  // namespace reeve
