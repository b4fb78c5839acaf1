// What a nursery runs: nursery SOCKET. Linked statically, and run from a file of its own
// (nursery.cpp), so that its workers share pages with nobody else's: a fork takes the locks of all
// that map the same pages, and is slow beside ten thousand of them.
#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "soak/orders.hpp"

namespace {

using reeve::test::Born;
using reeve::test::Order;

[[noreturn]] void be_a_worker() {
  sigset_t awaited;
  sigemptyset(&awaited);
  sigaddset(&awaited, SIGUSR1);
  ::sigprocmask(SIG_SETMASK, &awaited, nullptr);
  int signal = 0;
  while (::sigwait(&awaited, &signal) != 0) {
  }
  ::_exit(reeve::test::worker_exit_status);
}

std::int64_t nanoseconds_now() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1'000'000'000 + now.tv_nsec;
}

Born bear(const char* directory) {
  clone_args arguments{};
  arguments.exit_signal = SIGCHLD;
  int group = -1;
  if (*directory != '\0') {
    group = ::open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (group < 0) return {-errno, 0};
    arguments.flags = CLONE_INTO_CGROUP;
    arguments.cgroup = static_cast<std::uint64_t>(group);
  }
  const auto begin = nanoseconds_now();
  const auto pid = static_cast<pid_t>(::syscall(SYS_clone3, &arguments, sizeof arguments));
  if (pid == 0) be_a_worker();
  const Born born{pid < 0 ? -errno : pid, nanoseconds_now() - begin};
  if (group >= 0) ::close(group);
  return born;
}

}  // namespace

int main(int, char** arguments) {
  const int orders = std::atoi(arguments[1]);
  sigset_t deaths;
  sigemptyset(&deaths);
  sigaddset(&deaths, SIGCHLD);
  // A worker that is signalled before it waits for it: blocked, it is not lost.
  sigaddset(&deaths, SIGUSR1);
  ::sigprocmask(SIG_BLOCK, &deaths, nullptr);
  sigdelset(&deaths, SIGUSR1);
  const int dead = ::signalfd(-1, &deaths, SFD_CLOEXEC);
  std::array<pollfd, 2> entries{pollfd{orders, POLLIN, 0}, pollfd{dead, POLLIN, 0}};
  for (;;) {
    if (::poll(entries.data(), entries.size(), -1) < 0) continue;
    if ((entries[1].revents & POLLIN) != 0) {
      signalfd_siginfo information;
      (void)!::read(dead, &information, sizeof information);
      while (::waitpid(-1, nullptr, WNOHANG) > 0) {
      }
    }
    if (entries[0].revents == 0) continue;
    Order order;
    if (::recv(orders, &order, sizeof order, 0) != sizeof order) return 0;
    Born answer;
    if (order.pid == 0)
      answer = bear(order.directory.data());
    else
      ::kill(order.pid, order.signal);
    (void)!::send(orders, &answer, sizeof answer, MSG_NOSIGNAL);
  }
}
