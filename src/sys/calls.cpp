#include "sys/calls.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>

#include "base/clock.hpp"
#include "base/test_hooks.hpp"
#include "sys/features.hpp"

#ifndef SO_PASSPIDFD
#define SO_PASSPIDFD 76
#define SCM_PIDFD 0x04
#endif
#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77
#endif

namespace reeve::sys {

namespace {

constexpr long pidfs_magic = 0x50494446;          // PID_FS_MAGIC of linux/magic.h, Linux 6.9
constexpr std::size_t descriptors_at_most = 253;  // SCM_MAX_FD of net/scm.h

template <class Call>
auto without_interruption(Call call) {
  for (;;) {
    const auto returned = call();
    if (returned >= 0) return returned;
    if (errno != EINTR) return static_cast<decltype(returned)>(-errno);
  }
}

struct CloseDirectory {
  void operator()(DIR* directory) const { ::closedir(directory); }
};

bool is_on_pidfs(int fd) {
  struct statfs filesystem {};
  return fstatfs(fd, &filesystem) == 0 && filesystem.f_type == pidfs_magic;
}

}  // namespace

int pidfd_open(pid_t pid) {
  if (const int fault = injected_fault({EMFILE, ENFILE, ENOMEM})) return fault;
  return static_cast<int>(without_interruption([=] { return syscall(SYS_pidfd_open, pid, 0); }));
}

int pidfd_send_signal(int pidfd, int signal) {
  return static_cast<int>(without_interruption(
      [=] { return syscall(SYS_pidfd_send_signal, pidfd, signal, nullptr, 0); }));
}

int pidfd_get_info(int pidfd, std::uint64_t mask, PidfdInfo& info) {
  static_assert(sizeof(PidfdInfo) == 64, "PIDFD_INFO_SIZE_VER0 of the kernel's header");
  if (is_switched_off(Feature::pidfd_info)) return -ENOTTY;
  if (is_switched_off(Feature::pidfd_exit)) mask &= ~pidfd_info_exit;
  info.mask = mask;
  return without_interruption([&] { return ioctl(pidfd, _IOWR(0xFF, 11, PidfdInfo), &info); });
}

std::uint64_t pidfd_inode(int pidfd) {
  if (is_switched_off(Feature::pidfs) || !is_on_pidfs(pidfd)) return 0;
  return inode_of(pidfd);
}

// Both came with the same version, and nothing else tells of it before it happens.
bool pidfd_tells_reaping(int pidfd) {
  return !is_switched_off(Feature::pidfd_hangup) && is_on_pidfs(pidfd);
}

Result<Forked> fork_child() {
  int pidfd = -1;
  clone_args arguments{};
  arguments.flags = CLONE_PIDFD;
  arguments.pidfd = reinterpret_cast<std::uint64_t>(&pidfd);
  arguments.exit_signal = SIGCHLD;
  const auto pid = static_cast<pid_t>(syscall(SYS_clone3, &arguments, sizeof arguments));
  if (pid < 0) return Error{errno, {}, "fork"};
  return Forked{pid, FileDescriptor(pidfd)};
}

int clone_into(int control_group, int& pidfd) {
  clone_args arguments{};
  arguments.flags = CLONE_PIDFD | CLONE_INTO_CGROUP;
  arguments.exit_signal = SIGCHLD;
  arguments.pidfd = reinterpret_cast<std::uint64_t>(&pidfd);
  arguments.cgroup = static_cast<std::uint64_t>(control_group);
  return static_cast<int>(
      without_interruption([&] { return syscall(SYS_clone3, &arguments, sizeof arguments); }));
}

int reap(int pidfd, int& wait_status) {
  siginfo_t information{};
  const int waited = without_interruption([&] {
    return ::waitid(static_cast<idtype_t>(P_PIDFD), static_cast<id_t>(pidfd), &information,
                    WEXITED | WNOHANG);
  });
  if (waited < 0) return waited;
  if (information.si_pid == 0) return -EAGAIN;
  // As wait(2) would have told it.
  wait_status = information.si_code == CLD_EXITED   ? information.si_status << 8
                : information.si_code == CLD_DUMPED ? information.si_status | 0x80
                                                    : information.si_status;
  return 0;
}

Result<FileDescriptor> open_at(int directory, const std::string& path, int flags) {
  if (const int fault = injected_fault({EMFILE, ENFILE, ENOMEM}))
    return Error{-fault, path, "open"};
  if (is_file_switched_off(path)) return Error{ENOENT, path, "open"};
  const int fd = without_interruption(
      [&] { return ::openat(directory, path.c_str(), flags | O_CLOEXEC | O_NOCTTY, 0644); });
  if (fd < 0) return Error{-fd, path, "open"};
  return FileDescriptor(fd);
}

Result<FileDescriptor> open_directory_at(int directory, const std::string& path) {
  return open_at(directory, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
}

Result<std::string> read_all(int fd, std::size_t maximum) {
  if (const int fault = injected_fault({ENOMEM})) return Error{-fault, {}, "read"};
  std::string content;
  std::array<char, 4096> buffer;
  for (;;) {
    const auto length = without_interruption([&] {
      return ::pread(fd, buffer.data(), buffer.size(), static_cast<off_t>(content.size()));
    });
    if (length < 0) return Error{static_cast<int>(-length), {}, "read"};
    if (length == 0) return content;
    content.append(buffer.data(), static_cast<std::size_t>(length));
    if (content.size() > maximum) return Error{EFBIG, {}, "read"};
  }
}

Result<std::string> read_file_at(int directory, const std::string& path) {
  auto file = open_at(directory, path, O_RDONLY);
  if (!file) return file.error();
  auto content = read_all(file->get());
  if (!content) content.error().object = path;
  return content;
}

Status write_file_at(int directory, const std::string& path, std::string_view content) {
  auto file = open_at(directory, path, O_WRONLY);
  if (!file) return file.error();
  const auto written =
      without_interruption([&] { return ::write(file->get(), content.data(), content.size()); });
  if (written < 0) return Error{static_cast<int>(-written), path, "write"};
  return Done{};
}

namespace {

Result<std::vector<std::string>> list(int directory, bool only_directories) {
  auto own = open_directory_at(directory, ".");
  if (!own) return own.error();
  const std::unique_ptr<DIR, CloseDirectory> stream(::fdopendir(own->get()));
  if (!stream) return Error{errno, {}, "list directory"};
  (void)own->release();  // closedir(3) closes it
  std::vector<std::string> names;
  for (;;) {
    errno = 0;
    const dirent* entry = ::readdir(stream.get());
    if (entry == nullptr) {
      if (errno != 0) return Error{errno, {}, "list directory"};
      return names;
    }
    const std::string_view name = entry->d_name;
    if (only_directories && entry->d_type != DT_DIR) continue;
    if (name != "." && name != "..") names.emplace_back(name);
  }
}

}  // namespace

Result<std::vector<std::string>> list_directories(int directory) {
  return list(directory, true);
}

Result<std::vector<std::string>> list_names(int directory) {
  return list(directory, false);
}

int make_directory_at(int directory, const std::string& path, mode_t mode) {
  if (const int fault = injected_fault({ENOMEM, EAGAIN})) return fault;
  return without_interruption([&] { return ::mkdirat(directory, path.c_str(), mode); });
}

int remove_directory_at(int directory, const std::string& path) {
  return without_interruption([&] { return ::unlinkat(directory, path.c_str(), AT_REMOVEDIR); });
}

int set_extended_attribute(int fd, const char* name, std::string_view value) {
  if (const int fault = injected_fault({ENOSPC, ENOMEM})) return fault;
  return without_interruption([&] { return ::fsetxattr(fd, name, value.data(), value.size(), 0); });
}

Result<std::string> get_extended_attribute(int fd, const char* name) {
  if (const int fault = injected_fault({ENOMEM}))
    return Error{-fault, name, "read extended attribute"};
  std::string value(1024, '\0');
  for (;;) {
    const auto length =
        without_interruption([&] { return ::fgetxattr(fd, name, value.data(), value.size()); });
    if (length >= 0) {
      value.resize(static_cast<std::size_t>(length));
      return value;
    }
    constexpr std::size_t largest = 65536;  // XATTR_SIZE_MAX of linux/limits.h
    if (length != -ERANGE || value.size() >= largest)
      return Error{static_cast<int>(-length), name, "read extended attribute"};
    value.resize(largest);
  }
}

int remove_extended_attribute(int fd, const char* name) {
  return without_interruption([=] { return ::fremovexattr(fd, name); });
}

Result<std::vector<std::string>> list_extended_attributes(int fd) {
  std::string names(65536, '\0');  // XATTR_LIST_MAX of linux/limits.h
  const auto length =
      without_interruption([&] { return ::flistxattr(fd, names.data(), names.size()); });
  if (length < 0) return Error{static_cast<int>(-length), {}, "list extended attributes"};
  names.resize(static_cast<std::size_t>(length));
  std::vector<std::string> list;
  for (std::size_t begin = 0; begin < names.size(); begin += list.back().size() + 1)
    list.emplace_back(names.c_str() + begin);
  return list;
}

int lock_exclusive(int fd) {
  return without_interruption([=] { return ::flock(fd, LOCK_EX | LOCK_NB); });
}

int lock_shared(int fd) {
  return without_interruption([=] { return ::flock(fd, LOCK_SH | LOCK_NB); });
}

std::uint64_t inode_of(int fd) {
  struct stat status {};
  return ::fstat(fd, &status) < 0 ? 0 : status.st_ino;
}

int accept_connection(int listener) {
  if (const int fault = injected_fault({EMFILE, ENFILE, ENOMEM, ENOBUFS})) return fault;
  return without_interruption(
      [=] { return ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK); });
}

ssize_t send_bytes(int socket, std::string_view bytes, std::span<const int> descriptors) {
  if (const int fault = injected_fault({EAGAIN, ENOBUFS})) return fault;
  iovec part{const_cast<char*>(bytes.data()), bytes.size()};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  alignas(cmsghdr) std::array<char, CMSG_SPACE(descriptors_at_most * sizeof(int)) +
                                        CMSG_SPACE(sizeof(ucred)) + CMSG_SPACE(sizeof(int))>
      control;
  if (!descriptors.empty()) {
    message.msg_control = control.data();
    message.msg_controllen = CMSG_SPACE(descriptors.size_bytes());
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(descriptors.size_bytes());
    std::memcpy(CMSG_DATA(header), descriptors.data(), descriptors.size_bytes());
  }
  return without_interruption(
      [&] { return ::sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT); });
}

