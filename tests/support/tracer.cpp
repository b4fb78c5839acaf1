#include "support/tracer.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <map>
#include <new>
#include <stdexcept>
#include <thread>

#include "support/processes.hpp"

namespace reeve::test {

namespace {

constexpr std::uint64_t no_call = ~0ULL;

std::string name_of(std::uint64_t call) {
  static const std::map<std::uint64_t, const char*> names{
      {SYS_accept4, "accept4"},
      {SYS_bind, "bind"},
      {SYS_close, "close"},
      {SYS_connect, "connect"},
      {SYS_execve, "execve"},
      {SYS_faccessat2, "faccessat2"},
      {SYS_fchmodat, "fchmodat"},
      {SYS_fcntl, "fcntl"},
      {SYS_fgetxattr, "fgetxattr"},
      {SYS_flock, "flock"},
      {SYS_fsetxattr, "fsetxattr"},
      {SYS_fstatfs, "fstatfs"},
      {SYS_getdents64, "getdents64"},
      {SYS_getpid, "getpid"},
      {SYS_getrandom, "getrandom"},
      {SYS_getsockopt, "getsockopt"},
      {SYS_io_uring_enter, "io_uring_enter"},
      {SYS_io_uring_register, "io_uring_register"},
      {SYS_io_uring_setup, "io_uring_setup"},
      {SYS_ioctl, "ioctl"},
      {SYS_listen, "listen"},
      {SYS_mkdirat, "mkdirat"},
      {SYS_mmap, "mmap"},
      {SYS_mprotect, "mprotect"},
      {SYS_munmap, "munmap"},
      {SYS_newfstatat, "newfstatat"},
      {SYS_openat, "openat"},
      {SYS_pidfd_open, "pidfd_open"},
      {SYS_pidfd_send_signal, "pidfd_send_signal"},
      {SYS_ppoll, "ppoll"},
      {SYS_pread64, "pread64"},
      {SYS_prlimit64, "prlimit64"},
      {SYS_read, "read"},
      {SYS_readlinkat, "readlinkat"},
      {SYS_recvmsg, "recvmsg"},
      {SYS_rt_sigaction, "rt_sigaction"},
      {SYS_rt_sigprocmask, "rt_sigprocmask"},
      {SYS_sendmsg, "sendmsg"},
      {SYS_sendto, "sendto"},
      {SYS_signalfd4, "signalfd4"},
      {SYS_socket, "socket"},
      {SYS_umask, "umask"},
      {SYS_unlinkat, "unlinkat"},
      {SYS_write, "write"},
#ifdef __x86_64__
      {SYS_access, "access"},
      {SYS_chmod, "chmod"},
      {SYS_poll, "poll"},
      {SYS_unlink, "unlink"},
#endif
  };
  const auto found = names.find(call);
  return found == names.end() ? "system call " + std::to_string(call) : found->second;
}

void tell(const FileDescriptor& event) {
  const std::uint64_t one = 1;
  (void)!::write(event.get(), &one, sizeof one);
}

// Whether it was told before time was up, or something else became readable.
bool await(const FileDescriptor& event, std::chrono::milliseconds at_most, int instead = -1) {
  std::array<pollfd, 2> entries{pollfd{event.get(), POLLIN, 0}, pollfd{instead, POLLIN, 0}};
  if (::poll(entries.data(), entries.size(), static_cast<int>(at_most.count())) < 1) return false;
  std::uint64_t count;
  return (entries[0].revents & POLLIN) != 0 &&
         ::read(event.get(), &count, sizeof count) == sizeof count;
}

}  // namespace

// In memory that the tracing process and the one that made the tracer share.
struct Tracer::Shared {
  std::atomic<pid_t> program{0};
  std::atomic<bool> counting{false};
  std::atomic<bool> killed{false};
  std::atomic<bool> ended{false};
  std::atomic<bool> inside_call{false};
  std::atomic<std::uint64_t> points{0};
  std::atomic<std::uint64_t> pause_at{0};
  std::atomic<std::uint64_t> pause_on{no_call};
  std::atomic<bool> may_pause{false};
  std::atomic<std::size_t> openings{0};
  std::array<std::uint64_t, 16> opening_points{};
  Point at;  // of the kill, or of the pause
};

std::string to_string(const Point& point) {
  const auto name = name_of(point.call);
  switch (point.kind) {
    case Point::Kind::entry:
      return "the entry of " + name;
    case Point::Kind::submitted:
      return name + ", " + std::to_string(point.entries) + " of " +
             std::to_string(point.arguments[1]) + " entries submitted";
    case Point::Kind::exit:
      return "the exit of " + name + " (" + std::to_string(point.result) + ")";
  }
  return name;
}

Tracer::Tracer(Plan plan)
    : plan_(plan), paused_(::eventfd(0, EFD_CLOEXEC)), resumed_(::eventfd(0, EFD_CLOEXEC)) {
  void* memory =
      ::mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  shared_ = new (memory) Shared;
  shared_->counting = plan.counting == Counting::from_start;
  if (plan.pause_at != 0) pause_at(plan.pause_at);
}

Tracer::~Tracer() {
  ::munmap(shared_, sizeof(Shared));
}

// ---- in the tracing process

int Tracer::trace(const std::function<int()>& program) {
  const pid_t pid = ::fork();
  if (pid == 0) {
    if (::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) < 0) ::_exit(126);
    ::raise(SIGSTOP);
    ::_exit(program());
  }
  int status = 0;
  ::waitpid(pid, &status, __WALL);
  shared_->program = pid;
  ::ptrace(PTRACE_SETOPTIONS, pid, nullptr, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL);
  int signal = 0;
  while (WIFSTOPPED(status)) {
    ::ptrace(PTRACE_SYSCALL, pid, nullptr, signal);
    signal = 0;
    if (::waitpid(pid, &status, __WALL) < 0 || !WIFSTOPPED(status)) break;
    if (WSTOPSIG(status) == (SIGTRAP | 0x80))
      follow(pid);
    else if (WSTOPSIG(status) != SIGTRAP)  // which comes after execve(2)
      signal = WSTOPSIG(status);
  }
  shared_->ended = true;
  tell(paused_);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

void Tracer::follow(pid_t pid) {
  __ptrace_syscall_info info{};
  if (::ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof info, &info) <= 0) return;
  if (info.op == PTRACE_SYSCALL_INFO_ENTRY) {
    entry_ = Point{};
    entry_.call = info.entry.nr;
    for (std::size_t i = 0; i < entry_.arguments.size(); ++i)
      entry_.arguments[i] = info.entry.args[i];
    reach(pid, entry_);
    shared_->inside_call = true;
    if (entry_.call == SYS_io_uring_enter) submit_some(pid, entry_);
  } else if (info.op == PTRACE_SYSCALL_INFO_EXIT) {
    shared_->inside_call = false;
    Point exit = entry_;
    exit.kind = Point::Kind::exit;
    exit.result = info.exit.rval;
    reach(pid, exit);
  }
}

