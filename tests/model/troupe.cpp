#include "model/troupe.hpp"

#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "model/difference.hpp"
#include "process/process.hpp"
#include "support/processes.hpp"
#include "sys/calls.hpp"

namespace reeve::model {

namespace {

int in_milliseconds(std::chrono::seconds time) {
  return 1000 * static_cast<int>(time.count());
}

// What they are told, as real-time signals with a value: those are queued and carry a number.
enum Order { to_exit, to_fork, to_connect };
int signal_of(int order) {
  return SIGRTMIN + 1 + order;
}

sigset_t orders() {
  sigset_t set;
  sigemptyset(&set);
  for (const int order : {to_exit, to_fork, to_connect})
    sigaddset(&set, signal_of(order));
  return set;
}

// The value of to_fork: how the child is to be.
constexpr int ignoring = 1 << 30;
constexpr int as_nobody = 1 << 29;

int connected(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) return fd;
  ::close(fd);
  return -1;
}

void say(const Troupe::Note& note, int fd = -1) {
  const std::string_view bytes(reinterpret_cast<const char*>(&note), sizeof note);
  (void)sys::send_bytes(0, bytes, fd < 0 ? std::span<const int>() : std::span(&fd, 1));
}

// What a process of the troupe does, all its life, with the mouth as its descriptor 0.
[[noreturn]] void perform_for(const std::string& socket) {
  const auto set = orders();
  for (;;) {
    siginfo_t information{};
    const int number = sigwaitinfo(&set, &information);
    const int value = information.si_value.sival_int;
    if (number == signal_of(to_exit)) ::_exit(value);
    if (number == signal_of(to_connect)) {
      const int fd = connected(socket);
      say({value, 0}, fd);
      ::close(fd);
    }
    if (number == signal_of(to_fork)) {
      if (::fork() != 0) continue;
      ::signal(SIGTERM, (value & ignoring) != 0 ? SIG_IGN : SIG_DFL);
      if ((value & as_nobody) != 0) (void)!::setresuid(65534, 65534, 65534);
      say({value & ~(ignoring | as_nobody), ::getpid()});
    }
  }
}

constexpr std::string_view performing = "--perform";

// Those that reeved starts execute this program: before it is what it usually is.
[[gnu::constructor]] void be_one_of_them(int count, char** arguments) {
  if (count != 5 || arguments[1] != performing) return;
  const auto set = orders();
  ::sigprocmask(SIG_BLOCK, &set, nullptr);
  if (std::string_view(arguments[4]) == "ignoring") ::signal(SIGTERM, SIG_IGN);
  ::close_range(1, ~0U, 0);
  say({std::atoi(arguments[2]), ::getpid()});
  perform_for(arguments[3]);
}

}  // namespace

std::vector<std::string> Troupe::command(int key, const std::string& socket, bool ignores_term) {
  return {"/proc/" + std::to_string(::getpid()) + "/exe", std::string(performing),
          std::to_string(key), socket, ignores_term ? "ignoring" : "heeding"};
}

void Troupe::enlist(int key, pid_t pid) {
  (void)await_note(key);
  join(key, pid, FileDescriptor(sys::pidfd_open(pid)));
}

Troupe::Troupe(std::string socket) : socket_(std::move(socket)) {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) < 0)
    throw Difference("cannot make a socket pair");
  ear_ = FileDescriptor(ends[0]);
  mouth_ = FileDescriptor(ends[1]);
  // Blocked here already, so that none is early.
  const auto set = orders();
  sigprocmask(SIG_BLOCK, &set, nullptr);
}

Troupe::~Troupe() {
  (void)dissolve();
}

void Troupe::perform() {
  ::dup2(mouth_.get(), 0);
  ::close_range(1, ~0U, 0);
  perform_for(socket_);
}

ProcessId Troupe::join(int key, pid_t pid, FileDescriptor pidfd) {
  const auto inode = static_cast<std::int64_t>(sys::pidfd_inode(pidfd.get()));
  members_[key] = {pid, std::move(pidfd), false};
  return {pid, inode, process::boot_id()};
}