namespace {

int receive(int socket, std::span<char> buffer, std::span<char> control, Received& received) {
  if (const int fault = injected_fault({EAGAIN})) return fault;
  iovec part{buffer.data(), buffer.size()};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  const auto length = without_interruption(
      [&] { return ::recvmsg(socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC); });
  if (length < 0) return static_cast<int>(length);
  received.bytes = static_cast<std::size_t>(length);
  received.descriptors_truncated = (message.msg_flags & MSG_CTRUNC) != 0;
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr;
       header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET) continue;
    if (header->cmsg_type == SCM_CREDENTIALS)
      std::memcpy(&received.sender.emplace(), CMSG_DATA(header), sizeof(ucred));
    if (header->cmsg_type == SCM_PIDFD) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(header), sizeof fd);
      if (fd >= 0) received.sender_pidfd = FileDescriptor(fd);
    }
    if (header->cmsg_type != SCM_RIGHTS) continue;
    const auto count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(header) + i * sizeof(int), sizeof(int));
      received.descriptors.emplace_back(fd);
    }
  }
  return 0;
}

}  // namespace

int receive_bytes(int socket, std::span<char> buffer, Received& received) {
  alignas(cmsghdr) std::array<char, CMSG_SPACE(descriptors_at_most * sizeof(int))> control;
  return receive(socket, buffer, control, received);
}

