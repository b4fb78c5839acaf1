// bare CGROUP COMMAND…: the least that has to be done to keep a command running, each time in a
// fresh cgroup below CGROUP. What died is looked after when the next one runs. This is what all
// others are measured by; it ends when it is killed.
#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

namespace {

struct Running {
  std::string directory;
  int pidfd = -1;
};

[[noreturn]] void fail(const char* what) {
  std::perror(what);
  std::exit(1);
}

// In line: a child that shares the stack must not return from the function that made it.
[[gnu::always_inline]] inline long clone3(clone_args& arguments) {
#if defined(__x86_64__)
  long result = SYS_clone3;
  asm volatile("syscall"
               : "+a"(result)
               : "D"(&arguments), "S"(sizeof arguments)
               : "rcx", "r11", "memory");
  return result;
#elif defined(__aarch64__)
  register long number asm("x8") = SYS_clone3;
  register auto result asm("x0") = reinterpret_cast<long>(&arguments);
  register long size asm("x1") = sizeof arguments;
  asm volatile("svc 0" : "+r"(result) : "r"(number), "r"(size) : "memory");
  return result;
#else
#error "say here how this processor makes a system call"
#endif
}

Running start(int control_group, unsigned number, char** command) {
  Running running{std::to_string(number)};
  if (::mkdirat(control_group, running.directory.c_str(), 0755) < 0) fail("mkdir");
  const int directory =
      ::openat(control_group, running.directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (directory < 0) fail("open");
  clone_args arguments{};
  arguments.flags = CLONE_VFORK | CLONE_VM | CLONE_PIDFD | CLONE_INTO_CGROUP;
  arguments.exit_signal = SIGCHLD;
  arguments.pidfd = reinterpret_cast<std::uint64_t>(&running.pidfd);
  arguments.cgroup = static_cast<std::uint64_t>(directory);
  const long pid = clone3(arguments);
  if (pid == 0) {
    ::execv(command[0], command);
    ::_exit(127);
  }
  if (pid < 0) {
    errno = static_cast<int>(-pid);
    fail("clone3");
  }
  ::close(directory);
  return running;
}

void clean_up(int control_group, const Running& dead) {
  siginfo_t information{};
  if (::waitid(static_cast<idtype_t>(P_PIDFD), static_cast<id_t>(dead.pidfd), &information,
               WEXITED) < 0)
    fail("waitid");
  ::close(dead.pidfd);
  if (::unlinkat(control_group, dead.directory.c_str(), AT_REMOVEDIR) < 0) fail("rmdir");
}

}  // namespace

int main(int count, char** arguments) {
  if (count < 3) return 2;
  const int control_group = ::open(arguments[1], O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (control_group < 0) fail(arguments[1]);
  unsigned number = 0;
  auto running = start(control_group, number, arguments + 2);
  for (;;) {
    pollfd death{running.pidfd, POLLIN, 0};
    if (::poll(&death, 1, -1) < 0) fail("poll");
    const auto dead = running;
    running = start(control_group, ++number, arguments + 2);
    clean_up(control_group, dead);
  }
}
