#include "sys/suspended_clone.hpp"

#include <linux/sched.h>
#include <sys/syscall.h>

#include <cerrno>
#include <cstdint>
#include <type_traits>

namespace reeve::sys {

namespace {

// Not syscall(2): the child runs on the same stack, and what it calls there would overwrite the
// address that this process has still to return to.
#if defined(__x86_64__)
constexpr bool is_known = true;
[[gnu::always_inline]] inline long call(clone_args& arguments) {
  long result = SYS_clone3;
  asm volatile("syscall"
               : "+a"(result)
               : "D"(&arguments), "S"(sizeof arguments)
               : "rcx", "r11", "memory");
  return result;
}
#elif defined(__aarch64__)
constexpr bool is_known = true;
[[gnu::always_inline]] inline long call(clone_args& arguments) {
  register long number asm("x8") = SYS_clone3;
  register auto first asm("x0") = reinterpret_cast<long>(&arguments);
  register long second asm("x1") = sizeof arguments;
  asm volatile("svc #0" : "+r"(first) : "r"(number), "r"(second) : "memory");
  return first;
}
#else
constexpr bool is_known = false;
inline long call(clone_args&) {
  return -ENOSYS;
}
#endif

}  // namespace

bool can_clone_suspended() {
  return is_known;
}

// The child calls `body` and nothing else: of this frame it writes nothing.
[[gnu::noinline]] int clone_suspended(int control_group, int& pidfd, void (*body)(void*),
                                      void* data) {
  static clone_args arguments;
  arguments = {};
  arguments.flags = CLONE_PIDFD | CLONE_INTO_CGROUP | CLONE_VM | CLONE_VFORK | CLONE_PARENT;
  arguments.pidfd = reinterpret_cast<std::uint64_t>(&pidfd);
  arguments.cgroup = static_cast<std::uint64_t>(control_group);
  const long result = call(arguments);
  if (result == 0) {
    body(data);
    __builtin_trap();
  }
  return result < 0 ? static_cast<int>(result) : 0;
}

}  // namespace reeve::sys