int receive_with_sender(int socket, std::span<char> buffer, Received& received) {
  alignas(cmsghdr) std::array<char, CMSG_SPACE(descriptors_at_most * sizeof(int)) +
                                        CMSG_SPACE(sizeof(ucred)) + CMSG_SPACE(sizeof(int))>
      control;
  return receive(socket, buffer, control, received);
}

int ask_for_senders(int socket) {
  const int on = 1;
  if (::setsockopt(socket, SOL_SOCKET, SO_PASSCRED, &on, sizeof on) < 0) return -errno;
  if (!is_switched_off(Feature::peer_pidfd))
    (void)::setsockopt(socket, SOL_SOCKET, SO_PASSPIDFD, &on, sizeof on);
  return 0;
}

int peer_credentials(int socket, ucred& credentials) {
  socklen_t size = sizeof credentials;
  return ::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &size) < 0 ? -errno : 0;
}

std::vector<gid_t> peer_groups(int socket) {
  std::vector<gid_t> groups(16);
  for (;;) {
    auto size = static_cast<socklen_t>(groups.size() * sizeof(gid_t));
    const int got = ::getsockopt(socket, SOL_SOCKET, SO_PEERGROUPS, groups.data(), &size);
    if (got < 0 && errno != ERANGE) return {};
    groups.resize(size / sizeof(gid_t));
    if (got == 0) return groups;
  }
}

