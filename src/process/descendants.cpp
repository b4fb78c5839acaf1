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

bool is_gone(const Error& error) {
  return error.number == ENOENT || error.number == ESRCH;
}

// By the mount option hidepid=1 of proc(5), from all but root.
bool is_hidden(const Error& error) {
  return error.number == EPERM || error.number == EACCES;
}

// proc_tid_children(5)
Status add_children_of(pid_t pid, std::vector<pid_t>& children) {
  auto directory = sys::open_directory_at(AT_FDCWD, fmt::format("/proc/{}/task", pid));
  if (!directory) return directory.error();
  auto threads = sys::list_directories(directory->get());
  if (!threads) return threads.error();
  for (const auto& thread : *threads) {
    auto content = sys::read_file_at(directory->get(), thread + "/children");
    if (!content && is_gone(content.error())) continue;
    if (!content) return content.error();
    for (const auto word : split(*content, ' '))
      if (const auto child = parse_number<pid_t>(word)) children.push_back(*child);
  }
  return Done{};
}

}  // namespace

DescendantScan::Source DescendantScan::source_here() {
  static const bool has_children_files =
      sys::open_at(AT_FDCWD, fmt::format("/proc/self/task/{}/children", ::getpid()), O_RDONLY).ok();
  return has_children_files ? Source::children_files : Source::process_table;
}

DescendantScan::DescendantScan(pid_t ancestor, Source source)
    : ancestor_(ancestor), source_(source) {
  if (source == Source::children_files) return;
  processes_ = ::opendir("/proc");
  if (processes_ == nullptr) failure_ = Error{errno, "/proc", "list"};
}

DescendantScan::~DescendantScan() {
  if (processes_ != nullptr) ::closedir(processes_);
}

bool DescendantScan::advance() {
  if (!failure_) source_ == Source::children_files ? read_children_files() : read_process_table();
  return complete_ || failure_;
}

void DescendantScan::read_children_files() {
  std::vector<pid_t> parents{ancestor_};
  while (!parents.empty()) {
    const pid_t parent = parents.back();
    parents.pop_back();
    std::vector<pid_t> children;
    const auto added = add_children_of(parent, children);
    if (!added && !is_gone(added.error())) {
      failure_ = added.error();
      return;
    }
    for (const pid_t child : children)
      children_.emplace(parent, child);
    parents.insert(parents.end(), children.begin(), children.end());
  }
  complete_ = true;
}

void DescendantScan::read_process_table() {
  for (int i = 0; i < processes_in_a_slice; ++i) {
    errno = 0;
    const dirent* entry = ::readdir(processes_);
    if (entry == nullptr && errno != 0) failure_ = Error{errno, "/proc", "list"};
    complete_ = entry == nullptr;
    if (complete_) return;
    const auto pid = parse_number<pid_t>(entry->d_name);
    if (!pid) continue;
    const auto parent = parent_of(*pid);
    if (parent.ok()) {
      children_.emplace(*parent, *pid);
    } else if (!is_gone(parent.error()) && !is_hidden(parent.error())) {
      failure_ = parent.error();
      return;
    }
  }
}

Result<std::vector<Process>> DescendantScan::take() const {
  if (failure_) return *failure_;
  std::vector<Process> found;
  std::vector<pid_t> parents{ancestor_};
  while (!parents.empty()) {
    const pid_t parent = parents.back();
    parents.pop_back();
    const auto [first, last] = children_.equal_range(parent);
    for (auto each = first; each != last; ++each) {
      auto child = Process::open(each->second);
      if (!child && is_gone(child.error())) continue;
      if (!child) return child.error();
      const auto details = child->details();
      if (!details && !is_gone(details.error())) return details.error();
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
    if (!parent && !is_gone(parent.error())) return parent.error();
    pid = parent.ok() ? *parent : 0;  // gone meanwhile: nobody's child any more
  }
  return false;
}

}  // namespace reeve::process