void Tracer::reach(pid_t pid, const Point& point) {
  if (shared_->pause_on == point.call && point.kind == Point::Kind::entry) {
    shared_->pause_on = no_call;
    return pause(point);
  }
  if (!shared_->counting) return;
  const auto number = ++shared_->points;
  const bool opens_for_writing = point.kind == Point::Kind::entry && point.call == SYS_openat &&
                                 (point.arguments[2] & O_ACCMODE) == O_WRONLY;
  if (opens_for_writing && shared_->openings < shared_->opening_points.size())
    shared_->opening_points[shared_->openings++] = number;
  if (number == plan_.kill_at) {
    shared_->at = point;
    shared_->killed = true;
    ::kill(pid, SIGKILL);
  }
  if (number == shared_->pause_at) pause(point);
}

// Each entry that the call submits is a point. At the chosen one the call is made to submit up to
// there and to return, instead of going on and waiting for completions.
void Tracer::submit_some([[maybe_unused]] pid_t pid, [[maybe_unused]] const Point& entry) {
#ifdef __x86_64__
  if (!shared_->counting || shared_->killed) return;
  const auto to_submit = entry.arguments[1];
  const auto before = shared_->points.load();
  if (plan_.kill_at <= before || plan_.kill_at > before + to_submit) {
    shared_->points = before + to_submit;
    return;
  }
  constexpr std::uint64_t get_events = 1;  // IORING_ENTER_GETEVENTS of linux/io_uring.h
  Point point = entry;
  point.kind = Point::Kind::submitted;
  point.entries = plan_.kill_at - before;
  user_regs_struct registers{};
  ::ptrace(PTRACE_GETREGS, pid, nullptr, &registers);
  registers.rsi = point.entries;
  registers.rdx = 0;
  registers.r10 &= ~get_events;
  ::ptrace(PTRACE_SETREGS, pid, nullptr, &registers);
  ::ptrace(PTRACE_SYSCALL, pid, nullptr, 0);
  int status = 0;
  if (::waitpid(pid, &status, __WALL) < 0 || !WIFSTOPPED(status)) return;
  shared_->points = plan_.kill_at;
  if (plan_.linger.count() > 0) std::this_thread::sleep_for(plan_.linger);
  shared_->at = point;
  shared_->killed = true;
  ::kill(pid, SIGKILL);
#endif
}

void Tracer::pause(const Point& point) {
  if (!shared_->may_pause) return;
  shared_->at = point;
  tell(paused_);
  (void)await(resumed_, 2 * patience);
}

// ---- in the process that made the tracer

void Tracer::start_counting() {
  (void)eventually([this] {
    return shared_->ended || (shared_->inside_call && process_state(shared_->program) == 'S');
  });
  shared_->points = 0;
  shared_->openings = 0;
  shared_->counting = true;
}

void Tracer::stop_counting() {
  shared_->counting = false;
}

std::uint64_t Tracer::points() const {
  return shared_->points;
}

std::vector<std::uint64_t> Tracer::openings_for_writing() const {
  const auto first = shared_->opening_points.begin();
  return {first, first + static_cast<std::ptrdiff_t>(shared_->openings.load())};
}

std::optional<Point> Tracer::killed_at() const {
  if (!shared_->killed) return std::nullopt;
  return shared_->at;
}

void Tracer::kill_program(int signal) {
  if (!shared_->ended) ::kill(shared_->program, signal);
}

void Tracer::pause_at(std::uint64_t number) {
  while (await(paused_, {}) || await(resumed_, {})) {
  }
  shared_->pause_at = number;
  shared_->may_pause = true;
}

void Tracer::pause_on(std::uint64_t call) {
  shared_->pause_on = call;
}

std::optional<Point> Tracer::await_pause(int instead) {
  if (!await(paused_, patience, instead) || shared_->ended) return std::nullopt;
  return shared_->at;
}

void Tracer::resume() {
  tell(resumed_);
}

void Tracer::run_on() {
  shared_->may_pause = false;
  shared_->pause_on = no_call;
  tell(resumed_);
}

}  // namespace reeve::test