int peer_pidfd(int socket) {
  if (is_switched_off(Feature::peer_pidfd)) return -ENOPROTOOPT;
  int pidfd = -1;
  socklen_t size = sizeof pidfd;
  return ::getsockopt(socket, SOL_SOCKET, SO_PEERPIDFD, &pidfd, &size) < 0 ? -errno : pidfd;
}

Result<FileDescriptor> signal_descriptor(std::span<const int> signals) {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : signals)
    sigaddset(&set, signal);
  if (sigprocmask(SIG_BLOCK, &set, nullptr) < 0) return Error{errno, {}, "block signals"};
  const int fd = ::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
  if (fd < 0) return Error{errno, {}, "open a signalfd"};
  return FileDescriptor(fd);
}

int read_signal(int fd) {
  signalfd_siginfo information{};
  const auto length =
      without_interruption([&] { return ::read(fd, &information, sizeof information); });
  if (length < 0) return static_cast<int>(length);
  return static_cast<int>(information.ssi_signo);
}

Result<FileDescriptor> readiness_of(int fd, short events) {
  FileDescriptor readiness(::epoll_create1(EPOLL_CLOEXEC));
  epoll_event event{};
  event.events = static_cast<std::uint32_t>(events);
  if (!readiness || ::epoll_ctl(readiness.get(), EPOLL_CTL_ADD, fd, &event) < 0)
    return Error{errno, {}, "open an epoll instance"};
  return readiness;
}

short poll_now(int fd, short events) {
  pollfd entry{fd, events, 0};
  return ::poll(&entry, 1, 0) > 0 ? entry.revents : short{0};
}

bool await_readable(int fd, std::optional<std::chrono::microseconds> deadline) {
  pollfd entry{fd, POLLIN, 0};
  for (;;) {
    timespec rest{};
    if (deadline) {
      const auto left = std::max(*deadline - monotonic_now(), Microseconds{0});
      rest.tv_sec = left.count() / 1'000'000;
      rest.tv_nsec = left.count() % 1'000'000 * 1'000;
    }
    const int ready = ::ppoll(&entry, 1, deadline ? &rest : nullptr, nullptr);
    if (ready >= 0 || errno != EINTR) return ready != 0;
  }
}

}  // namespace reeve::sys
