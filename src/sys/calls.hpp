// Every system call that reeve's own logic depends on, one thin function each: the place to inject
// a fault, and the only place that knows numbers newer than the C library's headers. Each returns
// what the call returned, or -errno; those that can be interrupted are repeated.
#pragma once

#include <signal.h>
#include <sys/socket.h>
#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.hpp"
#include "base/result.hpp"

namespace reeve::sys {

// include/uapi/linux/pidfd.h of Linux 6.15, in its first published size.
struct PidfdInfo {
  std::uint64_t mask = 0;
  std::uint64_t control_group_id = 0;
  std::uint32_t pid = 0, thread_group = 0, parent = 0;
  std::uint32_t real_user = 0, real_group = 0, effective_user = 0, effective_group = 0;
  std::uint32_t saved_user = 0, saved_group = 0, file_user = 0, file_group = 0;
  std::int32_t exit_code = 0;
};
inline constexpr std::uint64_t pidfd_info_credentials = 1U << 1;    // Linux 6.13
inline constexpr std::uint64_t pidfd_info_control_group = 1U << 2;  // Linux 6.13
inline constexpr std::uint64_t pidfd_info_exit = 1U << 3;           // Linux 6.15

int pidfd_open(pid_t pid);
// Signal 0 asks whether the process is unreaped: -ESRCH once its parent has collected it.
int pidfd_send_signal(int pidfd, int signal);
// -ENOTTY, or -EINVAL, before Linux 6.13.
int pidfd_get_info(int pidfd, std::uint64_t mask, PidfdInfo& info);
// The inode on pidfs, unique until the next boot; 0 before Linux 6.9, where pidfds have none.
std::uint64_t pidfd_inode(int pidfd);
// Whether poll(2) will report POLLHUP when the process is reaped: from Linux 6.9 on.
bool pidfd_tells_reaping(int pidfd);

// A copy of this process, as fork(2) makes one, with a pidfd for the parent; pid 0 in the child.
// The child is to be single-threaded: nothing else is told that there are two now.
struct Forked {
  pid_t pid = 0;
  FileDescriptor pidfd;
};
Result<Forked> fork_child();
// The same, born in a cgroup (Linux 5.7). The pid, 0 in the child, or -errno.
int clone_into(int control_group, int& pidfd);
// Collects a child that is dead: its wait(2) status, -EAGAIN while it lives, -ECHILD if it is no
// child of this process.
int reap(int pidfd, int& wait_status);

Result<FileDescriptor> open_at(int directory, const std::string& path, int flags);
Result<FileDescriptor> open_directory_at(int directory, const std::string& path);
// The whole file, read with pread(2) from its start. EFBIG beyond `maximum` bytes.
Result<std::string> read_all(int fd, std::size_t maximum = 1U << 26);
Result<std::string> read_file_at(int directory, const std::string& path);
Status write_file_at(int directory, const std::string& path, std::string_view content);
// Names of the sub-directories, without "." and "..".
Result<std::vector<std::string>> list_directories(int directory);
// Of all that is in it.
Result<std::vector<std::string>> list_names(int directory);

int make_directory_at(int directory, const std::string& path, mode_t mode);
int remove_directory_at(int directory, const std::string& path);
int set_extended_attribute(int fd, const char* name, std::string_view value);
// -ENODATA where there is none.
Result<std::string> get_extended_attribute(int fd, const char* name);
int remove_extended_attribute(int fd, const char* name);
Result<std::vector<std::string>> list_extended_attributes(int fd);
// A flock(2) that ends with the open file description; -EWOULDBLOCK if it is held.
int lock_exclusive(int fd);
int lock_shared(int fd);
std::uint64_t inode_of(int fd);

int accept_connection(int listener);
// Sends what fits without blocking; `descriptors` go with the first byte.
ssize_t send_bytes(int socket, std::string_view bytes, std::span<const int> descriptors = {});
struct Received {
  std::size_t bytes = 0;
  std::vector<FileDescriptor> descriptors;
  bool descriptors_truncated = false;
  // Of a socket that asks for them: see ask_for_senders().
  std::optional<ucred> sender;
  FileDescriptor sender_pidfd;
};
// Receives what is there without blocking; `bytes` is 0 at the end of the stream.
int receive_bytes(int socket, std::span<char> buffer, Received& received);
// Credentials, and a pidfd from Linux 6.5 on, with each message that receive_with_sender()
// receives.
int ask_for_senders(int socket);
int receive_with_sender(int socket, std::span<char> buffer, Received& received);
int peer_credentials(int socket, ucred& credentials);
// The supplementary groups the peer had when it connected.
std::vector<gid_t> peer_groups(int socket);
// -ENOPROTOOPT before Linux 6.5; -ESRCH or -ENODATA for a peer that is gone.
int peer_pidfd(int socket);

// A signalfd(2) for signals that are blocked by this call.
Result<FileDescriptor> signal_descriptor(std::span<const int> signals);
// The next pending signal's number, or -EAGAIN.
int read_signal(int fd);

// An epoll(7) instance that becomes readable when `fd` has one of `events`, or an error, or was
// hung up on both sides. Unlike io_uring's own poll it takes no notice of EPOLLRDHUP.
Result<FileDescriptor> readiness_of(int fd, short events);

// POLLIN, POLLPRI, POLLHUP… that hold at this moment, without waiting.
short poll_now(int fd, short events);
// For those who may block: whether there is something to read before CLOCK_MONOTONIC reaches the
// deadline, if there is one.
bool await_readable(int fd, std::optional<std::chrono::microseconds> deadline);

}  // namespace reeve::sys
