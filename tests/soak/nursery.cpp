#include "soak/nursery.hpp"

#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <array>
#include <chrono>
#include <cstring>

namespace reeve::test {

namespace {

struct Order {
  pid_t pid = 0;  // 0: bear one
  int signal = 0;
  std::array<char, 480> directory{};
};

[[noreturn]] void be_a_worker() {
  sigset_t awaited;
  sigemptyset(&awaited);
  sigaddset(&awaited, SIGUSR1);
  sigset_t blocked = awaited;
  ::sigprocmask(SIG_SETMASK, &blocked, nullptr);
  int signal = 0;
  while (::sigwait(&awaited, &signal) != 0) {
  }
  ::_exit(worker_exit_status);
}

Nursery::Born bear_here(const char* directory) {
  clone_args arguments{};
  arguments.exit_signal = SIGCHLD;
  FileDescriptor group;
  if (*directory != '\0') {
    group = FileDescriptor(::open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!group) return {-errno, 0};
    arguments.flags = CLONE_INTO_CGROUP;
    arguments.cgroup = static_cast<std::uint64_t>(group.get());
  }
  const auto begin = std::chrono::steady_clock::now();
  const auto pid = static_cast<pid_t>(::syscall(SYS_clone3, &arguments, sizeof arguments));
  if (pid == 0) be_a_worker();
  const std::chrono::nanoseconds took = std::chrono::steady_clock::now() - begin;
  return {pid < 0 ? -errno : pid, took.count()};
}

int nurse(int orders) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  sigset_t deaths;
  sigemptyset(&deaths);
  sigaddset(&deaths, SIGCHLD);
  // A worker that is signalled before it waits for it: blocked, it is not lost.
  sigaddset(&deaths, SIGUSR1);
  ::sigprocmask(SIG_BLOCK, &deaths, nullptr);
  sigdelset(&deaths, SIGUSR1);
  const FileDescriptor dead(::signalfd(-1, &deaths, SFD_CLOEXEC));
  std::array<pollfd, 2> entries{pollfd{orders, POLLIN, 0}, pollfd{dead.get(), POLLIN, 0}};
  for (;;) {
    if (::poll(entries.data(), entries.size(), -1) < 0) continue;
    if ((entries[1].revents & POLLIN) != 0) {
      signalfd_siginfo information;
      (void)!::read(dead.get(), &information, sizeof information);
      while (::waitpid(-1, nullptr, WNOHANG) > 0) {
      }
    }
    if (entries[0].revents == 0) continue;
    Order order;
    if (::recv(orders, &order, sizeof order, 0) != sizeof order) return 0;
    Nursery::Born answer;
    if (order.pid == 0)
      answer = bear_here(order.directory.data());
    else
      ::kill(order.pid, order.signal);
    (void)!::send(orders, &answer, sizeof answer, MSG_NOSIGNAL);
  }
}

}  // namespace

Nursery::Nursery() {
  std::array<int, 2> ends{};
  (void)::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data());
  orders_ = FileDescriptor(ends[0]);
  FileDescriptor its(ends[1]);
  process_ = Child::run([&] {
    orders_.reset();
    return nurse(its.get());
  });
}

Nursery::Born Nursery::bear(const std::string& directory) {
  Order order;
  directory.copy(order.directory.data(), order.directory.size() - 1);
  Born born;
  (void)!::send(orders_.get(), &order, sizeof order, MSG_NOSIGNAL);
  (void)!::recv(orders_.get(), &born, sizeof born, 0);
  return born;
}

void Nursery::signal(pid_t pid, int number) {
  Order order;
  order.pid = pid;
  order.signal = number;
  Born ignored;
  (void)!::send(orders_.get(), &order, sizeof order, MSG_NOSIGNAL);
  (void)!::recv(orders_.get(), &ignored, sizeof ignored, 0);
}

}  // namespace reeve::test