std::optional<ProcessId> Troupe::spawn(int key, const Role& role) {
  FileDescriptor group;
  clone_args arguments{};
  int pidfd = -1;
  pid_t wanted = role.pid;
  arguments.flags = CLONE_PIDFD;
  arguments.pidfd = reinterpret_cast<std::uint64_t>(&pidfd);
  arguments.exit_signal = SIGCHLD;
  if (wanted != 0) {
    arguments.set_tid = reinterpret_cast<std::uint64_t>(&wanted);
    arguments.set_tid_size = 1;
  }
  if (!role.born_in.empty()) {
    group = FileDescriptor(::open(role.born_in.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!group) return std::nullopt;
    arguments.flags |= CLONE_INTO_CGROUP;
    arguments.cgroup = static_cast<std::uint64_t>(group.get());
  }
  // Inherited: there is no moment in which it would die of it.
  const auto before = ::signal(SIGTERM, role.ignores_term ? SIG_IGN : SIG_DFL);
  const auto pid = static_cast<pid_t>(syscall(SYS_clone3, &arguments, sizeof arguments));
  if (pid == 0) {
    if (role.user == 0) perform();
    (void)!::setresuid(role.user, role.user, role.user);
    const Note note{key, ::getpid()};
    (void)!::send(mouth_.get(), &note, sizeof note, 0);
    perform();
  }
  ::signal(SIGTERM, before);
  if (pid < 0) return std::nullopt;
  if (role.user != 0) (void)await_note(key);
  return join(key, pid, FileDescriptor(pidfd));
}

void Troupe::tell(int key, int order, int value) {
  siginfo_t information{};
  information.si_signo = signal_of(order);
  information.si_code = SI_QUEUE;
  information.si_value.sival_int = value;
  if (syscall(SYS_pidfd_send_signal, pidfd(key), signal_of(order), &information, 0) < 0)
    throw Difference("a process that should live cannot be told anything: " + errno_name(errno));
}

// One that reeved started, and killed as it could not record it, may have spoken meanwhile.
Troupe::Note Troupe::await_note(int token, FileDescriptor* passed) {
  Note note;
  sys::Received received;
  do {
    pollfd entry{ear_.get(), POLLIN, 0};
    if (::poll(&entry, 1, in_milliseconds(patience)) != 1)
      throw Difference("a process that should live is silent");
    received.descriptors.clear();
    std::array<char, sizeof note> buffer{};
    (void)sys::receive_bytes(ear_.get(), buffer, received);
    std::memcpy(&note, buffer.data(), sizeof note);
  } while (note.token != token);
  if (passed != nullptr && !received.descriptors.empty())
    *passed = std::move(received.descriptors.front());
  return note;
}

ProcessId Troupe::fork(int parent, int key, const Role& role) {
  tell(parent, to_fork,
       key | (role.ignores_term ? ignoring : 0) | (role.user != 0 ? as_nobody : 0));
  const auto note = await_note(key);
  return join(key, note.pid, FileDescriptor(sys::pidfd_open(note.pid)));
}

FileDescriptor Troupe::connect(int key) {
  FileDescriptor connection;
  if (key == 0) {
    connection = FileDescriptor(connected(socket_));
  } else {
    tell(key, to_connect, key);
    (void)await_note(key, &connection);
  }
  if (!connection) throw Difference("reeved cannot be connected to");
  return connection;
}

void Troupe::exit(int key, int code) {
  tell(key, to_exit, code);
}

void Troupe::signal(int key, int number) {
  (void)syscall(SYS_pidfd_send_signal, pidfd(key), number, nullptr, 0);
}

bool Troupe::is_alive(int key) const {
  pollfd entry{pidfd(key), POLLIN, 0};
  return ::poll(&entry, 1, 0) == 0;
}

bool Troupe::await_death(int key) const {
  pollfd entry{pidfd(key), POLLIN, 0};
  return ::poll(&entry, 1, in_milliseconds(patience)) == 1;
}

int Troupe::reap(int key) {
  auto& member = members_.at(key);
  int status = 0;
  const auto reaped = ::waitpid(member.pid, &status, 0);
  if (reaped < 0 && errno == ECHILD) {
    // A child of reeved's spawner; the kernel tells its status to others, too. It comes to this
    // program if the spawner, which ends after a reeved that was killed, is gone before it reaps.
    sys::PidfdInfo information;
    const auto is_over = [&] {
      if (::waitpid(member.pid, &status, WNOHANG) == member.pid) return true;
      if (sys::pidfd_get_info(pidfd(key), sys::pidfd_info_exit, information) != 0 ||
          (information.mask & sys::pidfd_info_exit) == 0)
        return false;
      status = information.exit_code;
      return true;
    };
    if (!test::eventually(is_over))
      throw Difference("nobody reaps process " + std::to_string(member.pid));
    member.is_reaped = true;
    return status;
  }
  if (reaped != member.pid)
    throw Difference("process " + std::to_string(member.pid) +
                     " cannot be reaped: " + errno_name(errno));
  member.is_reaped = true;
  return status;
}

std::string Troupe::control_group_of(int key) const {
  return test::control_group_of(members_.at(key).pid);
}

bool Troupe::dissolve() {
  mouth_.reset();
  for (auto& [key, member] : members_)
    if (!member.is_reaped) signal(key, SIGKILL);
  // Those of a parent that lived until now come to this program when it has died.
  for (auto& [key, member] : members_) {
    if (member.is_reaped) continue;
    (void)await_death(key);
  }
  for (auto& [key, member] : members_)
    if (!std::exchange(member.is_reaped, true)) (void)::waitpid(member.pid, nullptr, 0);
  members_.clear();
  pollfd entry{ear_.get(), 0, 0};
  return ::poll(&entry, 1, in_milliseconds(patience)) == 1 && (entry.revents & POLLHUP) != 0;
}

}  // namespace reeve::model
