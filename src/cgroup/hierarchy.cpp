#include "cgroup/hierarchy.hpp"

#include <fcntl.h>

#include "base/text.hpp"
#include "sys/calls.hpp"

namespace reeve::cgroup {

namespace {

// mountinfo writes blank, tab, newline and backslash as three octal digits.
std::string unescaped(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\' || i + 3 >= text.size()) {
      out += text[i];
      continue;
    }
    out +=
        static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + text[i + 3] - '0');
    i += 3;
  }
  return out;
}

}  // namespace

std::string Mount::below(std::string_view process_path) const {
  if (root == "/") return std::string(process_path);
  if (!is_within(process_path, root)) return {};
  const auto rest = process_path.substr(root.size());
  return rest.empty() ? "/" : std::string(rest);
}

Result<Mount> find_mount_in(std::string_view mountinfo) {
  for (const auto line : split(mountinfo, '\n')) {
    const auto separator = line.find(" - ");
    if (separator == std::string_view::npos) continue;
    const auto filesystem = split(line.substr(separator + 3), ' ');
    const auto fields = split(line.substr(0, separator), ' ');
    constexpr std::size_t root = 3, point = 4;
    if (filesystem.front() != "cgroup2" || fields.size() <= point) continue;
    return Mount{unescaped(fields[point]), unescaped(fields[root])};
  }
  return Error{ENOENT, "/proc/self/mountinfo", "find a cgroup2 mount in"};
}

Result<Mount> find_mount() {
  auto mountinfo = sys::read_file_at(AT_FDCWD, "/proc/self/mountinfo");
  if (!mountinfo) return mountinfo.error();
  return find_mount_in(*mountinfo);
}

bool is_within(std::string_view path, std::string_view ancestor) {
  if (ancestor == "/") return true;
  return path.starts_with(ancestor) &&
         (path.size() == ancestor.size() || path[ancestor.size()] == '/');
}

}  // namespace reeve::cgroup
