// A process that cannot be mistaken for another: its pidfd with the numbers that name it elsewhere.
// This is the one place that opens a pidfd and the one that signals through one.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>

#include "base/fd.hpp"
#include "base/result.hpp"

namespace reeve::process {

// What of a process can be written down and recognised later within the same boot.
struct Identity {
  pid_t pid = 0;
  std::uint64_t pidfd_id = 0;  // inode on pidfs (Linux 6.9), else 0
  std::uint64_t start_time =
      0;  // clock ticks since boot, proc_pid_stat(5); 0 where pidfd_id is known

  // Whether both name the same process; false whenever that cannot be told.
  [[nodiscard]] bool same_as(const Identity& other) const;
};

// The wait(2) status of a process that its parent has reaped, with how it came to be known.
struct ExitStatus {
  int wait_status = 0;
};

struct Details {
  char state = '?';  // proc_pid_stat(5): 'Z' is a zombie
  pid_t parent = 0;
  bool kernel_thread = false;
  uid_t real_user = 0, effective_user = 0, saved_user = 0;
  std::uint64_t start_time = 0;
};

class Process {
 public:
  Process() = default;
  // ESRCH where there is no such process any more, or `pid` names a thread that leads no process.
  static Result<Process> open(pid_t pid);
  // Takes over a pidfd that somebody else opened; EBADF if the descriptor is none.
  static Result<Process> adopt(FileDescriptor pidfd);
  // The same of one that reeve's own processes opened, which costs less (Linux 6.13).
  static Result<Process> adopt_own(FileDescriptor pidfd);
  // A child of this process, with the pidfd that clone(2) made of it.
  static Result<Process> of_child(pid_t pid, FileDescriptor pidfd);
  // The process that `recorded` was written for; ESRCH if it is gone and its pid names nobody or
  // somebody else.
  static Result<Process> reopen(const Identity& recorded);

  [[nodiscard]] const Identity& identity() const { return identity_; }
  [[nodiscard]] pid_t pid() const { return identity_.pid; }
  [[nodiscard]] int pidfd() const { return pidfd_.get(); }
  // Whether it names a process at all; one that does not is neither alive nor unreaped.
  explicit operator bool() const { return static_cast<bool>(pidfd_); }

  // Still in the process table, if only as a zombie: its pid is nobody else's.
  [[nodiscard]] bool is_unreaped() const;
  // Runs: neither a zombie nor gone.
  [[nodiscard]] bool is_alive() const;

  // From /proc, verified through the pidfd to be about this process. ESRCH if it was reaped.
  [[nodiscard]] Result<Details> details() const;
  // Path of its cgroup below the root of the reader's cgroup namespace, verified in the same way.
  [[nodiscard]] Result<std::string> control_group() const;
  // Of a zombie whose parent waits until it is told to reap it: nothing where the status is 0, or
  // hidden, which the kernel tells in the same way.
  [[nodiscard]] std::optional<ExitStatus> status_of_zombie() const;
  // Collects it if it is a child of this process, and dead: from then on its status is known.
  void reap();
  // Its parent, another process, has reaped it and told.
  void was_reaped(ExitStatus status) { reaped_ = status; }
  // The status its parent reaped: this process, or another from Linux 6.15 on. Nothing before it is
  // reaped, or where the kernel cannot tell.
  [[nodiscard]] std::optional<ExitStatus> exit_status() const;

  // Whether all its user ids are `user`'s, or `user` is root.
  [[nodiscard]] bool may_be_managed_by(uid_t user) const;

  [[nodiscard]] Status signal(int number) const;

 private:
  Process(Identity identity, FileDescriptor pidfd)
      : identity_(identity), pidfd_(std::move(pidfd)) {}
  [[nodiscard]] Error gone(const char* attempt) const;

  Identity identity_;
  FileDescriptor pidfd_;
  std::optional<ExitStatus> reaped_;
};

// The cgroup2 path of a process by bare pid: only for the asking process itself ("self") and PID 1.
Result<std::string> control_group_of(const std::string& process_directory);

// The id of this boot, 32 hexadecimal digits.
const std::string& boot_id();

}  // namespace reeve::process
