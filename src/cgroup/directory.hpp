// One cgroup, held by an open directory: what is read and written below it concerns this cgroup and
// no other that may come to bear its path. Documented in the kernel's cgroup-v2.rst.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/fd.hpp"
#include "base/result.hpp"
#include "reeve/types.hpp"

namespace reeve::cgroup {

// Copies share the descriptor.
class Directory {
 public:
  Directory() = default;
  // `path` is for messages and for comparing with /proc/PID/cgroup: below the mount.
  static Result<Directory> open(const std::string& mount_point, const std::string& path);
  [[nodiscard]] Result<Directory> open_child(const std::string& name) const;

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] std::string path_of(const std::string& child) const {
    return path_ == "/" ? "/" + child : path_ + "/" + child;
  }
  [[nodiscard]] int descriptor() const { return fd_ ? fd_->get() : -1; }
  [[nodiscard]] const SharedDescriptor& shared_descriptor() const { return fd_; }
  // The kernel's number for this cgroup, never used again until the next boot.
  [[nodiscard]] std::uint64_t id() const;
  explicit operator bool() const { return fd_ != nullptr; }

  [[nodiscard]] Result<std::vector<std::string>> children() const;
  // Of this cgroup alone, without those below; a zombie is in none.
  [[nodiscard]] Result<std::vector<pid_t>> processes() const;
  // Of this cgroup and all below it. A cgroup that is gone holds none.
  [[nodiscard]] std::vector<pid_t> processes_in_tree() const;
  // Whether it or any below holds a process, from cgroup.events.
  [[nodiscard]] Result<bool> is_populated() const;
  // Whether cgroup.freeze says so: it may be on its way there.
  [[nodiscard]] bool is_to_be_frozen() const;
  [[nodiscard]] Usage usage() const;

  // The record of reeve: the extended attribute user.reeve (Linux 5.9). ENODATA where there is
  // none.
  [[nodiscard]] Result<std::string> record() const;
  [[nodiscard]] Status write_record(const std::string& record) const;
  // Notes beside the record, each an extended attribute user.reeve.NAME of its own.
  [[nodiscard]] Status write_note(const std::string& name, const std::string& note) const;
  void remove_note(const std::string& name) const;
  [[nodiscard]] Result<std::map<std::string, std::string>> notes() const;

  // Whose it is: who may make and remove cgroups in it. Nothing where that cannot be told.
  [[nodiscard]] std::optional<uid_t> user() const;
  // So that those below this cgroup are shown to the same users.
  [[nodiscard]] Status copy_mode_of(const Directory& other) const;

  // For operations on the loop.
  [[nodiscard]] Result<FileDescriptor> open_file(const std::string& name, int flags) const;
  // EWOULDBLOCK where another daemon has it. Ends with the last copy of this object, or with the
  // daemon.
  [[nodiscard]] Status lock() const;
  // Whether this cgroup still bears its name in `parent`, and was not removed.
  [[nodiscard]] bool is_still_in(const Directory& parent, const std::string& name) const;

 private:
  Directory(FileDescriptor fd, std::string path)
      : fd_(std::make_shared<const FileDescriptor>(std::move(fd))), path_(std::move(path)) {}

  SharedDescriptor fd_;
  std::string path_;
};

// Whether cgroup.events, as text, says "populated 1".
bool says_populated(std::string_view events);

// The first number after `key` in a flat keyed file such as cpu.stat.
std::optional<std::int64_t> flat_value(std::string_view text, std::string_view key);

}  // namespace reeve::cgroup
