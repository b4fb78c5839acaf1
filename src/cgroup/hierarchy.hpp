// Where the cgroup2 hierarchy is mounted, and paths in it.
#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"

namespace reeve::cgroup {

struct Mount {
  std::string point;  // where it is mounted: "/sys/fs/cgroup", "/sys/fs/cgroup/unified", …
  std::string root;   // which cgroup is mounted there: "/" but for a bind mount of a part

  // A path below the mount for the path that /proc/PID/cgroup tells, and an empty one for a cgroup
  // that lies outside of what is mounted.
  [[nodiscard]] std::string below(std::string_view process_path) const;
};

// From mountinfo: it is not always /sys/fs/cgroup. ENOENT if there is none.
Result<Mount> find_mount();
// The first cgroup2 mount of a text as in proc_pid_mountinfo(5).
Result<Mount> find_mount_in(std::string_view mountinfo);

// Whether `path` is `ancestor` or lies below it. Both absolute, without a slash at the end.
bool is_within(std::string_view path, std::string_view ancestor);

}  // namespace reeve::cgroup
