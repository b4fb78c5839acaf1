#include "sys/probes.hpp"

#include <fcntl.h>
#include <linux/io_uring.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "base/fd.hpp"
#include "base/text.hpp"
#include "sys/calls.hpp"

namespace reeve::sys {

namespace {

FileDescriptor new_ring() {
  io_uring_params parameters{};
  parameters.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN;
  constexpr unsigned entries = 2;
  return FileDescriptor(static_cast<int>(syscall(SYS_io_uring_setup, entries, &parameters)));
}

bool bounds_workers() {
  const auto ring = new_ring();
  std::array<unsigned, 2> unchanged{};
  return syscall(SYS_io_uring_register, ring.get(), IORING_REGISTER_IOWQ_MAX_WORKERS,
                 unchanged.data(), unchanged.size()) == 0;
}

bool has_children_files() {
  return ::access(("/proc/self/task/" + std::to_string(::getpid()) + "/children").c_str(), F_OK) ==
         0;
}

bool tells_peers_pidfd() {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) < 0) return false;
  const FileDescriptor one(ends[0]), other(ends[1]);
  return static_cast<bool>(FileDescriptor(peer_pidfd(one.get())));
}

bool tells_exit_status() {
  auto child = fork_child();
  if (!child) return false;
  if (child->pid == 0) ::_exit(0);
  ::waitpid(child->pid, nullptr, 0);
  PidfdInfo information;
  return pidfd_get_info(child->pidfd.get(), pidfd_info_exit, information) == 0 &&
         (information.mask & pidfd_info_exit) != 0;
}

// Of the cgroup this process is in, if it has the controller.
std::optional<bool> has_file(const std::string& name) {
  const auto controller = name.substr(0, name.find('.'));
  const auto place = read_file_at(AT_FDCWD, "/proc/self/cgroup");
  const auto mounts = read_file_at(AT_FDCWD, "/proc/self/mounts");
  if (!place || !mounts) return std::nullopt;
  for (const auto mount : split(*mounts, '\n')) {
    const auto fields = split(mount, ' ');
    if (fields.size() < 3 || fields[2] != "cgroup2") continue;
    for (const auto line : split(*place, '\n')) {
      if (!line.starts_with("0::")) continue;
      const auto directory = std::string(fields[1]) + std::string(line.substr(3)) + "/";
      if (::access((directory + controller + ".current").c_str(), F_OK) < 0) return std::nullopt;
      return ::access((directory + name).c_str(), F_OK) == 0;
    }
  }
  return std::nullopt;
}

}  // namespace

int try_io_uring() {
  return new_ring() ? 0 : errno;
}

int try_pidfd() {
  const FileDescriptor pidfd(pidfd_open(::getpid()));
  return pidfd ? 0 : -pidfd_open(::getpid());
}

int try_clone3() {
  // Without arguments it fails with EINVAL where it is there.
  return syscall(SYS_clone3, nullptr, 0) < 0 && errno == EINVAL ? 0 : errno;
}

std::optional<bool> is_offered(Feature feature) {
  if (is_switched_off(feature)) return false;
  const FileDescriptor self(pidfd_open(::getpid()));
  PidfdInfo information;
  switch (feature) {
    case Feature::children_files:
      return has_children_files();
    case Feature::bounded_workers:
      return bounds_workers();
    case Feature::memory_peak:
      return has_file("memory.peak");
    case Feature::pids_peak:
      return has_file("pids.peak");
    case Feature::peer_pidfd:
      return tells_peers_pidfd();
    case Feature::pidfs:
      return pidfd_inode(self.get()) != 0;
    case Feature::pidfd_hangup:
      return pidfd_tells_reaping(self.get());
    case Feature::pidfd_info:
      return pidfd_get_info(self.get(), pidfd_info_credentials, information) == 0;
    case Feature::pidfd_exit:
      return tells_exit_status();
  }
  return std::nullopt;
}

}  // namespace reeve::sys
