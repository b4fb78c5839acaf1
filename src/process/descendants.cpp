#include "process/descendants.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/core.h>
#include <unistd.h>

#include <cerrno>
#include <optional>

#include "base/text.hpp"
#include "sys/calls.hpp"

namespace reeve::process {

namespace {

constexpr int processes_in_a_slice = 128;  // about a millisecond

Result<pid_t> parent_of(pid_t pid) {
  const auto path = fmt::format("/proc/{}/stat", pid);
  auto content = sys::read_file_at(AT_FDCWD, path);
  if (!content) return content.error();
  const auto end_of_name = content->rfind(')');
  if (end_of_name == std::string::npos) return Error{EBADMSG, path, "understand"};
  const auto fields = split(trim(std::string_view(*content).substr(end_of_name + 1)), ' ');
  const auto parent = fields.size() > 1 ? parse_number<pid_t>(fields[1]) : std::nullopt;
  if (!parent) return Error{EBADMSG, path, "understand"};
  return *parent;
}

// proc_tid_children(5)
std::vector<pid_t> children_of(pid_t pid) {
  std::vector<pid_t> children;
  const auto tasks = fmt::format("/proc/{}/task", pid);
  auto directory = sys::open_directory_at(AT_FDCWD, tasks);
  if (!directory) return children;
  auto threads = sys::list_directories(directory->get());
  if (!threads) return children;
  for (const auto& thread : *threads) {
    auto content = sys::read_file_at(directory->get(), thread + "/children");
    if (!content) continue;
    for (const auto word : split(*content, ' '))
      if (const auto child = parse_number<pid_t>(word)) children.push_back(*child);
  }
  return children;
}

}  // namespace

DescendantScan::Source DescendantScan::source_here() {
  static const bool has_children_files =
      sys::open_at(AT_FDCWD, fmt::format("/proc/self/task/{}/children", ::getpid()), O_RDONLY).ok();
  return has_children_files ? Source::children_files : Source::process_table;
}

DescendantScan::DescendantScan(pid_t ancestor, Source source) : ancestor_(ancestor) {
  if (source == Source::process_table) processes_ = ::opendir("/proc");
}

DescendantScan::~DescendantScan() {
  if (processes_ != nullptr) ::closedir(processes_);
}

bool DescendantScan::advance() {
  if (processes_ == nullptr) {
    std::vector<pid_t> parents{ancestor_};
    while (!parents.empty()) {
      const pid_t parent = parents.back();
      parents.pop_back();
      for (const pid_t child : children_of(parent)) {
        children_.emplace(parent, child);
        parents.push_back(child);
      }
    }
    return true;
  }
  for (int i = 0; i < processes_in_a_slice; ++i) {
    const dirent* entry = ::readdir(processes_);
    if (entry == nullptr) return true;
    const auto pid = parse_number<pid_t>(entry->d_name);
    if (!pid) continue;
    if (const auto parent = parent_of(*pid)) children_.emplace(*parent, *pid);
  }
  return false;
}

std::vector<Process> DescendantScan::take() const {
  std::vector<Process> found;
  std::vector<pid_t> parents{ancestor_};
  while (!parents.empty()) {
    const pid_t parent = parents.back();
    parents.pop_back();
    const auto [first, last] = children_.equal_range(parent);
    for (auto each = first; each != last; ++each) {
      auto child = Process::open(each->second);
      if (!child) continue;
      const auto details = child->details();
      if (!details || details->parent != parent) continue;
      parents.push_back(each->second);
      found.push_back(std::move(*child));
    }
  }
  return found;
}

Result<bool> is_ancestor_or_self(pid_t ancestor, pid_t pid) {
  constexpr int deepest = 10'000;
  for (int depth = 0; depth < deepest && pid > 0; ++depth) {
    if (pid == ancestor) return true;
    const auto parent = parent_of(pid);
    if (!parent && parent.error().number != ENOENT && parent.error().number != ESRCH)
      return parent.error();
    pid = parent.ok() ? *parent : 0;  // gone meanwhile: nobody's child any more
  }
  return false;
}

}  // namespace reeve::process
