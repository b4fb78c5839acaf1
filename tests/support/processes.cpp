#include "support/processes.hpp"

#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <thread>
#include <utility>

namespace reeve::test {

namespace {

[[noreturn]] void fail(const char* what) {
  throw std::runtime_error(std::string(what) + ": " + std::strerror(errno));
}

// Like fork(2) in all that matters here.
pid_t clone_with(clone_args& arguments, int& pidfd) {
  arguments.flags |= CLONE_PIDFD;
  arguments.pidfd = reinterpret_cast<std::uint64_t>(&pidfd);
  arguments.exit_signal = SIGCHLD;
  return static_cast<pid_t>(syscall(SYS_clone3, &arguments, sizeof arguments));
}

[[noreturn]] void be(const std::function<int()>& body) {
  int status = 99;
  try {
    status = body();
  } catch (...) {
  }
  ::_exit(status);
}

int sleep_for_ever() {
  for (;;)
    ::pause();
}

}  // namespace

bool eventually(const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return true;
}

Child::Child(pid_t pid, int pidfd) : pid_(pid), pidfd_(pidfd) {}
Child::Child(Child&& other) noexcept
    : pid_(std::exchange(other.pid_, 0)), pidfd_(std::move(other.pidfd_)) {}
Child& Child::operator=(Child&& other) noexcept {
  if (this != &other) {
    kill();
    pid_ = std::exchange(other.pid_, 0);
    pidfd_ = std::move(other.pidfd_);
  }
  return *this;
}
Child::~Child() {
  kill();
}

Child Child::run(const std::function<int()>& body) {
  clone_args arguments{};
  int pidfd = -1;
  const pid_t pid = clone_with(arguments, pidfd);
  if (pid < 0) fail("clone3");
  if (pid == 0) be(body);
  return {pid, pidfd};
}

Child Child::exec(const std::vector<std::string>& command) {
  return run([&] {
    std::vector<char*> arguments;
    for (const auto& argument : command)
      arguments.push_back(const_cast<char*>(argument.c_str()));
    arguments.push_back(nullptr);
    ::execvp(arguments.front(), arguments.data());
    return 127;
  });
}

Child Child::sleeper() {
  return run(sleep_for_ever);
}

Child Child::with_pid(pid_t pid) {
  clone_args arguments{};
  arguments.set_tid = reinterpret_cast<std::uint64_t>(&pid);
  arguments.set_tid_size = 1;
  int pidfd = -1;
  const pid_t made = clone_with(arguments, pidfd);
  if (made < 0) fail("clone3 with set_tid");
  if (made == 0) be(sleep_for_ever);
  return {made, pidfd};
}

Child Child::born_in(const std::string& directory, const std::function<int()>& body) {
  const FileDescriptor group(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!group) fail(directory.c_str());
  clone_args arguments{};
  arguments.flags = CLONE_INTO_CGROUP;
  arguments.cgroup = static_cast<std::uint64_t>(group.get());
  int pidfd = -1;
  const pid_t pid = clone_with(arguments, pidfd);
  if (pid < 0) fail("clone3 into a cgroup");
  if (pid == 0) be(body);
  return {pid, pidfd};
}

bool Child::is_alive() const {
  pollfd entry{pidfd_.get(), POLLIN, 0};
  return pid_ != 0 && ::poll(&entry, 1, 0) == 0;
}

void Child::signal(int number) const {
  (void)syscall(SYS_pidfd_send_signal, pidfd_.get(), number, nullptr, 0);
}

int Child::wait() {
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  pid_ = 0;
  return status;
}

void Child::kill() {
  if (pid_ == 0) return;
  signal(SIGKILL);
  wait();
}

void Child::kill_unreaped() const {
  signal(SIGKILL);
  (void)eventually([this] { return !is_alive(); });
}

LifeLine::LifeLine() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), 0) < 0) fail("pipe");
  reader_ = FileDescriptor(ends[0]);
  writer_ = FileDescriptor(ends[1]);
  ::fcntl(reader_.get(), F_SETFD, FD_CLOEXEC);
}

void LifeLine::report() const {
  (void)!::write(writer_.get(), "x", 1);
}

bool LifeLine::await_reports(std::size_t count) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (reports_ < count) {
    pollfd entry{reader_.get(), POLLIN, 0};
    if (::poll(&entry, 1, 100) == 1) {
      char byte;
      if (::read(reader_.get(), &byte, 1) == 1)
        ++reports_;
      else
        return false;
    }
    if (std::chrono::steady_clock::now() > deadline) return false;
  }
  return true;
}

bool LifeLine::all_are_gone() const {
  return eventually([this] {
    std::array<char, 4096> buffer;
    pollfd entry{reader_.get(), POLLIN, 0};
    if (::poll(&entry, 1, 0) != 1) return false;
    if ((entry.revents & POLLIN) != 0 && ::read(reader_.get(), buffer.data(), buffer.size()) > 0)
      return false;
    return (entry.revents & POLLHUP) != 0;
  });
}

std::string read_file(const std::string& path) {
  std::ifstream file(path);
  std::stringstream content;
  content << file.rdbuf();
  return content.str();
}

std::string control_group_of(pid_t pid) {
  std::istringstream lines(read_file("/proc/" + std::to_string(pid) + "/cgroup"));
  for (std::string line; std::getline(lines, line);)
    if (line.starts_with("0::")) return line.substr(3);
  return {};
}

bool process_exists(pid_t pid) {
  return ::kill(pid, 0) == 0 || errno == EPERM;
}

std::optional<char> process_state(pid_t pid) {
  const auto stat = read_file("/proc/" + std::to_string(pid) + "/stat");
  const auto end = stat.rfind(") ");
  if (end == std::string::npos) return std::nullopt;
  return stat[end + 2];
}

}  // namespace reeve::test
