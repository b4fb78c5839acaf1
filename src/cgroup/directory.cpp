#include "cgroup/directory.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>

#include "base/text.hpp"
#include "sys/calls.hpp"

namespace reeve::cgroup {

namespace {
constexpr const char* record_attribute = "user.reeve";
constexpr std::string_view note_prefix = "user.reeve.";

std::string note_attribute(const std::string& name) {
  return std::string(note_prefix) + name;
}
}  // namespace

Result<Directory> Directory::open(const std::string& mount_point, const std::string& path) {
  auto fd = sys::open_directory_at(AT_FDCWD, mount_point + path);
  if (!fd) return fd.error();
  return Directory(std::move(*fd), path);
}

Result<Directory> Directory::open_child(const std::string& name) const {
  auto fd = sys::open_directory_at(descriptor(), name);
  if (!fd) return Error{fd.error().number, path_of(name), "open cgroup"};
  return Directory(std::move(*fd), path_of(name));
}

std::uint64_t Directory::id() const {
  return sys::inode_of(descriptor());
}

Result<std::vector<std::string>> Directory::children() const {
  auto names = sys::list_directories(descriptor());
  if (!names) names.error().object = path_;
  return names;
}

Result<std::vector<pid_t>> Directory::processes() const {
  auto content = sys::read_file_at(descriptor(), "cgroup.procs");
  if (!content) return Error{content.error().number, path_ + "/cgroup.procs", "read"};
  std::vector<pid_t> pids;
  for (const auto line : split(*content, '\n'))
    if (const auto pid = parse_number<pid_t>(line); pid && *pid > 0) pids.push_back(*pid);
  return pids;
}

std::vector<pid_t> Directory::processes_in_tree() const {
  std::vector<pid_t> pids;
  if (auto own = processes()) pids = std::move(*own);
  auto names = children();
  if (!names) return pids;
  for (const auto& name : *names) {
    auto child = open_child(name);
    if (!child) continue;
    const auto below = child->processes_in_tree();
    pids.insert(pids.end(), below.begin(), below.end());
  }
  return pids;
}

bool says_populated(std::string_view events) {
  return flat_value(events, "populated") == 1;
}

Result<bool> Directory::is_populated() const {
  auto events = sys::read_file_at(descriptor(), "cgroup.events");
  if (!events) return Error{events.error().number, path_ + "/cgroup.events", "read"};
  return says_populated(*events);
}

bool Directory::is_to_be_frozen() const {
  const auto content = sys::read_file_at(descriptor(), "cgroup.freeze");
  return content.ok() && trim(*content) == "1";
}

std::optional<std::int64_t> flat_value(std::string_view text, std::string_view key) {
  for (const auto line : split(text, '\n'))
    if (line.size() > key.size() && line.starts_with(key) && line[key.size()] == ' ')
      return parse_number<std::int64_t>(line.substr(key.size() + 1));
  return std::nullopt;
}

Usage Directory::usage() const {
  Usage usage;
  const auto number = [&](const char* file) -> std::optional<std::int64_t> {
    auto content = sys::read_file_at(descriptor(), file);
    if (!content) return std::nullopt;
    return parse_number<std::int64_t>(trim(*content));
  };
  if (auto processor = sys::read_file_at(descriptor(), "cpu.stat")) {
    if (const auto value = flat_value(*processor, "user_usec"))
      usage.processor_user.emplace(*value);
    if (const auto value = flat_value(*processor, "system_usec"))
      usage.processor_system.emplace(*value);
  }
  usage.tasks_peak = number("pids.peak");  // Linux 6.1
  usage.memory_current_bytes = number("memory.current");
  if (!usage.memory_current_bytes) return usage;    // there is no such controller
  usage.memory_peak_bytes = number("memory.peak");  // Linux 5.19
  if (auto events = sys::read_file_at(descriptor(), "memory.events"))
    usage.out_of_memory_kills = flat_value(*events, "oom_kill");
  return usage;
}

Result<std::string> Directory::record() const {
  auto record = sys::get_extended_attribute(descriptor(), record_attribute);
  if (!record) record.error().object = path_;
  return record;
}

Status Directory::write_record(const std::string& record) const {
  const int written = sys::set_extended_attribute(descriptor(), record_attribute, record);
  if (written < 0) return Error{-written, path_, "write the record of cgroup"};
  return Done{};
}

Status Directory::write_note(const std::string& name, const std::string& note) const {
  const int written = sys::set_extended_attribute(descriptor(), note_attribute(name).c_str(), note);
  if (written < 0) return Error{-written, path_, "write a note on cgroup"};
  return Done{};
}

void Directory::remove_note(const std::string& name) const {
  (void)sys::remove_extended_attribute(descriptor(), note_attribute(name).c_str());
}

Result<std::map<std::string, std::string>> Directory::notes() const {
  const auto attributes = sys::list_extended_attributes(descriptor());
  if (!attributes) return Error{attributes.error().number, path_, "read the notes on cgroup"};
  std::map<std::string, std::string> notes;
  for (const auto& attribute : *attributes) {
    if (!attribute.starts_with(note_prefix)) continue;
    auto note = sys::get_extended_attribute(descriptor(), attribute.c_str());
    if (!note) return Error{note.error().number, path_, "read the notes on cgroup"};
    notes.emplace(attribute.substr(note_prefix.size()), std::move(*note));
  }
  return notes;
}

std::optional<uid_t> Directory::user() const {
  struct stat status {};
  if (::fstat(descriptor(), &status) < 0) return std::nullopt;
  return status.st_uid;
}

Status Directory::copy_mode_of(const Directory& other) const {
  constexpr mode_t permissions = 07777;
  struct stat wanted {
  }, present{};
  if (::fstat(other.descriptor(), &wanted) < 0 || ::fstat(descriptor(), &present) < 0)
    return Error{errno, path_, "look at cgroup"};
  if ((wanted.st_mode & permissions) == (present.st_mode & permissions)) return Done{};
  if (::fchmod(descriptor(), wanted.st_mode & permissions) < 0)
    return Error{errno, path_, "set the mode of cgroup"};
  return Done{};
}

bool Directory::is_still_in(const Directory& parent, const std::string& name) const {
  const auto present = parent.open_child(name);
  return present.ok() && present->id() == id();
}

Result<FileDescriptor> Directory::open_file(const std::string& name, int flags) const {
  auto file = sys::open_at(descriptor(), name, flags);
  if (!file) return Error{file.error().number, path_ + "/" + name, "open"};
  return file;
}

Status Directory::lock() const {
  const int locked = sys::lock_exclusive(descriptor());
  if (locked < 0) return Error{-locked, path_, "lock cgroup"};
  return Done{};
}

}  // namespace reeve::cgroup
